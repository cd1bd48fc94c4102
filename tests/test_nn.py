"""nptorch.nn.module and nptorch.nn.layers: modules, their parameters, containers, state dicts."""

import ast
import copy
from pathlib import Path
from types import GeneratorType

import numpy as np
import pytest

from nptorch import manual_seed, nn, ones, randn, zeros
from nptorch.autograd import Tensor, gradcheck
from nptorch.nn import module
from nptorch.nn.module import ShapeError


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


@pytest.fixture(params=["nptorch", "torch"])
def library(request):
    """nptorch, and PyTorch where it is installed: the right value is that of both."""
    return pytest.importorskip(request.param)


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


def test_the_walks_take_pytorch_s_options(library):
    nn = library.nn
    layer = nn.Linear(2, 3)
    net = nn.Sequential(layer, nn.Sequential(layer, nn.Tanh()))
    once, twice = ["0.weight", "0.bias"], ["0.weight", "0.bias", "1.0.weight", "1.0.bias"]
    assert [path for path, _ in net.named_parameters()] == once
    assert [path for path, _ in net.named_parameters(remove_duplicate=False)] == twice
    assert [path for path, _ in net.named_parameters("net")] == ["net." + path for path in once]
    assert list(net.named_parameters(recurse=False)) == list(net.parameters(recurse=False)) == []
    assert [path for path, _ in layer.named_parameters("a", False)] == ["a.weight", "a.bias"]
    assert [path for path, _ in net.named_modules(prefix="net")] == ["net", "net.0", "net.1",
                                                                     "net.1.1"]
    assert [path for path, _ in net.named_modules(remove_duplicate=False)] == [
        "", "0", "1", "1.0", "1.1"]
    assert [path for path, _ in net.named_modules({layer})] == ["", "1", "1.1"]
    assert list(net.state_dict()) == twice


def test_a_module_in_two_places_is_one_child(library):
    nn = library.nn
    layer = nn.Linear(2, 2)
    net, seen = nn.Sequential(layer, layer), []
    assert list(net.children()) == [layer] and [n for n, _ in net.named_children()] == ["0"]
    assert net.apply(seen.append) is net and seen == [layer, net]
    assert len(net) == 2 and list(net) == [layer, layer] and list(net.state_dict()) == [
        "0.weight", "0.bias", "1.weight", "1.bias"]
    x = library.ones(1, 2)
    assert (net(x) - layer(layer(x))).tolist() == [[0, 0]]


def test_a_module_may_refer_to_its_holder():
    block = Block()
    block.layers[0].parent = block.head.me = block.layers
    block.layers.parent = block
    assert [path for path, _ in block.named_parameters()] == PATHS
    assert len(list(block.modules())) == len(list(block.eval().modules())) == 6
    assert not any(module.training for module in block.modules())
    assert not any(p.requires_grad for p in block.requires_grad_(False).parameters())
    state = {path: value + 1 for path, value in block.state_dict().items()}
    assert set(PATHS) <= set(state) and block.load_state_dict(state) == ([], [])
    assert np.array_equal(block.scale.data, [2, 2]) and "(parent): ..." in repr(block)
    twin = copy.deepcopy(block)
    assert twin.layers.parent is twin and twin.layers[0].parent is twin.layers


def test_another_kind_of_state_takes_one_assignment(monkeypatch):
    class Buffer(Tensor):
        """What belongs to the state and is never trained."""

    monkeypatch.setattr(nn.Module, "_entries", lambda self: self.named_parameters(
        remove_duplicate=False, kind=(nn.Parameter, Buffer)))
    layer = nn.Linear(1, 1)
    layer.mean = Buffer(zeros(2))
    assert list(layer.state_dict()) == ["weight", "bias", "mean"]
    assert [path for path, _ in layer.named_parameters()] == ["weight", "bias"]
    assert [path for path, _ in layer.named_parameters(kind=Buffer)] == ["mean"]
    layer.load_state_dict({"mean": np.ones(2)}, strict=False)
    assert layer.mean.tolist() == [1, 1]


# Copies


def test_a_deep_copy_of_a_module_is_one_of_its_own(shared):
    twin, x = copy.deepcopy(shared), randn(7, 5)
    assert np.array_equal(twin(x).data, shared(x).data)
    assert twin.tied is twin.layers[0].weight and twin.tail is twin.head
    assert [path for path, _ in twin.named_parameters()] == [
        path for path, _ in shared.named_parameters()]
    assert all(isinstance(p, nn.Parameter) and p.is_leaf and p.requires_grad
               for p in twin.parameters())
    assert not any(np.shares_memory(p.data, q.data)
                   for p in twin.parameters() for q in shared.parameters())
    twin(x).sum().backward()
    assert all(p.grad is None for p in shared.parameters())
    assert all(p.grad is not None for p in twin.parameters())


def test_a_deep_copy_never_keeps_a_result_without_its_graph(block):
    block.seen = block(randn(7, 5))
    with pytest.raises(RuntimeError, match="only leaves can be deep-copied"):
        copy.deepcopy(block)


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
    block.head.requires_grad_(False)
    block.zero_grad()  # of what is frozen, too
    assert all(p.grad.data is a and not a.any() for p, a in zip(block.parameters(), arrays))
    block.zero_grad(set_to_none=True)
    assert all(p.grad is None for p in block.parameters())


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


@pytest.mark.parametrize("dtype", [float, np.int64, np.uint8, bool])
def test_arrays_of_another_dtype_load_as_the_parameter_s(block, dtype):
    block.load_state_dict({path: np.ones(p.shape, dtype) for path, p in block.named_parameters()})
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


# Shape errors


class Outer(nn.Module):
    def __init__(self):
        self.net = nn.Sequential({"fc1": nn.Linear(400, 120), "fc2": nn.Linear(100, 10)})
        self.more = nn.ModuleList([nn.Identity(), nn.Linear(7, 8)])

    def forward(self, x):
        return self.net(x) if x.ndim == 2 else self.more[1](x)


@pytest.mark.parametrize("shape, message", [
    ((64, 256), "net.fc1 (Linear 400 -> 120): got (64, 256), expected (..., 400)"),
    ((64, 400), "net.fc2 (Linear 100 -> 10): got (64, 120), expected (..., 100)"),
    ((6,), "more.1 (Linear 7 -> 8): got (6,), expected (..., 7)"),
])
def test_shape_errors_name_the_path(shape, message):
    with pytest.raises(ValueError) as caught:
        Outer()(zeros(*shape))
    assert str(caught.value) == str(copy.copy(caught.value)) == message


def test_a_shape_error_keeps_the_path_that_an_outer_module_cannot_know():
    class Hiding(nn.Module):
        parts = (nn.Sequential(nn.Tanh(), nn.Linear(3, 4)),)  # no attribute holds it

        def forward(self, x):
            return self.parts[0](x)

    with pytest.raises(ShapeError, match=r"^1 \(Linear 3 -> 4\): got \(2, 2\)"):
        Hiding()(zeros(2, 2))


@pytest.mark.parametrize("shape", [(3, 5), (4, 1), ()])
def test_a_shape_error_of_a_layer_alone_has_no_path(shape):
    with pytest.raises(ShapeError) as caught:
        nn.Linear(4, 2)(zeros(*shape))
    assert str(caught.value) == f"Linear 4 -> 2: got {shape}, expected (..., 4)"


def test_what_is_no_tensor_is_no_matter_of_shape():
    layer = nn.Linear(4, 2)
    with pytest.raises(ShapeError):
        layer(np.zeros((5, 3), np.float32))
    for wrong in (None, "text", [1.0, 2.0, 3.0, 4.0]):
        with pytest.raises(TypeError, match="expected a Tensor, an array or a number"):
            layer(wrong)


def test_a_linear_follows_its_weight():
    layer = nn.Linear(5, 2)
    layer.weight = nn.Parameter(np.ones((2, 3), np.float32))
    assert layer(ones(4, 3)).shape == (4, 2)
    with pytest.raises(ShapeError, match=r"expected \(\.\.\., 3\)"):
        layer(ones(4, 5))


def test_a_bias_that_does_not_fit_is_not_the_inputs_fault():
    layer = nn.Linear(3, 2)
    layer.bias = nn.Parameter(ones(5))
    for shape in (4, 3), (2, 4, 3):
        with pytest.raises(ValueError, match="linear: expected shapes") as caught:
            layer(ones(*shape))
        assert not isinstance(caught.value, ShapeError)


# Containers


class Row(nn.Sequential):
    pass


@pytest.mark.parametrize("make", [nn.ModuleList, lambda modules: nn.Sequential(*modules),
                                  type("Shelf", (nn.ModuleList,), {}), lambda m: Row(*m)])
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


@pytest.mark.parametrize("name", ["forward", "training", "parameters", "append", "a.b", ""])
def test_a_name_that_would_hide_something_is_refused(library, name):
    net = library.nn.Sequential(library.nn.Tanh())
    with pytest.raises(KeyError):
        net.add_module(name, library.nn.ReLU())
    assert [n for n, _ in net.named_children()] == ["0"]
    with pytest.raises(KeyError, match="Sequential: no module can be called"):
        nn.Sequential({"in": nn.Linear(2, 3), name: nn.ReLU(), "out": nn.Linear(3, 1)})


def test_a_module_may_take_another_one_s_place(library):
    net, tanh = library.nn.Sequential(library.nn.ReLU()), library.nn.Tanh()
    net.add_module("0", tanh)
    assert list(net) == [tanh]


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


@pytest.mark.parametrize("shape", [(7, 5), (4, 7, 5)])
def test_a_batch_of_rows_is_batch_last_from_one_linear_to_the_next(shape):
    x = Tensor(np.random.default_rng(0).standard_normal(shape), requires_grad=True)
    y = nn.Linear(5, 3)(x)
    y.backward(np.ones(y.shape))
    matrix = len(shape) == 2
    for array in y.data, x.grad.data:
        assert (array.T if matrix else array).flags.c_contiguous



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


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-6), (np.float64, 1e-15),
                                             (np.float16, 1e-3)])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_drops_and_scales(p, dtype, rtol):
    manual_seed(0)
    x = Tensor(np.full((200, 300), 2, dtype), requires_grad=True)
    layer = nn.Dropout(p)
    y = layer(x)
    dropped = y.data == 0
    assert dropped.mean() == pytest.approx(p, abs=0.01)
    np.testing.assert_allclose(y.data[~dropped], 2 / (1 - p), rtol=rtol)
    y.backward(np.ones(y.shape))
    np.testing.assert_allclose(x.grad.data, y.data / 2, rtol=rtol)  # through the same mask
    assert y.dtype == x.grad.dtype == dtype
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


def test_a_module_is_not_overwritten_by_a_function(library):
    net = library.nn.Sequential(library.nn.ReLU())
    net.head = library.nn.Tanh()
    with pytest.raises(TypeError):
        net.head = library.tanh
    net.head = library.nn.ReLU()
    net.head = None
    assert [n for n, _ in net.named_children()] == ["0"]


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


@pytest.mark.parametrize("kind", [nn.Module, nn.ModuleList, nn.Sequential])
def test_the_stub_says_what_a_module_has(kind):
    """Methods that are bound from outside are unknown to editors, but for module.pyi."""
    tree = ast.parse(Path(module.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    [body] = [node.body for node in tree.body if getattr(node, "name", "") == kind.__name__]
    said = {node.name if isinstance(node, ast.FunctionDef) else node.target.id
            for node in body if isinstance(node, (ast.FunctionDef, ast.AnnAssign))}
    has = {name for name in vars(kind) if name[0] != "_"}
    assert has == {name for name in said if name[0] != "_"}
