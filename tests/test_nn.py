"""nptorch.nn.module: modules and their parameters, containers, layers, state dicts and files."""

import copy
from types import GeneratorType

import numpy as np
import pytest

from nptorch import Tensor, gradcheck, load, manual_seed, nn, ones, randn, save, zeros


class Block(nn.Module):
    def __init__(self):
        self.layers = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
        self.head = nn.Linear(3, 2, bias=False)
        self.scale = nn.Parameter(ones(2))

    def forward(self, x):
        return self.head(self.layers(x)) * self.scale


PATHS = ["scale", "layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias",
         "head.weight"]


@pytest.fixture
def block():
    manual_seed(0)
    return Block()


@pytest.fixture
def shared(block):
    """Return a module with one parameter and one module that have two names each."""
    block.tied = block.layers[0].weight
    block.tail = block.head
    return block


# Parameters and modules


def test_parameters_have_paths_and_come_as_a_generator(block):
    assert [path for path, _ in block.named_parameters()] == PATHS
    assert isinstance(block.parameters(), GeneratorType)
    named = dict(block.named_parameters())
    assert named["layers.2.bias"] is block.layers[2].bias and named["scale"] is block.scale
    assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in block.parameters())


def test_shared_parameters_and_modules_come_once(shared):
    parameters = list(shared.parameters())
    assert len(parameters) == len({id(p) for p in parameters}) == len(PATHS)
    assert [path for path, _ in shared.named_modules()] == [
        "", "layers", "layers.0", "layers.1", "layers.2", "head"
    ]
    assert list(shared.modules()) == [m for _, m in shared.named_modules()]
    assert set(shared.state_dict()) == {*PATHS, "tied", "tail.weight"}


def test_plain_tensors_are_no_parameters(block):
    block.mean = zeros(3)
    assert [path for path, _ in block.named_parameters()] == PATHS


def test_children_are_one_floor_down(block):
    assert list(block.children()) == [block.layers, block.head]
    assert [name for name, _ in block.named_children()] == ["layers", "head"]


def test_train_and_eval_reach_every_module(block):
    assert all(m.training for m in block.modules())
    assert block.eval() is block and not any(m.training for m in block.modules())
    block.layers.train()
    assert [m.training for m in block.modules()] == [False, True, True, True, True, False]
    assert block.train() is block and all(m.training for m in block.modules())


def test_apply_goes_from_the_leaves_up(block):
    seen = []
    assert block.apply(seen.append) is block
    first, tanh, second = block.layers
    assert seen == [first, tanh, second, block.layers, block.head, block]


def test_zero_grad_keeps_the_arrays(block):
    block.zero_grad()  # there is nothing to clear, and that is no error
    block(randn(7, 5)).sum().backward()
    arrays = [p.grad.data for p in block.parameters()]
    assert all(a.any() for a in arrays)
    block.zero_grad()
    assert all(p.grad.data is a and not a.any() for p, a in zip(block.parameters(), arrays))


def test_requires_grad_freezes_and_thaws(block):
    assert block.layers.requires_grad_(False) is block.layers
    block(randn(7, 5)).sum().backward()
    assert [path for path, p in block.named_parameters() if p.grad is None] == PATHS[1:5]
    assert all(p.requires_grad for p in block.requires_grad_().parameters())


def test_a_module_without_forward_says_so():
    class Half(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Half does not define forward"):
        Half()(1)


# State dicts


def test_state_dict_shares_arrays_and_load_copies_them(block):
    state, other = block.state_dict(), Block()
    assert list(state) == PATHS and not any(t.requires_grad for t in state.values())
    assert all(np.shares_memory(state[path].data, p.data) for path, p in block.named_parameters())
    parameters = list(other.parameters())
    assert other.load_state_dict(state) == ([], [])
    x = randn(7, 5)
    assert np.array_equal(other(x).data, block(x).data)
    assert all(p is q for p, q in zip(other.parameters(), parameters))
    assert not any(np.shares_memory(p.data, q.data)
                   for p, q in zip(block.parameters(), other.parameters()))


def test_arrays_of_another_dtype_load_as_the_parameter_s(block):
    block.load_state_dict({path: np.ones(p.shape) for path, p in block.named_parameters()})
    assert all(p.dtype == np.float32 and (p.data == 1).all() for p in block.parameters())


def test_strict_names_every_wrong_key_and_changes_nothing(block):
    state = {path: Tensor(p.data + 1) for path, p in block.named_parameters()}
    del state["scale"], state["head.weight"]
    state |= {"head.bias": zeros(2), "extra": zeros(1), "layers.0.bias": zeros(1)}
    state["layers.2.weight"] = zeros(4, 3)
    before = {path: p.data.copy() for path, p in block.named_parameters()}
    with pytest.raises(ValueError) as caught:
        block.load_state_dict(state)
    head, *problems = str(caught.value).split("\n    ")
    assert head == "state_dict does not fit Block:" and len(problems) == 6
    for problem in ("scale: missing", "head.weight: missing", "head.bias: unexpected",
                    "extra: unexpected", "layers.0.bias: got (1,), expected (4,)",
                    "layers.2.weight: got (4, 3), expected (3, 4)"):
        assert problem in problems
    assert all(np.array_equal(p.data, before[path]) for path, p in block.named_parameters())


def test_not_strict_copies_what_fits(block):
    result = block.load_state_dict({"scale": np.full(2, 3.0), "extra": zeros(1)}, strict=False)
    assert (result.missing_keys, result.unexpected_keys) == (PATHS[1:], ["extra"])
    assert block.scale.tolist() == [3, 3]


# Files


def test_files_keep_names_shapes_and_dtypes(tmp_path):
    state = {"a.0.weight": randn(3, 2), "b": Tensor(np.float64(0.1)), "c d": Tensor(np.arange(3)),
             "größe": zeros(0, 4), "mask": Tensor(np.array([True, False]))}
    save(state, tmp_path / "state.npz")
    found = load(str(tmp_path / "state.npz"))
    assert list(found) == list(state)
    for name, value in state.items():
        assert isinstance(found[name], Tensor) and found[name].dtype == value.dtype
        assert np.array_equal(found[name].data, value.data) and found[name].shape == value.shape
    with np.load(tmp_path / "state.npz", allow_pickle=False) as archive:  # plain NumPy reads it
        assert np.array_equal(archive["a.0.weight"], state["a.0.weight"].data)


def test_a_net_comes_back_from_its_file(block, tmp_path):
    save(block.state_dict(), tmp_path / "block.state")  # the name is taken as it is
    assert [path.name for path in tmp_path.iterdir()] == ["block.state"]
    other, x = Block(), randn(7, 5)
    other.load_state_dict(load(tmp_path / "block.state"))
    assert np.array_equal(other(x).data, block(x).data)


@pytest.mark.parametrize("bad", [np.array([{}], object), np.array(["text"]), 1j, None])
@pytest.mark.parametrize("before", [None, b"an older file"])
def test_a_failed_save_leaves_what_stood_there(tmp_path, before, bad):
    path = tmp_path / "state.npz"
    if before:
        path.write_bytes(before)
    with pytest.raises(TypeError, match="bad: expected an array of real numbers"):
        save({"good": zeros(3), "bad": bad}, path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == (
        {"state.npz": before} if before else {}
    )


# Shape errors


class Outer(nn.Module):
    def __init__(self):
        self.net = nn.Sequential({"fc1": nn.Linear(400, 120), "fc2": nn.Linear(100, 10)})
        self.more = nn.ModuleList([nn.Identity(), nn.Linear(7, 8)])

    def forward(self, x):
        return self.net(x) if x.ndim == 2 else self.more[1](x)


@pytest.mark.parametrize("shape, message", [
    ((64, 256), "net.fc1 (Linear 400 → 120): got (64, 256), expected (…, 400)"),
    ((64, 400), "net.fc2 (Linear 100 → 10): got (64, 120), expected (…, 100)"),
    ((6,), "more.1 (Linear 7 → 8): got (6,), expected (…, 7)"),
])
def test_shape_errors_name_the_path(shape, message):
    with pytest.raises(ValueError) as caught:
        Outer()(zeros(*shape))
    assert str(caught.value) == str(copy.copy(caught.value)) == message


@pytest.mark.parametrize("shape", [(3, 5), (4, 1), ()])
def test_a_shape_error_of_a_layer_alone_has_no_path(shape):
    with pytest.raises(nn.ShapeError) as caught:
        nn.Linear(4, 2)(zeros(*shape))
    assert str(caught.value) == f"Linear 4 → 2: got {shape}, expected (…, 4)"


# Containers


@pytest.mark.parametrize("make", [nn.ModuleList, lambda modules: nn.Sequential(*modules)])
def test_containers_are_lists(make):
    modules = [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 4), nn.Identity()]
    box = make(modules[:3])
    assert box.append(modules[3]) is box and len(box) == 4 and list(box) == modules
    assert box[0] is modules[0] and box[-1] is modules[3]
    part = box[1:3]
    assert type(part) is type(box) and list(part) == modules[1:3]
    assert [path for path, _ in box.named_parameters()] == [
        "0.weight", "0.bias", "2.weight", "2.bias"
    ]
    with pytest.raises(IndexError):
        box[4]


def test_sequential_calls_in_order():
    first, second = nn.Linear(5, 4), nn.Linear(4, 3)
    x = randn(7, 5)
    assert np.array_equal(nn.Sequential(first, second)(x).data, second(first(x)).data)
    assert nn.Sequential()(x) is x
    twice = nn.Sequential(nn.Linear(5, 5), nn.Tanh())
    again = nn.Sequential(twice, twice)
    assert len(again) == 2 and np.array_equal(again(x).data, twice(twice(x)).data)


def test_a_dict_gives_names():
    net = nn.Sequential({"fc": nn.Linear(2, 3), "act": nn.ReLU()})
    assert [name for name, _ in net.named_children()] == ["fc", "act"]
    assert net.fc is net[0] and net.act is net[1]
    assert list(net.state_dict()) == ["fc.weight", "fc.bias"]


def names(box):
    return [name for name, _ in box.named_children()]


def test_slices_keep_names_and_append_overwrites_none():
    net = nn.Sequential({"fc": nn.Linear(2, 3), "act": nn.ReLU(), "end": nn.Linear(3, 1)})
    assert names(net[1:]) == ["act", "end"] and list(net[1:]) == list(net)[1:]
    plain = nn.Sequential(*net)
    assert names(plain[1:]) == ["1", "2"] and names(plain[1:].append(nn.Tanh())) == ["1", "2", "3"]
    assert names(nn.ModuleList(net)[1:]) == ["0", "1"]  # as in PyTorch
    taken = nn.Sequential({"1": net.fc}).append(net.act)
    assert names(taken) == ["1", "2"] and list(taken) == [net.fc, net.act]


# What repr says, as PyTorch 2 prints it

NET_REPR = """\
Sequential(
  (0): Flatten(start_dim=1, end_dim=-1)
  (1): Linear(in_features=6, out_features=4, bias=True)
  (2): Sequential(
    (0): ReLU()
    (1): Dropout(p=0.3)
  )
  (3): Linear(in_features=4, out_features=2, bias=False)
  (4): Sigmoid()
)"""


def net_of(nn):
    inner = nn.Sequential(nn.ReLU(), nn.Dropout(0.3))
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 4), inner, nn.Linear(4, 2, bias=False),
                         nn.Sigmoid())


def test_repr():
    assert repr(net_of(nn)) == NET_REPR
    assert repr(nn.Tanh()) == "Tanh()" and repr(nn.Sequential()) == "Sequential()"
    assert repr(nn.Parameter(ones(2))) == (
        "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    )


# Layers


@pytest.mark.parametrize("inputs, outputs", [(400, 120), (3, 2000)])
def test_linear_starts_even_between_its_bounds(inputs, outputs):
    manual_seed(0)
    layer, bound = nn.Linear(inputs, outputs), inputs**-0.5
    assert layer.weight.shape == (outputs, inputs) and layer.bias.shape == (outputs,)
    for p in layer.parameters():
        assert p.dtype == np.float32 and np.abs(p.data).max() <= bound
        assert np.abs(p.data).max() > 0.95 * bound
        assert abs(p.data.mean()) < 0.2 * bound
        assert p.data.std() == pytest.approx(bound / 3**0.5, rel=0.15)
    manual_seed(0)
    assert np.array_equal(nn.Linear(inputs, outputs).weight.data, layer.weight.data)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5,), (4, 5), (2, 3, 5), (0, 5)])
def test_linear_is_a_sum_for_every_output(shape, bias):
    layer = nn.Linear(5, 3, bias=bias)
    x = Tensor(np.random.default_rng(1).standard_normal(shape), requires_grad=True)
    weight = Tensor(layer.weight.data.astype(np.float64), requires_grad=True)
    b = Tensor(layer.bias.data.astype(np.float64), requires_grad=True) if bias else None
    expected = np.zeros((*shape[:-1], 3))
    for index in np.ndindex(expected.shape):
        expected[index] = np.dot(x.data[index[:-1]], weight.data[index[-1]])
        expected[index] += b.data[index[-1]] if bias else 0
    np.testing.assert_allclose(layer(x).data, expected, atol=1e-6)
    inputs = (x, weight, b) if bias else (x, weight)
    assert gradcheck(nn.functional.linear, inputs)
    assert (layer.bias is not None) == bias


@pytest.mark.parametrize("module, function", [
    (nn.ReLU(), lambda a: np.where(a > 0, a, 0)),
    (nn.Tanh(), lambda a: (np.exp(a) - np.exp(-a)) / (np.exp(a) + np.exp(-a))),
    (nn.Sigmoid(), lambda a: 1 / (1 + np.exp(-a))),
    (nn.Identity(), lambda a: a),
    (nn.Flatten(), lambda a: a.reshape(2, 12)),
    (nn.Flatten(0, 1), lambda a: a.reshape(6, 4)),
])
def test_layers_without_parameters(module, function):
    x = randn(2, 3, 4, dtype=np.float64, requires_grad=True)
    expected = function(x.data)
    assert module(x).shape == expected.shape
    np.testing.assert_allclose(module(x).data, expected, rtol=1e-12)
    assert gradcheck(module, x) and list(module.parameters()) == []


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_drops_and_scales(p):
    manual_seed(0)
    x = Tensor(np.full((200, 300), 2, np.float32), requires_grad=True)
    layer = nn.Dropout(p)
    y = layer(x)
    dropped = y.data == 0
    assert dropped.mean() == pytest.approx(p, abs=0.01)
    np.testing.assert_allclose(y.data[~dropped], 2 / (1 - p), rtol=1e-6)
    y.backward(np.ones(y.shape))
    np.testing.assert_allclose(x.grad.data, y.data / 2, rtol=1e-6)  # through the same mask
    assert y.dtype == x.grad.dtype == np.float32
    assert not np.array_equal(layer(x).data, y.data)
    manual_seed(0)
    assert np.array_equal(layer(x).data, y.data)


def test_dropout_does_nothing_when_told_so():
    x = randn(4, 5)
    assert np.array_equal(nn.Dropout(0.9).eval()(x).data, x.data)
    assert nn.functional.dropout(x, 0) is nn.functional.dropout(x, training=False) is x


def test_dropout_drops_half_unless_told_otherwise():
    x = ones(1000)
    for y in nn.functional.dropout(x), nn.Dropout()(x):
        assert set(y.tolist()) == {0, 2}


def test_dropout_of_everything():
    x = randn(4, 5, requires_grad=True)
    y = nn.Dropout(1)(x)
    y.sum().backward()
    assert not y.data.any() and not x.grad.data.any()


def test_a_net_is_that_of_pytorch():
    torch = pytest.importorskip("torch")
    ours, theirs = net_of(nn), net_of(torch.nn)
    assert repr(ours) == repr(theirs).replace(", inplace=False", "")
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({k: torch.from_numpy(v.data) for k, v in ours.state_dict().items()})
    x = randn(5, 2, 3)
    out, expected = ours.eval()(x), theirs.eval()(torch.from_numpy(x.data))
    out.backward(np.ones(out.shape))
    expected.backward(torch.ones_like(expected))
    np.testing.assert_allclose(out.data, expected.detach().numpy(), rtol=1e-5)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_a_parameter_is_not_overwritten_by_anything_else():
    layer = nn.Linear(2, 3)
    weight = layer.weight
    with pytest.raises(TypeError, match="^weight: expected a Parameter or None, got Tensor$"):
        layer.weight = layer.weight * 0.5
    assert layer.weight is weight
    layer.weight, layer.bias = nn.Parameter(np.ones((3, 2))), None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_a_graph_from_before_loading_is_not_walked_with_the_weights_from_after_it():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    loss = net(ones(4, 2)).sum()
    net.load_state_dict({name: np.ones(value.shape) for name, value in net.state_dict().items()})
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_a_misfit_bias_is_not_blamed_on_the_input():
    layer = nn.Linear(3, 2)
    layer.bias.data = np.ones(4, np.float32)
    with pytest.raises(ValueError, match=r"linear: .* got \(5, 3\), \(2, 3\) and \(4,\)"):
        layer(ones(5, 3))


def test_a_tensor_in_the_place_of_an_array_is_named():
    layer = nn.Linear(3, 2)
    layer.weight.data = ones(2, 3)
    with pytest.raises(TypeError, match="a Tensor whose data is a Tensor"):
        layer(ones(5, 3))
