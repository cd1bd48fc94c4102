"""The bridge's layers, losses, lists, loaders, optimizers and recurrent nets: PyTorch's values,
gradients and names where it is installed, and right values where it is not."""

import io
import itertools
import pickle
import subprocess
import sys

import numpy as np
import pytest

import nptorch
from nptorch import nn
from nptorch.nn import functional as F
from nptorch.optim import lr_scheduler
from nptorch.utils import data

IMAGES = np.random.default_rng(0).normal(0, 3, (2, 6, 5, 7)).astype(np.float32)
IMAGES.ravel()[:6] = 0, 1, -1, 3, -3, 6  # where a piece ends, and another begins
ROWS, STEPS = IMAGES[:, :, 0], IMAGES[0, :, :, :4]
OTHER = np.random.default_rng(1).normal(0, 3, IMAGES.shape).astype(np.float32)
STATE = OTHER[0, :2, :5, :3]

LAYERS = [(program, IMAGES) for program in """
Softmax(1) LogSoftmax(1) LeakyReLU(0.2) ELU(2.0) SELU()
SiLU() Softplus() Softplus(3.0,0.2) LogSigmoid() Mish() Softsign() Hardtanh() Hardtanh(-2.0,1.5)
ReLU6() Hardsigmoid() AdaptiveAvgPool2d(1) AdaptiveAvgPool2d((3,4)) AdaptiveAvgPool2d((None,2))
Unflatten(1,(2,3)) Conv2d(6,4,3,padding='same') Conv2d(6,4,3,padding='valid')""".split()]
LAYERS += [(program, IMAGES[0]) for program in (
    "Conv2d(6, 4, 3)", "MaxPool2d(2)", "AvgPool2d(2, 1)", "LazyConv2d(4, 3)")]
LAYERS += [(program, rows) for program in (
    "Conv1d(6, 4, 3, padding='same')", "Conv1d(6, 4, 3, 2, 1, bias=False)", "LazyConv1d(4, 3)",
    "Conv1d(6, 4, 2, padding=2, dilation=3, groups=2)", "MaxPool1d(3, 2, 1)", "AvgPool1d(3, 1, 1)",
    "AdaptiveAvgPool1d(4)") for rows in (ROWS, ROWS[0])]
LAYERS += [(program, STEPS) for program in (
    "RNN(4, 3)", "RNN(4, 3, 2, 'relu')", "GRU(4, 3, 1, False, True)",
    "LSTM(4, 3, 2, bidirectional=True)", "LSTM(4, 3, bias=False, batch_first=True)",
    "GRU(4, 3, 2)", "GRU(4, 3, bidirectional=True)")]
LAYERS += [("RNN(4, 3)", STEPS[0]), ("RNNCell(4, 3)", STEPS[0]),
           ("RNNCell(4, 3, True, 'relu')", STEPS[0]), ("LSTMCell(4, 3)", STEPS[0]),
           ("LSTMCell(4, 3)", STEPS[0, 0]),
           ("GRUCell(4, 3)", STEPS[0], STATE[0, :5]),
           ("GRU(4, 3, 2)", STEPS[:, :5], STATE)]
LAYERS += [(program, IMAGES, OTHER) for program in (
    "L1Loss()", "SmoothL1Loss()", "SmoothL1Loss(beta=0.3)", "SmoothL1Loss(beta=0)",
    "SmoothL1Loss(size_average=False)", "HuberLoss(delta=2.0)", "HuberLoss(reduction='none')")]

LAYERS += [(f"ConvTranspose2d(6, 4, {', '.join(map(str, options))})", IMAGES)
           for options in itertools.product((2, (3, 1)), (2, (3, 2)), (0, (1, 0)), (0, (0, 1)),
                                            (1, 2), (True, False), (1, (1, 2)))]
LAYERS += [(program, images) for program in ("ConvTranspose2d(6, 1, 3)", "Upsample(scale_factor=2)",
                                             "Upsample((9, 4))") for images in (IMAGES, IMAGES[:1])]
LAYERS += [("ConvTranspose2d(6, 2, 3, 2, 1, 1)", IMAGES[0]), ("Upsample(None, 1.7)", ROWS)]


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
    smooth = F.smooth_l1_loss(x, nptorch.zeros(4), reduction="none", beta=2.0)
    assert smooth.tolist() == [1, 0, 0.0625, 2]
    rows = nptorch.arange(6.0).reshape(1, 1, 6)
    assert F.elu(nptorch.tensor(-1e-6)).item() == pytest.approx(-1e-6, rel=1e-5)
    assert nn.MaxPool1d(2)(rows).tolist() == [[[1, 3, 5]]]
    assert F.adaptive_avg_pool1d(rows, 4).tolist() == [[[0.5, 1.5, 3.5, 4.5]]]
    assert F.conv1d(rows, nptorch.ones(1, 1, 2), padding=1).tolist() == [[[0, 1, 3, 5, 7, 9, 5]]]
    square, ones = nptorch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), nptorch.ones(1, 1, 2, 2)
    assert F.conv_transpose2d(square, ones)[0, 0].tolist() == [[1, 3, 2], [4, 10, 6], [3, 7, 4]]
    twice = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert F.conv_transpose2d(square, ones, stride=2)[0, 0].tolist() == twice
    assert F.upsample(square, scale_factor=2)[0, 0].tolist() == twice
    assert nn.Upsample((1, 3))(square)[0, 0].tolist() == [[1, 1, 2]]
    lstm = nn.LSTM(1, 1)
    for p in lstm.parameters():
        nn.init.zeros_(p)
    lstm.bias_ih_l0.data[2] = 1e9  # the new numbers are 1, and all gates half open
    output, (h, c) = lstm(nptorch.zeros(2, 1, 1))
    assert np.allclose(c.item(), 0.75) and np.allclose(h.item(), np.tanh(0.75) / 2)
    assert np.allclose(output.data.ravel(), np.tanh([0.5, 0.75]) / 2)


@pytest.mark.parametrize("stride", [1, 2, (3, 2)])
@pytest.mark.parametrize("padding", [0, (1, 2)])
@pytest.mark.parametrize("groups, dilation", [(1, 1), (2, (1, 2)), (1, 3)])
def test_a_transposed_convolution_is_the_way_back_of_a_convolution(
        stride, padding, groups, dilation):
    options = {"stride": stride, "padding": padding, "groups": groups, "dilation": dilation}
    x = nptorch.tensor(IMAGES[:, :4].repeat(2, 2).astype(np.float64), requires_grad=True)
    weight = nptorch.tensor(np.random.default_rng(5).normal(size=(6, 4 // groups, 2, 3)))
    y = F.conv2d(x, weight, **options)
    g = nptorch.tensor(np.random.default_rng(6).normal(size=y.shape))
    least = F.conv_transpose2d(g, weight, **options).shape
    ahead = tuple(n - m for n, m in zip(x.shape[2:], least[2:]))
    found = F.conv_transpose2d(g, weight, output_padding=ahead, **options)
    assert np.allclose(found.data, nptorch.autograd.grad(y, x, g)[0].data)


def test_a_transposed_convolution_is_drawn_as_pytorchs():
    nptorch.manual_seed(0)
    layer, bound = nn.ConvTranspose2d(64, 100, 3, groups=4), (25 * 9) ** -0.5
    assert layer.weight.shape == (64, 25, 3, 3) and layer.bias.shape == (100,)
    for p in layer.parameters():
        assert 0.9 * bound < abs(p.data).max() <= bound and abs(p.data.mean()) < 0.3 * bound
    assert nn.ConvTranspose2d(3, 2, 3, bias=False).bias is None
    assert nn.ConvTranspose2d(3, 2, 3, dtype=np.float64).bias.dtype == np.float64


def test_dropout2d_takes_whole_channels():
    nptorch.manual_seed(0)
    layer, x = nn.Dropout2d(0.5), nptorch.ones(4, 8, 3, 3)
    seen = layer(x).data.reshape(32, 9)
    assert {tuple(set(channel)) for channel in seen.tolist()} == {(0.0,), (2.0,)}
    assert layer.eval()(x).tolist() == x.tolist()
    assert F.dropout2d(x, training=False).tolist() == x.tolist()


@pytest.mark.parametrize("refused", [
    lambda: nn.Conv2d(1, 1, 2, padding="same"), lambda: nn.Conv1d(1, 1, 3, 2, padding="same"),
    lambda: nn.MaxPool2d(2)(nptorch.ones(4, 4)), lambda: nn.ELU(1, 2, 3), lambda: nn.Unflatten(),
    lambda: nn.LSTM(2, 3)(nptorch.ones(4, 1, 2), (nptorch.ones(1, 2, 3),) * 2),
    lambda: nn.GRUCell(2, 3)(nptorch.ones(4, 2), nptorch.ones(1, 3)),
    lambda: nn.RNN(2, 3)(nptorch.ones(4, 1, 3)),
    lambda: F.huber_loss(nptorch.ones(2), nptorch.ones(3)),
])
def test_what_does_not_fit_is_refused(refused):
    with pytest.raises((ValueError, TypeError)):
        refused()


def same_in_both(f):
    """Run f with each library, and compare what it lists."""
    def test():
        mine, theirs = f(nptorch), f(pytest.importorskip("torch"))
        assert mine == theirs

    return test


@same_in_both
def test_lists_of_modules(torch):
    nn = torch.nn
    found = nn.ModuleList([nn.Linear(1, 1), nn.ReLU()])
    found.insert(1, nn.Tanh())
    found.extend([nn.Sigmoid(), nn.ReLU()])
    found += [nn.Tanh()]
    del found[0]
    found[-1] = nn.ELU()
    kinds = [type(found.pop(2)).__name__, *(type(m).__name__ for m in found)]
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    net.insert(1, nn.Tanh())
    net.append(nn.Tanh()).extend(nn.Sequential(nn.ReLU()))
    more = net + nn.Sequential(nn.ELU()), found + [nn.ELU()], net * 2
    kinds += [(type(m).__name__, [type(part).__name__ for part in m]) for m in more]
    del net[-2]
    net[0] = nn.Linear(4, 3)
    named = nn.Sequential({"a": nn.Linear(1, 1), "b": nn.ReLU()}) if torch is nptorch else (
        nn.Sequential(__import__("collections").OrderedDict(a=nn.Linear(1, 1), b=nn.ReLU())))
    named[0] = nn.Tanh()
    return (kinds, len(found), list(dict(found.named_children())), list(net.state_dict()),
            [type(m).__name__ for m in net], list(dict(named.named_children())))


@same_in_both
def test_dicts_of_modules(torch):
    nn = torch.nn
    found = nn.ModuleDict({"x": nn.Linear(1, 2), "act": nn.ReLU()})
    found["y"] = nn.Linear(2, 2)
    found.update({"z": nn.Tanh()})
    popped = found.pop("act")
    del found["z"]
    return (list(found), len(found), "x" in found, "act" in found, list(found.state_dict()),
            [key for key, _ in found.items()], type(popped).__name__, len(list(found.parameters())),
            len(nn.ModuleDict()))


def test_lists_and_dicts_by_hand():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    net.insert(0, nn.Tanh())
    assert list(net.state_dict()) == ["1.weight", "1.bias"]
    with pytest.raises(TypeError, match="entry 3: expected a Module"):
        net.extend([3])
    assert len(net) == 3
    both = nn.ModuleDict({"a": nn.ReLU()})
    assert both["a"] is both.a and both == both and len({both}) == 1
    with pytest.raises(KeyError):
        both["b.c"] = nn.ReLU()
    with pytest.raises(KeyError):
        both["b"]


@same_in_both
def test_loaders_and_samplers(torch):
    data = torch.utils.data
    pairs = [(torch.tensor([float(i)]), i) for i in range(7)]

    class Mine(data.Sampler):
        __iter__, __len__ = lambda self: iter([2, 0]), lambda self: 2

    in_order = data.SequentialSampler(pairs)
    loaders = [data.DataLoader(pairs, **options) for options in (
        {"sampler": in_order, "batch_size": 3}, {"sampler": [3, 1]}, {"sampler": Mine()},
        {"batch_sampler": data.BatchSampler(in_order, 3, True)}, {"batch_size": 4},
        {"batch_size": 2, "collate_fn": lambda batch: [None, torch.tensor(len(batch))],
         "drop_last": True, "num_workers": 0})]
    random = data.RandomSampler(pairs)
    return ([[len(loader), [y.tolist() for _, y in loader]] for loader in loaders],
            [len(random), sorted(random), len(list(data.RandomSampler(pairs, num_samples=10)))],
            len(list(data.RandomSampler(pairs, True, 9))),
            len(data.BatchSampler(range(7), 3, False)),
            sorted(data.SubsetRandomSampler([2, 5])), isinstance(random, data.Sampler),
            set(data.WeightedRandomSampler([0.0, 1.0, 0.0], 5)))


def test_loaders_by_hand():
    pairs = data.TensorDataset(nptorch.arange(5), nptorch.arange(5) * 2)
    batches = data.BatchSampler([4, 0, 2], 2, drop_last=False)
    assert [x.tolist() for x, _ in data.DataLoader(pairs, batch_sampler=batches)] == [[4, 0], [2]]
    orders = [[x.tolist() for x, _ in data.DataLoader(
        pairs, 5, shuffle=True, generator=nptorch.Generator().manual_seed(seed), collate_fn=None)]
        for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2] and sorted(orders[2][0]) == [0, 1, 2, 3, 4]
    beside = {"batch_size": 3}, {"shuffle": True}, {"sampler": [1]}, {"drop_last": True}
    for wrong in {"sampler": [1], "shuffle": True}, *({"batch_sampler": [[1]]} | b for b in beside):
        with pytest.raises(ValueError, match="excludes"):
            data.DataLoader(pairs, **wrong)


@same_in_both
def test_adadelta_and_plans(torch):
    ends = []
    for options in {"weight_decay": 0.1}, {"eps": 0.5}:
        w = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
        optimizer = torch.optim.Adadelta([w], lr=0.5, **options)
        for _ in range(5):
            w.grad = None
            (w**4).sum().backward()
            optimizer.step()
        ends += [round(x, 5) for x in w.tolist()]
    rates, plans = [], torch.optim.lr_scheduler
    for name, *options in (("MultiStepLR", [2, 4], 0.5), ("ConstantLR", 0.5, 3),
                           ("PolynomialLR", 4, 2.0), ("ConstantLR", 0.5, 0),
                           ("PolynomialLR", 0), ("ExponentialLR", 0.5)):
        optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        scheduler = getattr(plans, name)(optimizer, *options)
        for _ in range(6):
            rates.append(round(scheduler.get_last_lr()[0], 6))
            optimizer.step()
            scheduler.step()
    return ends, rates


def test_rates_by_hand():
    optimizer = nptorch.optim.Adadelta([nptorch.ones(1, requires_grad=True)], lr=1.0)
    plan = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    plan.step()
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert lr_scheduler.MultiStepLR(optimizer, [1]).get_last_lr() == [1.0]


@same_in_both
def test_sgd_of_groups_or_with_nesterov(torch):
    ends, schedulers = [], torch.optim.lr_scheduler
    for settings, (first, second) in itertools.product(
            ({}, {"momentum": 0.9, "weight_decay": 0.1}, {"momentum": 0.9, "nesterov": True},
             {"momentum": 0.5, "dampening": 0.3}),
            (({}, {"lr": 0.01}), ({"momentum": 0.3}, {"weight_decay": 0.2}))):
        if settings.get("nesterov") or "momentum" not in settings:
            second = second | {"momentum": 0.7}
        w, b = torch.tensor([1.0, -2.0], requires_grad=True), torch.ones(1, requires_grad=True)
        groups, kept = [{"params": [w]} | first, {"params": b} | second], None
        for n in range(8):
            if n % 4 == 0:  # anew, and taken up
                optimizer = torch.optim.SGD(groups, lr=0.05, **settings)
                if kept:
                    optimizer.load_state_dict(kept)
                plan = schedulers.StepLR(optimizer, 3, 0.5, last_epoch=n - 1)
            optimizer.zero_grad(set_to_none=True)
            ((w**2).sum() + (b * w).sum() ** 2).backward()
            optimizer.step()
            plan.step()
            kept = optimizer.state_dict()
        ends.append([round(x, 5) for x in [*w.tolist(), *b.tolist(), *plan.get_last_lr()]])
    return ends


def test_sgd_of_groups_by_hand():
    w, b = (nptorch.ones(1, requires_grad=True) for _ in "wb")
    optimizer = nptorch.optim.SGD([{"params": [w]}, {"params": [b], "lr": 1.0}], lr=0.5)
    ahead = nptorch.optim.SGD([w], lr=0.5, momentum=0.5, nesterov=True, alpha=0.25)
    w.grad, b.grad = nptorch.ones(1), nptorch.ones(1)
    optimizer.step()
    assert (w.item(), b.item(), len(optimizer.param_groups)) == (0.5, 0.0, 2)
    for grad, end in (1.0, -0.4375), (1.0, -1.15625):  # 1.25 · 1.5, and 0.75 + 0.5 · 1.375
        w.grad = nptorch.tensor([grad])
        ahead.step()
        assert w.item() == end


def test_a_kind_of_sgd_stays_one_with_groups():
    class Counting(nptorch.optim.SGD):
        steps = 0

        def step(self):
            self.steps += 1
            super().step()

    w = nptorch.ones(1, requires_grad=True)
    optimizer, w.grad = Counting([{"params": [w]}], lr=0.5), nptorch.ones(1)
    optimizer.step()
    assert isinstance(optimizer, Counting) and (optimizer.steps, w.item()) == (1, 0.5)


class Net(nn.Module):
    def __init__(self):
        self.first, self.tied = nn.Linear(2, 3), nn.Linear(2, 3)
        self.tied.weight = self.first.weight
        self.norm, self.act, self.conv = nn.BatchNorm1d(3), nn.ELU(2.0), nn.Conv2d(1, 2, 3)
        self.parts = nn.ModuleDict({"x": nn.Linear(3, 1)})

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
    from nptorch import archives
    for path in (["os", "system"], ["builtins", "dict"], ["nowhere", "Net"], [__name__, "nothing"]):
        with pytest.raises(TypeError, match="no class that can be found"):
            archives._built({"kind": path, "holds": {}}, [], {})


@same_in_both
def test_losses_without_and_with_options(torch):
    nn, x = torch.nn, torch.tensor([[0.5, 1.0, -2.0], [1.5, 0.0, 1.0]])
    wide, losses = torch.stack([x, x * 2], 2), []
    for make in (nn.CrossEntropyLoss, nn.NLLLoss):
        losses += [make(ignore_index=-100)(x, torch.tensor([1, -100])),
                   make()(wide, torch.tensor([[0, 1], [2, 1]]))]
    losses.append(nn.CrossEntropyLoss()(x, torch.softmax(x, 1)))
    for made in (nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]), ignore_index=0),
                 nn.CrossEntropyLoss(reduction="sum", label_smoothing=0.1),
                 nn.NLLLoss(ignore_index=2)):
        file = io.BytesIO()
        torch.save(made, file)
        file.seek(0)
        again = torch.load(file, weights_only=False)
        losses += [loss(x, torch.tensor([0, 1])) for loss in (made, again)]
        assert type(again) is type(made) is getattr(nn, type(made).__name__)
    return [round(loss.item(), 4) for loss in losses]


@same_in_both
def test_samplers_of_other_kinds(torch):
    data = torch.utils.data
    for wrong in (lambda: data.RandomSampler([1, 2], num_samples=0),
                  lambda: data.BatchSampler([1], 0, False),
                  lambda: data.WeightedRandomSampler([1.0], 0)):
        with pytest.raises(ValueError, match="num_samples|batch_size"):
            wrong()
    return [[x.tolist() for x in data.DataLoader([1, 2, 3], 2, sampler=sampler)] for sampler in (
        [], torch.tensor([2, 0, 1]), np.array([2, 0]))] + [
        [x.tolist() for x in data.DataLoader([1, 2, 3], batch_sampler=groups)]
        for groups in ([], [[2, 1], [0]])]


@same_in_both
def test_a_last_true_means_inplace(torch):
    x, made = torch.tensor([-2.0, 0.5, 7.0]), "LeakyReLU(0.2, True)  ELU(2.0, True)  SELU(True)  " \
        "SiLU(True)  Mish(True)  Hardtanh(-1.0, 2.0, True)  ReLU6(True)  Hardsigmoid(True)"
    layers = [eval(program, vars(torch.nn)) for program in made.split("  ")]
    assert torch.nn.Dropout(0.25, True).p == 0.25
    dropped = torch.nn.Dropout2d(1.0, True)
    with pytest.raises(TypeError):
        torch.nn.Softmax(1, True)
    return ([[round(y, 4) for y in layer(x.clone()).tolist()] for layer in layers],
            dropped(torch.ones(1, 2, 1, 1)).sum().item(),
            dropped.eval()(torch.ones(1, 2, 1, 1)).sum().item())


@same_in_both
def test_extend_keeps_names(torch):
    nn = torch.nn
    net = nn.Sequential(__import__("collections").OrderedDict(a=nn.ReLU(), b=nn.Tanh())) if (
        torch is not nptorch) else nn.Sequential({"a": nn.ReLU(), "b": nn.Tanh()})
    net.extend(nn.Sequential(nn.ELU(), nn.ReLU()))
    found = nn.ModuleList([nn.ReLU()])
    found += [nn.Tanh()]
    return list(dict(net.named_children())), list(dict(found.named_children()))


@same_in_both
def test_pooling_with_all_its_options(torch):
    nn, F = torch.nn, torch.nn.functional
    image = np.random.default_rng(0).integers(-3, 4, (2, 3, 9, 8)).astype(np.float32)
    image[0, 1, 2:5, 3], image[1, 2, 8, 7] = np.nan, np.inf
    results = []
    for kernel, stride, padding, dilation, ceil in itertools.product(
            (2, (3, 2)), (None, (2, 3)), (0, 1), (1, 2), (False, True)):
        x = torch.tensor(image, requires_grad=True)
        y, where = F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode=ceil,
                                return_indices=True)
        y.sum().backward()
        results += [y, where, x.grad]
    for (i, kernel), ceil, count, divisor in itertools.product(
            enumerate((2, (3, 2))), (False, True), (False, True), (None, 5)):
        x = torch.tensor(image[1:, :2], requires_grad=True)
        y = F.avg_pool2d(x, kernel, (2, 3), i, ceil, count, divisor)
        y.sum().backward()
        results += [y, x.grad]
    x = torch.tensor(image)
    layers = [nn.MaxPool2d(3, 2, 1, 2), nn.MaxPool2d(2, ceil_mode=True),
              nn.MaxPool2d(3, dilation=2), nn.MaxPool2d(2, return_indices=True),
              nn.AvgPool2d(3, 2, 1, True, False), nn.AvgPool2d(2, divisor_override=3),
              nn.AvgPool2d((1, 3), ceil_mode=True)]
    results += [y for layer in layers for images in (x, x[0]) for found in [layer(images)]
                for y in (found if isinstance(found, tuple) else [found])]
    for layer in nn.MaxPool1d(3, 2, 1, 1, ceil_mode=True), nn.AvgPool1d(3, 2, 1, True, False):
        found = layer(x[0])
        results += found if isinstance(found, tuple) else [found]
    results += [*F.max_pool1d(x[0], 3, 2, ceil_mode=True, return_indices=True)]
    low = torch.tensor(np.full((1, 3, 3), -np.inf, np.float32))
    results += [*F.max_pool2d(low, 2, 2, 1, ceil_mode=True, return_indices=True),
                nn.MaxPool2d(3, 2, 1)(low), F.max_pool1d(low[0], 2, 2, 1),
                F.avg_pool2d(torch.tensor(np.full((1, 4, 4), 6e4, np.float16)), 3, None, 0, True),
                *F.max_pool2d(torch.tensor([[[2**53, 2**53 + 1]]]), (1, 2), return_indices=True)]
    results += [F.max_pool2d(x[1:, :2].long(), 2), F.avg_pool2d(x[1:, :2].long() * 5, 2, 2, 1)]
    return str([(tuple(y.shape), str(y.dtype).split(".")[-1],
                 np.round(y.detach().double().numpy() + 0.0, 4).tolist()) for y in results])


def test_pooling_refuses():
    image = nptorch.ones(1, 1, 4, 4)
    for wrong, said in ((lambda: F.max_pool2d(image, 2, padding=2), "at most half"),
                        (lambda: F.max_pool2d(image, 2, 1, 2, 2, ceil_mode=True), "at most half"),
                        (lambda: F.avg_pool2d(image, 2, divisor_override=0), "divisor_override"),
                        (lambda: F.max_pool2d(image, 5, ceil_mode=True), "H >= 5"),
                        (lambda: F.avg_pool2d(image[0, 0], 2, ceil_mode=True), "C, H, W"),
                        (lambda: nn.MaxPool2d(2, ceil_mode=1), "ceil_mode: expected True or"),
                        (lambda: F.pad(image, (1, 1), padding_mode="reflect"), "only 'zeros'"),
                        (lambda: nn.MaxPool2d(2, 2, 0, 1, False, True, 3), "MaxPool2d.*too many"),
                        (lambda: nn.AvgPool2d(2, 2, nothing=1), "AvgPool2d.*'nothing'")):
        with pytest.raises(RuntimeError, match=said):
            wrong()


def test_a_pooling_says_what_it_does_and_comes_back(tmp_path):
    layer = nn.MaxPool2d(3, 2, ceil_mode=True)
    assert str(layer) == "MaxPool2d(kernel_size=3, stride=2, padding=0, ceil_mode=True)"
    nptorch.save(layer, tmp_path / "layer")
    image = nptorch.rand(1, 1, 6, 6)
    assert nptorch.load(tmp_path / "layer")(image).tolist() == layer(image).tolist()
    assert layer(image).shape == (1, 1, 3, 3)
    framed = nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")
    net = nn.Sequential(layer, framed)
    said = pickle.dumps((net, image, net(image).tolist()))
    assert pickle.loads(said)[0](image).tolist() == net(image).tolist()
    program = ("import nptorch, pickle; net, image, found = pickle.loads(bytes.fromhex("
               f"'{said.hex()}')); assert net(image).tolist() == found")
    subprocess.run([sys.executable, "-c", program], check=True)  # where the bridge is not loaded


@same_in_both
def test_borders_of_a_convolution(torch):
    nn = torch.nn
    rng, results = np.random.default_rng(0), []
    image = rng.integers(-3, 4, (2, 4, 7, 6)).astype(np.float32)
    for mode, options in itertools.product(("zeros", "reflect", "replicate", "circular"), (
            {"padding": (2, 1)}, {"padding": "same", "dilation": 2}, {"padding": 1, "stride": 2},
            {"padding": 1, "groups": 2, "bias": False})):
        layer = nn.Conv2d(4, 2, (3, 5), padding_mode=mode, **options)
        for p in layer.parameters():
            with torch.no_grad():
                p.copy_(torch.tensor(rng.integers(-3, 4, tuple(p.shape)).astype(np.float32)))
        x = torch.tensor(image, requires_grad=True)
        y = layer(x)
        y.sum().backward()
        results += [y, layer(x[1]), x.grad, layer.weight.grad]
        assert torch is not nptorch or vars(layer).get("padding_mode", "zeros") == mode
    return str([(y.detach().numpy() + 0.0).tolist() for y in results])


@same_in_both
def test_spreads_beside_their_means(torch):
    t = torch.arange(6.0).reshape(2, 3) ** 2
    found = (*torch.std_mean(t), *torch.var_mean(t, 1, keepdim=True),
             *torch.std_mean(t, dim=0, unbiased=False))
    return [(tuple(x.shape), np.round(x.numpy(), 4).tolist()) for x in found]


@same_in_both
def test_norms_of_matrices(torch):
    t = torch.arange(24.0).reshape(2, 3, 4) - 9
    orders = 1, -1, 2, np.inf, -np.inf, "nuc", "fro"
    found = [torch.linalg.matrix_norm(t, order) for order in orders]
    found += [torch.linalg.norm(t[0], order) for order in orders]
    found += [torch.linalg.matrix_norm(t, order, (0, 2), True) for order in orders]
    found += [torch.linalg.norm(t, order, (2, 0)) for order in (1, np.inf)]
    w = torch.tensor([[1.0, -2.0], [3.0, 4.5]], requires_grad=True)
    (torch.linalg.norm(w, 1) + 2 * torch.linalg.norm(w, -np.inf)).backward()
    return [(tuple(x.shape), np.round(x.detach().numpy(), 3).tolist()) for x in [*found, w.grad]]


@same_in_both
def test_shares_that_are_0_have_slopes(torch):
    shares = torch.tensor([[0.0, 1.0], [0.25, 0.75]], requires_grad=True)
    logits = torch.tensor([[1.0, 2.0], [0.5, 0.0]], requires_grad=True)
    torch.nn.functional.cross_entropy(logits, shares).backward()
    return [np.round(x.grad.numpy(), 5).tolist() for x in (shares, logits)]


@same_in_both
def test_infinity_stays_where_it_is(torch):
    F = torch.nn.functional
    image = torch.tensor([[[[1.0, np.inf, 2.0, 3.0], [4.0, 5.0, np.nan, 6.0]]]])
    ends = torch.tensor([np.inf, -np.inf, 200.0, -200.0], requires_grad=True)
    F.softplus(ends[:2]).sum().backward()
    results = [F.adaptive_avg_pool2d(image, (2, 3)), F.adaptive_avg_pool1d(image[0], 2),
               F.logsigmoid(ends), F.softplus(ends), F.mish(ends[::2]) if torch is nptorch else
               F.mish(ends[[0, 2]]), ends.grad]
    return str([np.round(x.detach().numpy() + 0.0, 5).tolist() for x in results])


@same_in_both
def test_slopes_at_nan(torch):
    found = {}
    for name in "elu selu leaky_relu hardsigmoid hardtanh relu6".split():
        x = torch.tensor([np.nan, 0.0, 2.0], requires_grad=True)
        getattr(torch.nn.functional, name)(x).sum().backward()
        found[name] = [round(slope, 4) for slope in x.grad.tolist()]
    return found


def test_ints_become_float32():
    for f in (F.logsigmoid, F.softplus, F.mish, F.silu):
        assert f(nptorch.tensor([1, 2])).dtype == np.float32


@same_in_both
def test_recurrent_layers_in_pytorchs_order(torch):
    nn = torch.nn
    layers = [nn.RNN(3, 2, 1, "relu"), nn.RNN(3, 2, bidirectional=True), nn.LSTM(3, 2, 1, False),
              nn.GRU(3, 2, 2, False, True, 0.1, True), nn.RNNCell(3, 2, False, "relu"),
              nn.LSTMCell(3, 2)]
    layers[0].flatten_parameters()
    before = layers[3].weight_hh_l1.sum().item()
    layers[3].reset_parameters()
    assert before != layers[3].weight_hh_l1.sum().item()
    assert 0 < abs(layers[3].weight_hh_l1.detach().numpy()).max() <= 2**-0.5
    for wrong in (lambda: nn.RNN(3, 2, 1, "elu"), lambda: nn.LSTM(3, 2, nonlinearity="relu")):
        with pytest.raises((ValueError, TypeError), match="nonlinearity"):
            wrong()
    return [[str(layer), layer.input_size, layer.hidden_size, layer.bias] for layer in layers], [
        [layer.num_layers, layer.bidirectional, layer.batch_first] for layer in layers[:4]]


def test_a_state_that_does_not_fit_is_named():
    x, h = nptorch.ones(1, 1, 3), nptorch.ones(1, 1, 2)
    with pytest.raises(ValueError, match=r"hx: expected \(h, c\), got Tensor"):
        nn.LSTM(3, 2)(x, h)
    with pytest.raises(ValueError, match="hx: expected one Tensor, got tuple of 2"):
        nn.GRU(3, 2)(x, (h, h))


@same_in_both
def test_padding_has_names(torch):
    F, x = torch.nn.functional, torch.arange(12.0).reshape(1, 1, 3, 4)
    tall = torch.ones(1, 1, 3, 1)
    results = [F.conv2d(x, tall, padding=padding) for padding in ("same", "valid")]
    results += [F.conv2d(x[0], torch.ones(1, 1, 3, 3), None, 1, "same"),
                F.conv2d(x, torch.ones(1, 1, 3, 3), padding="same", dilation=2)]
    results += [F.conv1d(x[0, :, 0], torch.ones(1, 1, 3), padding=padding)
                for padding in ("same", "valid")]
    for wrong in ({"padding": "same", "stride": 2}, {"padding": "sam"}):
        with pytest.raises((RuntimeError, TypeError), match="padding"):
            F.conv2d(x, torch.ones(1, 1, 3, 3), **wrong)
    rows = torch.nn.Conv1d(3, 2, 2, padding=1), torch.nn.Conv1d(3, 6, 2, 1, 0, 2, 3, False)
    return [y.tolist() for y in results], [str(row) for row in rows], rows[0].kernel_size


def test_refusals_name_argument_and_value():
    with pytest.raises(ValueError, match=r"Conv1d 3 -> 2: got \(1, 4, 5\), expected \(N, 3, L"):
        nn.Conv1d(3, 2, 2)(nptorch.ones(1, 4, 5))
    x = nptorch.ones(2, 3)
    for wrong, message in (
            (lambda: F.huber_loss(x, x, delta=0), "Invalid delta value: 0"),
            (lambda: F.smooth_l1_loss(x, x, beta=-1), "Invalid beta value: -1"),
            (lambda: F.conv_transpose2d(x.reshape(1, 2, 1, 3), nptorch.ones(3, 1, 1, 1)),
             r"expected input \(N, 3, h, w\), and .* got \(1, 2, 1, 3\) and 0"),
            (lambda: nn.ConvTranspose2d(2, 4, 3, groups=3), "groups: expected a divisor"),
            (lambda: nn.ConvTranspose2d(2, 4, 3, output_padding=-1), "output_padding: expected an"),
            (lambda: F.cross_entropy(x, nptorch.tensor([0, 1]), weight=x[0, :2]),
             r"weight: expected one for each of 3 classes, got \(2,\)"),
            (lambda: data.WeightedRandomSampler([2, -1], 3), r"weights: .*got \[2, -1\]"),
            (lambda: data.WeightedRandomSampler([0.0], 3), r"weights: .*got \[0.0\]")):
        with pytest.raises(ValueError, match=message):
            wrong()
    with pytest.raises(TypeError, match="ExponentialLR.*gamma"):
        lr_scheduler.ExponentialLR(nptorch.optim.Adadelta([nptorch.ones(1, requires_grad=True)]))


@pytest.mark.parametrize("call", [
    "nn.CrossEntropyLoss()(torch.ones(2, 3), torch.ones(2, 3).softmax(1))",
    "nn.Conv2d(1, 2, 3)(torch.ones(1, 5, 5))", "nn.MaxPool2d(2)(torch.ones(1, 4, 4))",
    "nn.MultiheadAttention(2, 1, kdim=None)(*[torch.ones(1, 2, 2)] * 3, key_padding_mask=None)"])
def test_a_layer_of_the_series_asks_the_bridge_in_a_fresh_process(call):
    program = f"import nptorch as torch; from nptorch import nn; {call}"
    subprocess.run([sys.executable, "-c", program], check=True)


@same_in_both
def test_what_does_not_fit_a_layer_is_a_runtime_error(torch):
    nn, x = torch.nn, torch.ones(2, 3)
    for wrong in (lambda: nn.LayerNorm(5)(x), lambda: nn.Embedding(3, 2)(x),
                  lambda: nn.GRUCell(3, 2)(x, x), lambda: nn.LSTMCell(2, 2)(x)):
        with pytest.raises(RuntimeError):
            wrong()


def test_a_loss_of_two_shapes_is_a_runtime_error_in_a_fresh_process():
    program = """if True:
        import nptorch as torch
        for loss in torch.nn.MSELoss(), torch.nn.L1Loss(), torch.nn.BCEWithLogitsLoss():
            try:
                loss(torch.ones(2), torch.ones(3))
            except RuntimeError as error:
                assert isinstance(error, ValueError)
            else:
                raise AssertionError(loss)"""
    subprocess.run([sys.executable, "-c", program], check=True)


@same_in_both
def test_a_weight_by_its_place_is_heard_before_a_label_of_no_class(torch):
    F, x, weight = torch.nn.functional, torch.tensor(ROWS[0]), torch.arange(1.0, 8.0)
    labels = torch.tensor([0, -100, 2, 2, 1, 5])
    return [round(f(x, labels, weight).item(), 3) for f in (F.nll_loss, F.cross_entropy)]


@same_in_both
def test_gradients_are_clipped_one_by_one(torch):
    w, b, idle = (torch.ones(3, requires_grad=True) for _ in range(3))
    w.grad, b.grad = torch.tensor([-2.0, 0.25, 3.0]), torch.tensor([0.5, -0.5, -0.75])
    clip = torch.nn.utils.clip_grad_value_
    found = clip([w, idle], 1.0), clip(parameters=b, clip_value=0.5, foreach=None)
    return found, w.grad.tolist(), b.grad.tolist(), idle.grad


def test_gradients_are_clipped_by_hand():
    w = nptorch.ones(3, requires_grad=True)
    w.grad = nptorch.tensor([-2.0, 0.25, 3.0])
    nn.utils.clip_grad_value_(w, 0.5)
    assert w.grad.tolist() == [-0.5, 0.25, 0.5]


@pytest.mark.parametrize("make", [nn.LazyLinear, lambda n: nn.LazyConv1d(n, 1)])
@pytest.mark.parametrize("optimizer", "SGD Adam RMSprop Adagrad Adadelta".split())
def test_an_optimizer_may_begin_before_a_lazy_layer(make, optimizer):
    ends, settings = [], {"momentum": 0.9} if optimizer == "RMSprop" else {}
    for first in (True, False):
        nptorch.manual_seed(0)
        layer, x = make(2), nptorch.arange(12.0).reshape(1, 3, 4)
        if not first:
            layer(x)
        moving = getattr(nptorch.optim, optimizer)(layer.parameters(), lr=0.1, **settings)
        for _ in range(3):
            moving.zero_grad()
            (layer(x) ** 2).mean().backward()
            moving.step()
        ends.append(layer.weight.tolist())
    assert ends[0] == ends[1]


@same_in_both
def test_a_lazy_layer_keeps_the_dtype_that_it_was_given(torch):
    nn = torch.nn
    layers = [nn.LazyLinear(2).double(), nn.LazyConv1d(2, 3).to(torch.float64),
              nn.LazyConv2d(2, 3).double().float(), nn.LazyLinear(2, dtype=torch.float64)]
    shapes = (4, 3), (1, 3, 5), (1, 3, 5, 5), (4, 3)
    seen = [layer(torch.ones(n, dtype=layer.bias.dtype)) for layer, n in zip(layers, shapes)]
    return [[str(x.dtype)[-7:] for x in (y, *layer.parameters())] for y, layer in zip(seen, layers)]


@pytest.mark.filterwarnings("ignore:size_average:UserWarning")
@same_in_both
def test_losses_take_pytorchs_arguments_in_pytorchs_order(torch):
    nn, F = torch.nn, torch.nn.functional
    x, y = torch.tensor(ROWS[0]), torch.tensor(1 / (1 + np.exp(OTHER[0, :, 0])))
    labels, weight = torch.tensor([0, 6, 2, 2, 1, 5]), torch.arange(1.0, 8.0)
    calls = [(F.mse_loss, y, (None, None, "sum")), (F.l1_loss, y, (None, False)),
             (F.smooth_l1_loss, y, (None, None, "mean", 0.5)), (F.huber_loss, y, ("sum", 2.0)),
             (F.nll_loss, labels, (weight, None, 2)), (F.nll_loss, labels, (None, False)),
             (F.nll_loss, labels, (weight, None, 2, None, "none")),
             (F.cross_entropy, labels, (None, False)), (F.cross_entropy, labels, (weight, True, 6)),
             (F.cross_entropy, labels, (weight, None, 1, None, "mean", 0.2)),
             (F.cross_entropy, torch.tensor([-100, 0, 0, 1, -100, 6]), (None, None, -100)),
             (F.binary_cross_entropy_with_logits, y, (weight, None, None, "sum")),
             (F.binary_cross_entropy_with_logits, y, (None, None, None, "mean", weight))]
    layers = [(nn.MSELoss(None, None, "sum"), y), (nn.L1Loss(False), y), (nn.L1Loss(None), y),
              (nn.SmoothL1Loss(None, None, "sum", 0.3), y), (nn.HuberLoss("sum", 0.3), y),
              (nn.CrossEntropyLoss(weight, None, 1, None, "sum", 0.1), labels),
              (nn.NLLLoss(weight), labels), (nn.BCEWithLogitsLoss(weight), y),
              (nn.BCEWithLogitsLoss(pos_weight=weight, size_average=False), y),
              (nn.MSELoss(reduce=False), y), (nn.MSELoss(size_average=None, reduce=True), y)]
    found = [f(x, target, *args) for f, target, args in calls]
    found += [layer(input=x, target=target) for layer, target in layers]
    probabilities = torch.sigmoid(x)
    found += [F.binary_cross_entropy(probabilities, y, weight, None, None, "sum"),
              nn.BCELoss(weight)(probabilities, y)]
    return [np.round(np.asarray(loss), 3).tolist() for loss in found]


@pytest.mark.filterwarnings("ignore:size_average:UserWarning")
@same_in_both
def test_losses_keep_their_options_and_weights(torch):
    nn, weight = torch.nn, torch.tensor([1.0, 2.0])
    losses = [nn.CrossEntropyLoss(weight=weight, label_smoothing=0.1), nn.NLLLoss(ignore_index=3),
              nn.BCEWithLogitsLoss(pos_weight=weight), nn.BCELoss(weight), nn.HuberLoss(delta=2.0),
              nn.SmoothL1Loss(reduction="sum"), nn.MSELoss(size_average=False)]
    kept = [[(name, value.tolist()) for name, value in loss.state_dict().items()]
            for loss in losses]
    double = nn.CrossEntropyLoss(weight=weight).double().weight.dtype
    return (kept, [repr(loss) for loss in losses], [loss.reduction for loss in losses],
            losses[0].label_smoothing, losses[0].ignore_index, losses[1].weight,
            losses[4].delta, losses[5].beta, str(double)[-7:])


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
@same_in_both
def test_layers_keep_their_options(torch):
    nn = torch.nn
    layers = [nn.LeakyReLU(0.2), nn.LeakyReLU(0.2, True), nn.ELU(), nn.Softplus(), nn.Hardtanh(),
              nn.SELU(), nn.ReLU6(True), nn.Softmax(dim=1), nn.Dropout2d(0.3), nn.ReLU(True),
              nn.ReLU(), nn.AdaptiveAvgPool2d((2, None)), nn.Unflatten(1, (2, 2)),
              nn.Identity(54, unused=2), nn.LazyLinear(3), nn.LazyConv2d(4, 3, 2, bias=False),
              nn.ConvTranspose2d(2, 4, 3), nn.ConvTranspose2d(2, 4, 3, 2, 1, 1, bias=False),
              nn.ConvTranspose2d(4, 6, (3, 2), (2, 3), 0, (1, 2), 2, True, 2),
              nn.ConvTranspose2d(4, 6, 1, groups=2), nn.Upsample(scale_factor=1.5), nn.Upsample(5)]
    pool = nn.MaxPool1d(3)
    lazy = [nn.LazyLinear(3, bias=False), nn.LazyConv1d(3, 2, 1, 0, 1, 1, False)]
    return ([repr(layer) for layer in layers], layers[0].negative_slope, layers[1].inplace,
            layers[2].alpha, layers[3].threshold, layers[4].min_val, layers[7].dim, layers[8].p,
            pool.kernel_size, pool.stride, pool.padding, layers[11].output_size,
            [list(layer.state_dict()) for layer in lazy], lazy[0].out_features,
            isinstance(nn.Conv1d(1, 1, 1), nn.Conv2d), isinstance(lazy[0], nn.Linear))


@same_in_both
def test_layers_have_a_dtype_and_a_device(torch):
    nn = torch.nn
    layers = [nn.Linear(2, 1, dtype=torch.float64), nn.Conv2d(1, 1, 1, device="cpu"),
              nn.BatchNorm1d(2, track_running_stats=True, dtype=torch.float64),
              nn.LSTM(2, 3, device="cpu", dtype=torch.float64), nn.RNNCell(2, 3, device="cpu"),
              nn.Embedding(3, 2, sparse=False, dtype=torch.float32), nn.Linear(2, 1, dtype=None)]
    images = nn.MaxPool2d(2)(input=torch.tensor(IMAGES)).sum().item()
    return round(images, 2), [str(value.dtype).rpartition(".")[2] for layer in layers
                              for value in layer.state_dict().values()]


@same_in_both
def test_weights_data_are_drawn_too(torch):
    layer, init = torch.nn.Linear(3, 2), torch.nn.init
    before = layer.weight.detach().clone()
    init.xavier_uniform_(layer.weight.data)
    drawn = (layer.weight != before).any().item()
    init.constant_(layer.weight.data, 0.5)
    init.zeros_(layer.bias.data)
    return drawn, layer.weight.tolist(), layer.bias.tolist()


@same_in_both
def test_a_loader_and_samplers_show_what_they_have(torch):
    data = torch.utils.data
    loader = data.DataLoader([1, 2, 3], 2, False, None, None, 0, None, False, True)
    batches = data.DataLoader([1, 2, 3], batch_sampler=[[0], [1, 2]])
    sampler = data.BatchSampler(data.SequentialSampler([1, 2, 3]), 2, False)

    class Own(data.Sampler[int]):
        def __iter__(self):
            return iter([2, 0])

    return ([batch.tolist() for batch in loader], loader.num_workers, loader.pin_memory,
            batches.batch_size, sampler.batch_size, sampler.drop_last, sampler.sampler.data_source,
            data.RandomSampler([1, 2], True, 5).num_samples, data.SubsetRandomSampler([4]).indices,
            [batch.tolist() for batch in data.DataLoader([1, 2, 3], 2, sampler=Own())])


@pytest.mark.parametrize(("refused", "message"), [
    (lambda: nn.AdaptiveAvgPool1d((2, 3))(nptorch.ones(2, 4, 7)), "expected 1 of output_size"),
    (lambda: nn.AdaptiveAvgPool2d(2)(nptorch.ones(4, 7)), "input of 3 or 4 dimensions"),
    (lambda: nn.Unflatten(-3, (2, 2))(nptorch.ones(4, 5)), "dim: expected an int from -2 to 1"),
    (lambda: nn.Dropout2d(1.5), "Invalid p value: 1.5"),
    (lambda: nn.ReLU(nptorch.ones(2)), "inplace: expected True or False"),
    (lambda: nn.LSTM(2, 3)(nptorch.ones(2)), "2 or 3 dimensions, and the last of 2"),
    (lambda: nn.GRU(2, 3)(nptorch.ones(0, 1, 2)), "one step or more"),
    (lambda: nn.RNN(2, 3, 0), "num_layers: expected an int, 1 or more"),
    (lambda: nn.RNN(0, 3), "input_size: expected an int, 1 or more, got 0"),
    (lambda: nn.GRU(2, 3, 1, 0.5), "bias: expected True or False, got 0.5"),
    (lambda: nn.LSTM(2, 3, batch_first="False"), "batch_first: expected True or False, got 'Fal"),
    (lambda: nn.RNNCell(2, 3, "relu"), "bias: expected True or False, got 'relu'"),
    (lambda: nptorch.optim.Adadelta([nptorch.ones(1)], rho=1.1), "Invalid rho value: 1.1"),
    (lambda: nn.BatchNorm1d(3, -1.0), "Invalid eps value: -1.0"),
    (lambda: F.pad(nptorch.ones(2), (1,)), r"pad: expected pairs of lengths .* got \(1,\)"),
    (lambda: F.pad(nptorch.ones(2), (1, -1)), "pad: expected pairs of lengths"),
    (lambda: F.pad(nptorch.ones(2), (1, 1), "mean"), r"one of \['constant', .*, got .* mean"),
    (lambda: F.upsample(nptorch.ones(1, 1, 2, 2), 3, None, "area"), "only 'nearest'.* area"),
    (lambda: nn.Upsample(2, 2.0)(nptorch.ones(1, 1, 2)), "of size or scale_factor"),
    (lambda: F.smooth_l1_loss(nptorch.ones(2), nptorch.ones(2), "sum"), "size_average: expected"),
    (lambda: F.binary_cross_entropy(nptorch.ones(2), nptorch.ones(2), False), "weight: expected"),
    (lambda: F.cross_entropy(nptorch.ones(1, 2), nptorch.tensor([0]), label_smoothing=1.5),
     "Invalid label_smoothing value: 1.5"),
    (lambda: F.cross_entropy(nptorch.ones(1, 2), nptorch.ones(1, 2), ignore_index=1),
     "ignore_index: expected none beside shares"),
    (lambda: F.binary_cross_entropy(nptorch.ones(1), nptorch.ones(1) * 2), "as target"),
    (lambda: nn.SmoothL1Loss(betta=1.0), "^SmoothL1Loss.*reduction='mean', beta.* got .* 'betta'$"),
    (lambda: F.one_hot(nptorch.ones(0)), "expected class numbers, ints"),
    (lambda: nptorch.load(io.BytesIO(b"hello")), "not a file of save's, or damaged"),
    (lambda: nn.Embedding(3, 2, padding_idx=0), "padding_idx: nptorch has only None, got 0"),
    (lambda: nptorch.optim.SGD([nptorch.ones(1)], lr=1.0, nesterov=True), "nesterov: expected mom"),
    (lambda: nptorch.optim.SGD([{"params": nptorch.ones(1)}], lr=-1.0), "Invalid lr value: -1.0"),
    (lambda: nptorch.optim.SGD([{"params": []}], lr=1.0), "params: expected at least one Tensor"),
    (lambda: nn.Dropout()([1.0]), "expected a Tensor, got list"),
    (lambda: nptorch.mm(nptorch.ones(2, 2), {}), "expected a Tensor, got dict"),
    (lambda: nptorch.optim.Adadelta([nptorch.ones(1)], maximize=True), "maximize: nptorch has"),
])
def test_what_pytorch_would_not_do_silently_is_not_done(refused, message):
    with pytest.raises((ValueError, TypeError, IndexError), match=message):
        refused()
