"""nptorch.optim: SGD's path against PyTorch's, the penalties' closed forms, what stands still and
what is refused."""

import json

import numpy as np
import pytest
from golden import make_sgd

import nptorch
from nptorch import Tensor, is_grad_enabled, nn, ones, tensor
from nptorch.optim import SGD, Optimizer

GOLDEN = json.loads(make_sgd.FILE.read_text(encoding="utf-8"))
MOMENTA = (0.0, 0.5, 0.9)


def parameter(values, dtype=np.float64):
    return Tensor(np.array(values, dtype), requires_grad=True)


def push(p, gradient):
    """Give p this gradient, as backward would."""
    p.grad = None
    p.backward(np.broadcast_to(gradient, p.shape))


def descend(p, gradient, steps, **options):
    """Take steps along gradient(array); return the places before, between and after them."""
    optimizer, places = SGD([p], **options), [p.data.copy()]
    for _ in range(steps):
        push(p, gradient(p.data))
        optimizer.step()
        places.append(p.data.copy())
    return np.array(places)


# The path


@pytest.mark.parametrize(("momentum", "weight_decay"), make_sgd.MIXES)
def test_path_is_the_one_that_pytorch_took(momentum, weight_decay):
    path = make_sgd.path(nptorch, SGD, momentum, weight_decay)
    golden = np.array(GOLDEN[f"{momentum} {weight_decay}"])
    assert golden.shape == (50, 8)
    np.testing.assert_allclose(path, golden, rtol=1e-9)


@pytest.mark.parametrize(("momentum", "weight_decay"), make_sgd.MIXES)
def test_path_is_pytorchs(momentum, weight_decay):
    torch = pytest.importorskip("torch")
    ours = make_sgd.path(nptorch, SGD, momentum, weight_decay)
    theirs = make_sgd.path(torch, torch.optim.SGD, momentum, weight_decay)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("momentum", MOMENTA)
def test_lr_is_read_at_each_step_and_velocity_holds_it(momentum):
    p = parameter([2.0, -1.0])
    optimizer = SGD([p], lr=0.1, momentum=momentum)
    place, v = p.data.copy(), 0.0
    for lr in 0.1, 0.1, 0.5, 0.01:
        optimizer.lr = lr
        push(p, [1.0, 3.0])
        optimizer.step()
        v = momentum * v - lr * np.array([1.0, 3.0])
        place = place + v
        np.testing.assert_allclose(p.data, place, rtol=1e-12)


def test_speed_on_a_slope_tends_to_lr_over_1_minus_momentum():
    path = descend(parameter([0.0]), np.ones_like, 200, lr=0.01, momentum=0.9)
    np.testing.assert_allclose(path[1] - path[0], -0.01, rtol=1e-12)
    np.testing.assert_allclose(path[-1] - path[-2], -0.01 / (1 - 0.9), rtol=1e-6)


@pytest.mark.parametrize(("momentum", "dampening"), [(0.0, 0.3), (0.9, 0.3), (0.9, 1.0), (0.5, 0)])
def test_dampening_is_pytorchs(momentum, dampening):
    """All pushes but the first count for the share 1 - dampening, and with momentum 0 all of them.
    The first gradient of b is 0, which is a push as well."""
    gradients = [(1.0, 0.0), (-2.0, 3.0), (0.5, 1.0)]
    a, b = parameter([1.0]), parameter([1.0])
    optimizer = SGD([a, b], lr=0.1, momentum=momentum, dampening=dampening)
    places, buffers = np.ones(2), None
    for pair in gradients:
        for p, gradient in zip((a, b), pair):
            push(p, gradient)
        optimizer.step()
        g = np.array(pair)
        first = buffers is None or momentum == 0
        buffers = g if first else momentum * buffers + (1 - dampening) * g
        places = places - 0.1 * buffers
        np.testing.assert_allclose([a.item(), b.item()], places, rtol=1e-12)
    torch = pytest.importorskip("torch")
    theirs = torch.ones(2, 1, dtype=torch.float64)
    params = [row.clone().requires_grad_() for row in theirs]
    optimizer = torch.optim.SGD(params, lr=0.1, momentum=momentum, dampening=dampening)
    for pair in gradients:
        for p, gradient in zip(params, pair):
            p.grad = torch.full((1,), gradient, dtype=torch.float64)
        optimizer.step()
    np.testing.assert_allclose(places, [p.item() for p in params], rtol=1e-12)


def test_the_first_push_counts_whole_whenever_it_comes():
    a, b = parameter([1.0]), parameter([1.0])
    optimizer = SGD([a, b], lr=0.1, momentum=0.5, dampening=0.5)
    push(a, 1.0)
    optimizer.step()
    push(b, 1.0)
    optimizer.step()  # a: v = 0.5 * 1 + 0.5 * 1
    np.testing.assert_allclose([a.item(), b.item()], [0.8, 0.9], rtol=1e-12)


def test_fourth_positional_argument_is_alpha():
    """PyTorch's is dampening, which goes by its name here; see the page of differences."""
    optimizer = SGD([parameter([1.0])], 0.1, 0.9, 0.5, 0.25)
    assert (optimizer.alpha, optimizer.weight_decay, optimizer.dampening) == (0.5, 0.25, 0)


# The penalties


@pytest.mark.parametrize(("alpha", "weight_decay"), [(0.3, 0), (0, 0.2), (0.3, 0.2)])
def test_regularization_adds_the_gradient_of_the_penalties(alpha, weight_decay):
    a, b = parameter([[0.5, -2.0, 0.0]]), parameter([[0.5, -2.0, 0.0]])
    push(a, [1.0, -1.0, 0.25])
    Optimizer([a], alpha=alpha, weight_decay=weight_decay)._regularization()
    penalty = alpha * b.abs().sum() + weight_decay / 2 * (b * b).sum()
    (penalty + (b * np.array([1.0, -1.0, 0.25])).sum()).backward()
    np.testing.assert_allclose(a.grad.data, b.grad.data, rtol=1e-12)


@pytest.mark.parametrize("momentum", MOMENTA)
def test_l1_reaches_the_soft_threshold(momentum):
    """Of half the squared distance to t, plus alpha |p|: sign(t) max(|t| - alpha, 0)."""
    t, alpha, lr = np.array([3.0, -2.0, 0.2, -0.4, 0.0]), 0.5, 0.01
    path = descend(parameter([1.0, 2.0, -1.0, 1.0, 0.5]), lambda p: p - t, 4000,
                   lr=lr, momentum=momentum, alpha=alpha)
    closed = np.sign(t) * np.maximum(np.abs(t) - alpha, 0)
    np.testing.assert_allclose(path[-1, :2], closed[:2], rtol=1e-9)
    hover = lr * (alpha + np.abs(t[2:])) / (1 - momentum)
    assert (np.abs(path[-500:, 2:]) <= hover).all()


def test_l1_goes_straight_to_zero():
    path = descend(parameter([1.0, -2.0]), np.zeros_like, 30, lr=0.1, alpha=0.25)
    steps = np.arange(31)[:, None]
    np.testing.assert_allclose(path, [1.0, -2.0] + 0.1 * 0.25 * steps * [-1.0, 1.0], rtol=1e-12)


@pytest.mark.parametrize("momentum", MOMENTA)
def test_l1_leaves_an_exact_zero_alone(momentum):
    path = descend(parameter([0.0, -0.0]), np.zeros_like, 5, lr=0.1, momentum=momentum, alpha=0.5)
    assert (path == 0).all()


def test_l2_shrinks_every_weight_by_one_factor():
    path = descend(parameter([1.0, -2.0]), np.zeros_like, 20, lr=0.1, weight_decay=0.5)
    np.testing.assert_allclose(path[-1], np.array([1.0, -2.0]) * (1 - 0.1 * 0.5) ** 20, rtol=1e-12)


def test_what_is_zero_is_left_out_not_multiplied_by():
    """0 · inf is nan: no penalty reaches the gradient, and no plain step a velocity."""
    p = parameter([np.inf, 1.0])
    optimizer = SGD([p], lr=0.5)
    push(p, [2.0, np.inf])
    optimizer.step()
    assert p.grad.tolist() == [2, np.inf] and p.tolist() == [np.inf, -np.inf]
    assert not optimizer.v[0].any()


# Parameters, gradients and velocities


@pytest.mark.parametrize("momentum", MOMENTA)
def test_frozen_parameter_stands_still_and_rolls_on_when_it_thaws(momentum):
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    optimizer = SGD(net.parameters(), lr=0.1, momentum=momentum, alpha=0.1, weight_decay=0.1)

    def train():
        optimizer.zero_grad()
        net(ones(4, 2)).sum().backward()
        optimizer.step()

    def states():
        return [(p.data.copy(), p.grad.data.copy(), v.copy())
                for p, v in zip(net.parameters(), optimizer.v)]

    train()
    net[0].requires_grad_(False)
    before = states()
    optimizer.step()  # with the gradients of before, which no penalty reaches
    np.testing.assert_equal(states()[:2], before[:2])
    train()
    after = states()
    for i, same in enumerate((True, True, False, False)):
        assert (before[i][0] == after[i][0]).all() == same
    net[0].requires_grad_()
    train()
    assert not any((old[0] == new[0]).any() for old, new in zip(after, states()))


def test_parameter_frozen_from_the_start_never_moves():
    frozen, p = tensor([1.0, 2.0]), parameter([3.0])
    optimizer = SGD([frozen, p], lr=0.1, momentum=0.9, weight_decay=0.5)
    push(p, 1.0)
    optimizer.step()
    assert frozen.tolist() == [1, 2] and frozen.grad is None and p.item() < 3


@pytest.mark.parametrize("shape", [(), (1,), (1, 2), (3, 2)])
def test_gradient_of_another_shape_never_gets_in(shape):
    """PyTorch refuses it where it is assigned; a step would broadcast it, or the parameter."""
    p = parameter([1.0, 2.0])
    push(p, 3.0)
    with pytest.raises(RuntimeError, match="shape"):
        p.grad = Tensor(np.ones(shape))
    SGD([p], lr=1.0).step()
    assert p.tolist() == [-2, -1]


@pytest.mark.parametrize("momentum", MOMENTA)
def test_parameter_without_gradient_is_skipped(momentum):
    p, idle = parameter([1.0]), parameter([2.0])
    optimizer = SGD([idle, p], lr=0.1, momentum=momentum, alpha=0.1, weight_decay=0.1)
    for q in idle, p:
        push(q, 1.0)
    optimizer.step()
    idle.grad, before, v = None, idle.data.copy(), optimizer.v[0].copy()
    optimizer.step()
    assert idle.grad is None
    assert idle.data == before and optimizer.v[0] == v
    assert p.data < before - 1


def test_velocities_are_arrays_of_the_parameters_own_shape_and_dtype():
    params = [parameter(1.0), parameter(np.ones((3, 2)), np.float32), parameter(np.ones((0, 4)))]
    optimizer = SGD(params, momentum=0.9)
    assert [(v.shape, v.dtype) for v in optimizer.v] == [(p.shape, p.dtype) for p in params]
    for p in params:
        push(p, 1.0)
    optimizer.step()
    for p, v in zip(params, optimizer.v):
        assert (v == p.dtype.type(-1e-3)).all() and not np.shares_memory(v, p.data)


def test_equal_parameters_have_their_own_velocities():
    a, b = parameter([1.0]), parameter([1.0])
    optimizer = SGD([a, b], lr=1.0, momentum=0.5)
    for p, gradient in (a, 1.0), (b, -1.0):
        push(p, gradient)
    optimizer.step()
    assert (a.item(), b.item()) == (0.0, 2.0)


@pytest.mark.parametrize("momentum", (0, np.float64(0.9)))
def test_float32_stays_float32(momentum):
    p = parameter([1.0, -2.0], np.float32)
    number = np.float64(0.1)
    optimizer = SGD([p], lr=number, momentum=momentum, alpha=number, weight_decay=number)
    push(p, 1.0)
    optimizer.step()
    assert p.dtype == p.grad.dtype == optimizer.v[0].dtype == np.float32
    settings = optimizer.lr, optimizer.momentum, optimizer.alpha, optimizer.weight_decay
    assert [type(value) for value in settings] == [float] * 4


def test_generator_of_parameters_is_walked_once_and_kept():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    optimizer = SGD(net.parameters(), lr=0.5)
    assert [id(p) for p in optimizer.params] == [id(p) for p in net.parameters()]
    before = [p.data.copy() for p in net.parameters()]
    net(tensor([[1.0, 2.0, -1.0]])).sum().backward()
    optimizer.step()
    for p, old in zip(net.parameters(), before):
        np.testing.assert_allclose(p.data, old - 0.5 * p.grad.data, rtol=1e-6)


def test_defaults_are_a_thousandth_and_nothing_else():
    for optimizer in Optimizer([parameter([1.0])]), SGD([parameter([1.0])]):
        assert (optimizer.lr, optimizer.alpha, optimizer.weight_decay) == (1e-3, 0, 0)
    assert optimizer.momentum == 0


@pytest.mark.parametrize("frozen", [False, True])
def test_zero_grad_clears_in_place_and_passes_over_none(frozen):
    p, untouched = parameter([1.0, 2.0]), parameter([3.0])
    push(p, 5.0)
    array = p.grad.data
    p.requires_grad_(not frozen)
    optimizer = Optimizer([untouched, p])
    optimizer.zero_grad()
    assert p.grad.data is array and not array.any()
    assert untouched.grad is None
    optimizer.zero_grad(set_to_none=True)
    assert p.grad is untouched.grad is None


@pytest.mark.parametrize("momentum", MOMENTA)
def test_zero_grad_to_none_makes_a_parameter_stand_still_and_zeros_let_it_roll(momentum):
    for to_none in False, True:
        p = parameter([1.0])
        optimizer = SGD([p], lr=0.1, momentum=momentum)
        push(p, 1.0)
        optimizer.step()
        before = p.item()
        optimizer.zero_grad(set_to_none=to_none)
        assert (p.grad is None) == to_none
        optimizer.step()
        assert p.item() == pytest.approx(before if to_none else before - 0.1 * momentum)


@pytest.mark.parametrize("momentum", MOMENTA)
def test_step_is_not_recorded_and_changes_the_array_in_place(momentum):
    p = parameter([1.0])
    array = p.data
    optimizer = SGD([p], lr=0.5, momentum=momentum, alpha=0.1, weight_decay=0.1)
    push(p, 1.0)
    assert optimizer.step() is None
    assert p.data is array and array[0] < 1
    assert p.is_leaf and p.requires_grad and not p.grad.requires_grad
    assert is_grad_enabled()


def test_nothing_is_recorded_while_stepping_or_regularizing():
    class Watched(SGD):
        def _regularization(self):
            recording.append(is_grad_enabled())

    recording, p = [], parameter([1.0])
    push(p, 1.0)
    Watched([p]).step()
    assert recording == [False]
    p.grad.requires_grad_()  # a leaf like this can't be changed in place while recording
    Optimizer([p], alpha=0.5)._regularization()
    assert p.grad.item() == 1.5


# What is refused: most of it in test_refusals.py


def test_momentum_ends_before_1():
    assert SGD([parameter([1.0])], momentum=0.999).momentum == 0.999
    with pytest.raises(ValueError, match=r"^Invalid momentum value: 1\.0$"):
        SGD([parameter([1.0])], momentum=1.0)


@pytest.mark.parametrize("momentum", [0, 0.9])
def test_a_graph_from_before_the_step_is_not_walked_with_the_weights_from_after_it(momentum):
    p = tensor([1.0, 2.0], requires_grad=True)
    first, second = p * p, p * p
    first.backward([1, 1])
    SGD([p], lr=0.1, momentum=momentum).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        second.backward([1, 1])
