"""The bridge's layers and losses, Adadelta, and whole modules in files: PyTorch's values, gradients
and names where it is installed, and right values where it is not."""

import io

import numpy as np
import pytest

import nptorch
from nptorch import nn
from nptorch.nn import functional as F

IMAGES = np.random.default_rng(0).normal(0, 3, (2, 6, 5, 7)).astype(np.float32)
IMAGES.ravel()[:6] = 0, 1, -1, 3, -3, 6  # where a piece ends, and another begins
OTHER = np.random.default_rng(1).normal(0, 3, IMAGES.shape).astype(np.float32)

LAYERS = [(program, IMAGES) for program in """
Softmax(1) LogSoftmax(1) LeakyReLU(0.2) ELU(2.0) SELU()
SiLU() Softplus() Softplus(3.0,0.2) LogSigmoid() Mish() Softsign() Hardtanh() Hardtanh(-2.0,1.5)
ReLU6() Hardsigmoid() AdaptiveAvgPool2d(1)
Unflatten(1,(2,3)) LazyConv2d(4,3) LazyLinear(4)""".split()]
LAYERS += [(program, IMAGES, OTHER) for program in (
    "L1Loss()", "SmoothL1Loss()", "SmoothL1Loss(beta=0.3)", "SmoothL1Loss(beta=0)",
    "SmoothL1Loss(size_average=False)", "HuberLoss(delta=2.0)", "HuberLoss(reduction='none')")]


def result(library, program, *arrays):
    """The names of a layer, what it makes of arrays, and all gradients; its weights are given."""
    inputs = [library.tensor(a, requires_grad=True) for a in arrays]
    layer = eval(program, vars(library.nn))
    if "Lazy" in program:
        layer(inputs[0])
    for i, p in enumerate(layer.parameters()):
        with library.no_grad():
            p.copy_(library.tensor(np.random.default_rng(i).normal(size=tuple(p.shape))))
    out, names = [layer(*inputs)], [(k, tuple(v.shape)) for k, v in layer.state_dict().items()]
    while any(isinstance(x, tuple) for x in out):
        out = [y for x in out for y in (x if isinstance(x, tuple) else [x])]
    sum((x * library.tensor(np.cos(np.arange(x.detach().numpy().size, dtype=np.float32)).reshape(
        tuple(x.shape)))).sum() for x in out).backward()
    return names, [x.detach().numpy() for x in out] + [
        x.grad.numpy() for x in (*inputs, *layer.parameters())]


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: f"{case[0]} {case[1].shape}")
@pytest.mark.filterwarnings("ignore:size_average:UserWarning", "ignore:Lazy modules:UserWarning")
def test_layers_are_pytorchs(case):
    names, arrays = result(nptorch, *case)
    torch_names, torch_arrays = result(pytest.importorskip("torch"), *case)
    assert names == torch_names
    for mine, theirs in zip(arrays, torch_arrays, strict=True):
        assert mine.dtype == theirs.dtype and np.allclose(mine, theirs, 2e-5, 2e-5)
        assert mine.shape == theirs.shape


def test_some_values_by_hand():
    x = nptorch.tensor([-2.0, 0.0, 0.5, 3.0])
    assert nn.Hardtanh()(x).tolist() == [-1, 0, 0.5, 1]
    assert nn.ReLU6()(x * 3).tolist() == [0, 0, 1.5, 6]
    assert np.allclose(F.hardsigmoid(x).data, [1 / 6, 0.5, 3.5 / 6, 1])
    assert np.allclose(nn.ELU()(x).data, [np.exp(-2) - 1, 0, 0.5, 3])
    assert np.allclose(F.softplus(x).data, np.log1p(np.exp(x.data)))
    assert F.huber_loss(x, nptorch.zeros(4), "none", 2.0).tolist() == [2, 0, 0.125, 4]
    assert F.smooth_l1_loss(x, nptorch.zeros(4), "none", beta=2.0).tolist() == [1, 0, 0.0625, 2]


def test_dropout2d_takes_whole_channels():
    nptorch.manual_seed(0)
    layer, x = nn.Dropout2d(0.5), nptorch.ones(4, 8, 3, 3)
    seen = layer(x).data.reshape(32, 9)
    assert {tuple(set(channel)) for channel in seen.tolist()} == {(0.0,), (2.0,)}
    assert layer.eval()(x).tolist() == x.tolist()
    assert F.dropout2d(x, training=False).tolist() == x.tolist()


def same_in_both(f):
    """Run f with each library, and compare what it lists."""
    def test():
        mine, theirs = f(nptorch), f(pytest.importorskip("torch"))
        assert mine == theirs

    return test


@same_in_both
def test_adadelta(torch):
    w = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    optimizer = torch.optim.Adadelta([w], lr=0.5, weight_decay=0.1)
    for _ in range(5):
        w.grad = None
        (w**4).sum().backward()
        optimizer.step()
    return [round(x, 5) for x in w.tolist()], list(optimizer.state_dict()["state"][0])


class Net(nn.Module):
    def __init__(self):
        self.first, self.tied = nn.Linear(2, 3), nn.Linear(2, 3)
        self.tied.weight = self.first.weight
        self.norm, self.act, self.conv = nn.BatchNorm1d(3), nn.ELU(2.0), nn.Conv2d(1, 2, 3)
        self.parts = {"x": nn.Linear(3, 1)}

    def forward(self, x):
        return self.parts["x"](self.act(self.norm(self.first(x) + self.tied(x))))


def test_a_whole_module_is_saved():
    net, file, x = Net(), io.BytesIO(), nptorch.rand(5, 2)
    net(x)
    net.first.bias.requires_grad = False
    nptorch.save({"net": net.eval(), 1: (2, [(3,)])}, file)
    file.seek(0)
    found = nptorch.load(file)
    again = found["net"]
    assert found[1] == (2, [(3,)]) and type(again) is Net and again is not net
    assert again(x).tolist() == net(x).tolist() and str(again) == str(net)
    assert again.tied.weight is again.first.weight and not again.first.bias.requires_grad
    assert list(again.state_dict()) == list(net.state_dict()) and not again.training
    again(x).sum().backward()
    assert again.parts["x"].weight.grad is not None and net.parts["x"].weight.grad is None


def test_nothing_but_modules_is_made_from_a_file():
    class Hidden(nn.Module):
        pass

    with pytest.raises(TypeError, match=r"net\.state_dict\(\)"):
        nptorch.save(Hidden(), io.BytesIO())
    from nptorch.bridge import tensors
    for path in (["os", "system"], ["builtins", "dict"], ["nowhere", "Net"], [__name__, "nothing"]):
        with pytest.raises(TypeError, match="no class that can be found"):
            tensors._built({"kind": path, "holds": {}}, [], {})
