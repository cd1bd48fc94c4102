"""nptorch.nn.utils: clipping by the norm, against the norm by hand and PyTorch."""

import math

import numpy as np
import pytest

from nptorch import Tensor, nn, tensor
from nptorch.nn.utils import clip_grad_norm_

RNG = np.random.default_rng(0)
GRADIENTS = [RNG.normal(size=shape) * 3 for shape in ((2, 3), (4,), (), (1, 2, 2))]


def parameters(dtype=np.float64, gradients=GRADIENTS):
    made = [Tensor(np.zeros(g.shape, dtype), requires_grad=True) for g in gradients]
    for p, gradient in zip(made, gradients):
        p.grad = Tensor(np.array(gradient, dtype))
    return made


def flat(params):
    return np.concatenate([p.grad.data.ravel() for p in params])


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3, math.inf, "inf"])
def test_gradients_are_shortened_as_one_vector(norm_type):
    params = parameters()
    before = flat(params)
    by_hand = (np.abs(before).max() if norm_type in (math.inf, "inf")
               else (np.abs(before) ** norm_type).sum() ** (1 / norm_type))
    arrays = [p.grad.data for p in params]
    norm = clip_grad_norm_(iter(params), 0.5, norm_type)
    assert isinstance(norm, Tensor) and norm.shape == () and norm.dtype == np.float64
    np.testing.assert_allclose(norm.item(), by_hand, rtol=1e-12)
    np.testing.assert_allclose(flat(params), before * 0.5 / (by_hand + 1e-6), rtol=1e-12)
    assert all(p.grad.data is array for p, array in zip(params, arrays))


def test_short_gradients_are_left_alone():
    params = parameters()
    before = flat(params)
    for max_norm in 1.25 * np.linalg.norm(before), 1000, math.inf:  # never made longer
        clip_grad_norm_(params, max_norm)
    np.testing.assert_array_equal(flat(params), before)


@pytest.mark.parametrize("norm_type", [2.0, 1.0, math.inf, "inf"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("max_norm", [0.0, 0.7, 100.0])
def test_norm_and_gradients_are_pytorchs(norm_type, dtype, max_norm):
    torch = pytest.importorskip("torch")
    ours = parameters(dtype)
    theirs = [torch.zeros(p.shape, requires_grad=True, dtype=getattr(torch, np.dtype(dtype).name))
              for p in ours]
    for p, q in zip(ours, theirs):
        q.grad = torch.tensor(p.grad.data.copy())
    a, b = clip_grad_norm_(ours, max_norm, norm_type), torch.nn.utils.clip_grad_norm_(
        theirs, max_norm, norm_type)
    assert a.dtype == dtype and ours[0].grad.dtype == dtype
    rtol = 1e-6 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(a.item(), b.item(), rtol=rtol)
    expected = np.concatenate([q.grad.ravel() for q in theirs])
    np.testing.assert_allclose(flat(ours), expected, rtol=rtol)


@pytest.mark.parametrize("value, scaled", [(math.nan, math.nan), (math.inf, 0.0)])
def test_a_norm_that_is_not_finite(value, scaled):
    """As in PyTorch: inf makes all others 0, and itself nan; nan makes everything nan."""
    params = parameters(gradients=[np.array([1.0, value]), np.array([2.0])])
    with np.errstate(invalid="ignore"):
        norm = clip_grad_norm_(params, 1.0).item()
    np.testing.assert_equal([norm, *flat(params)], [value, scaled, math.nan, scaled])


def test_parameters_without_gradient_are_left_out():
    idle, p = tensor([1.0, 2.0], requires_grad=True), tensor([1.0], requires_grad=True)
    assert clip_grad_norm_([idle], 1.0).item() == 0.0
    assert clip_grad_norm_([], 1.0).item() == 0.0
    p.grad = tensor([5.0])
    assert clip_grad_norm_([idle, p], 1.0).item() == 5.0
    assert idle.grad is None and p.grad.item() == pytest.approx(1)


def test_one_tensor_and_a_generator_are_taken():
    net = nn.Linear(2, 3)
    net(tensor([[30.0, 40.0]])).sum().backward()
    before = flat(net.parameters())
    norm = clip_grad_norm_(net.parameters(), 1.0).item()
    np.testing.assert_allclose([norm, np.linalg.norm(flat(net.parameters()))],
                               [np.linalg.norm(before), 1], rtol=1e-5)
    clip_grad_norm_(net.bias, 1e-3)
    assert np.linalg.norm(net.bias.grad.data) < 1.01e-3 < np.linalg.norm(net.weight.grad.data)


@pytest.mark.parametrize("value", [-1.0, math.nan])
def test_a_negative_bound_is_refused_rather_than_turned_uphill(value):
    with pytest.raises(ValueError, match=f"^Invalid max_norm value: {value}"):
        clip_grad_norm_(parameters(), value)
