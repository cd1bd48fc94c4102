"""nptorch/autograd.py alone, as notebook 01 leaves it: before the second reading binds PyTorch's
dtypes and prints, the guarded attributes and the record of writes."""

import importlib.util

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
