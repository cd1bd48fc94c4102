"""What later modules bind anew, as it is before they do: nptorch/autograd.py alone, as notebook 01
leaves it, and the package without its bridge, as 01 to 15 leave it."""

import importlib.util
import sys

import cases
import numpy as np
import pytest

import nptorch.autograd


@pytest.fixture
def engine():
    """The module once more, with nothing bound to its names from outside."""
    spec = importlib.util.spec_from_file_location("plain_engine", nptorch.autograd.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_gradients_of_a_diamond_with_broadcasting(engine):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3)), rng.normal(size=3)
    x, y = engine.Tensor(a, requires_grad=True), engine.Tensor(b, True)
    c = x * y
    (c * (c + x)).backward(np.ones((2, 3)))  # a²b² + a²b
    np.testing.assert_allclose(x.grad.data, 2 * a * b**2 + 2 * a * b)
    np.testing.assert_allclose(y.grad.data, (2 * a**2 * b + a**2).sum(0))


def test_numbers_become_float32_and_arrays_are_shared(engine):
    array = np.zeros(2)
    assert engine.Tensor([1, 2]).dtype == np.float32
    assert engine.Tensor(array).data is array
    with pytest.raises(TypeError, match="expected real numbers"):
        engine.Tensor("cat")


@pytest.mark.parametrize("show", [repr, str])
def test_what_print_shows(engine, show):
    x = engine.Tensor([0.5, 1.25], True)
    assert show(x) == "tensor([0.5 , 1.25], requires_grad=True)"
    assert show(x * 2.0) == "tensor([1. , 2.5], grad_fn=<MulBackward0>)"
    assert show(x.detach()) == "tensor([0.5 , 1.25])"


def test_nothing_is_recorded_without_need(engine):
    x = engine.Tensor(1.0, True)
    with engine.no_grad():
        assert (x * 2.0).grad_fn is None and not engine.is_grad_enabled()
    assert (x * 2.0).requires_grad and (x.detach() * 2.0).grad_fn is None


# Without the bridge, which other tests load: it binds some of these names to functions of its own


def loaded():
    return [name for name in sys.modules if name.split(".")[0] == "nptorch"]


@pytest.fixture(scope="module")
def plain():
    """The package once more, its bridge out of reach."""
    modules = {name: sys.modules.pop(name) for name in loaded()}
    sys.modules["nptorch.bridge"] = None
    yield importlib.import_module("nptorch")
    for name in loaded():
        del sys.modules[name]
    sys.modules.update(modules)


@cases.table([case for case in cases.CASES if not any(case is other for other in cases.BRIDGE)])
def test_gradients_without_the_bridge(plain, f, arrays):
    leaves = cases.leaves(plain, arrays, np.float64)
    assert plain.autograd.gradcheck(lambda *tensors: f(plain, *tensors), leaves)


def test_no_grad_nests_without_the_bridge(plain):
    with plain.no_grad():
        with plain.no_grad():
            assert not plain.is_grad_enabled()
        assert not plain.is_grad_enabled()
    assert plain.is_grad_enabled()


def test_writes_without_the_bridge(plain):
    t = plain.tensor([1, 2])
    assert t.fill_(3.7) is t.copy_([4.7, 5.2]) is t and t.tolist() == [4, 5]
    t += 1
    t *= 3
    t -= plain.tensor([5, 8])
    assert t.tolist() == [10, 10] and t.zero_().tolist() == [0, 0]


@pytest.mark.parametrize("name", ["MSELoss", "L1Loss", "BCEWithLogitsLoss", "NLLLoss",
                                  "CrossEntropyLoss"])
def test_losses_without_the_bridge(plain, name):
    x, y = plain.tensor([[0.5, 2.0], [1.0, -1.0]]), plain.tensor([[0.0, 1.0], [1.0, 0.0]])
    if name in ("NLLLoss", "CrossEntropyLoss"):
        y = plain.tensor([1, 0])
    kind = getattr(plain.nn, name)
    losses = kind("none")(x, y)
    assert losses.shape == y.shape
    assert kind()(x, y).item() == losses.mean().item()
    assert kind(reduction="sum")(x, y).item() == losses.sum().item() != 0


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [4, 4, 2]), (True, [4, 4])])
def test_a_loader_without_the_bridge(plain, drop_last, sizes):
    plain.manual_seed(0)
    loader = plain.utils.data.DataLoader(range(10), 4, shuffle=True, drop_last=drop_last)
    orders = []
    for _ in range(2):
        batches = [batch.tolist() for batch in loader]
        assert [len(batch) for batch in batches] == sizes and len(loader) == len(sizes)
        orders.append([number for batch in batches for number in batch])
        assert len(set(orders[-1])) == sum(sizes)
    assert orders[0] != orders[1]
    in_order = plain.utils.data.DataLoader(range(10), 4, drop_last=drop_last)
    assert [batch.tolist()[0] for batch in in_order] == [0, 4, 8][:len(sizes)]
