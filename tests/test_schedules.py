"""nptorch.optim.lr_scheduler: the rates and the losses that PyTorch has, group by group."""

import importlib.util
import json
import math
import types

import numpy as np
import pytest
from golden import make_adam

import nptorch
from nptorch import Tensor
from nptorch.optim import SGD, Adam, RMSprop, lambda_lr, lr_scheduler
from nptorch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LambdaLR,
    LinearLR,
    OneCycleLR,
    SequentialLR,
    StepLR,
)

GOLDEN = json.loads(make_adam.FILE.read_text(encoding="utf-8"))
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


def parameter():
    return Tensor(np.ones(1), requires_grad=True)


def sgd(lr=0.5, **options):
    return SGD([parameter()], lr=lr, **options)


def rates(scheduler, steps):
    """The first group's rates in so many steps."""
    found = []
    for _ in range(steps):
        found.append(scheduler.get_last_lr()[0])
        assert scheduler.optimizer.lr == found[-1]
        scheduler.step()
    return found


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", make_adam.SCHEDULES)
def test_losses_are_those_that_pytorch_had(name, dtype):
    losses, _ = make_adam.losses(nptorch, lr_scheduler, GOLDEN["weights"], dtype,
                                 *make_adam.runs()[name])
    np.testing.assert_allclose(losses, GOLDEN[name], rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", make_adam.SCHEDULES)
def test_losses_and_rates_are_pytorchs(name, dtype):
    torch = pytest.importorskip("torch")
    (ours, one), (theirs, other) = (
        make_adam.losses(library, library.optim.lr_scheduler, GOLDEN["weights"], dtype,
                         *make_adam.runs()[name]) for library in (nptorch, torch))
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize(("make", "expected"), [
    (lambda o: LinearLR(o, 0.5, total_iters=4), [0.25, 0.3125, 0.375, 0.4375, 0.5, 0.5]),
    (lambda o: LinearLR(o, 1.0, 0.0, 2), [0.5, 0.25, 0, 0]),
    (LinearLR, [5 / 30, 7 / 30, 9 / 30, 11 / 30, 13 / 30, 0.5, 0.5]),  # from a third, in 5 steps
    (lambda o: StepLR(o, 2), [0.5, 0.5, 0.05, 0.05, 0.005]),
    (lambda o: CosineAnnealingLR(o, 2), [0.5, 0.25, 0, 0.25, 0.5]),
    (lambda o: CosineAnnealingLR(o, 2, eta_min=0.1), [0.5, 0.3, 0.1]),
    (lambda o: OneCycleLR(o, 1.0, 5, pct_start=0.6, anneal_strategy="linear", div_factor=4,
                          final_div_factor=5), [0.25, 0.625, 1, 0.525, 0.05, 0.05]),
    (lambda o: OneCycleLR(o, 1.0, 5, pct_start=1.0, anneal_strategy="linear", div_factor=5),
     [0.2, 0.4, 0.6, 0.8, 1, 1]),
    (lambda o: OneCycleLR(o, 1.0, 4, pct_start=0.25, anneal_strategy="linear", div_factor=5,
                          final_div_factor=5), [1, 0.68, 0.36, 0.04, 0.04]),  # no way up
])
def test_rates_are_closed_forms(make, expected):
    np.testing.assert_allclose(rates(make(sgd()), len(expected) - 1), expected[:-1], atol=1e-15)
    scheduler = make(sgd())
    for _ in expected[1:]:
        scheduler.step()
    np.testing.assert_allclose(scheduler.get_last_lr(), expected[-1:], atol=1e-15)


def test_each_group_has_a_plan_of_its_own():
    optimizer = Adam([{"params": parameter()}, {"params": parameter(), "lr": 0.5}], lr=0.25)
    scheduler = LambdaLR(optimizer, [lambda n: 1 - n / 4, lambda n: 1 / (1 + n)])
    scheduler.step()
    assert scheduler.get_last_lr() == [0.1875, 0.25] and scheduler.base_lrs == [0.25, 0.5]
    scheduler = CosineAnnealingLR(optimizer, 2, eta_min=0.125)
    scheduler.step()
    np.testing.assert_allclose(scheduler.get_last_lr(), [0.1875, 0.3125], rtol=1e-12)
    with pytest.raises(ValueError, match="shorter"):
        LambdaLR(optimizer, [lambda n: 1])


def test_one_cycle_moves_the_momentum_the_other_way():
    for optimizer in sgd(momentum=0.5), RMSprop([parameter()]), Adam([parameter()]):
        scheduler, found = OneCycleLR(optimizer, 1.0, 11, pct_start=0.5, anneal_strategy="linear",
                                      base_momentum=0.5, max_momentum=0.75), []
        group = optimizer.param_groups[0]
        for _ in range(11):
            found.append(group["betas"][0] if "betas" in group else group["momentum"])
            scheduler.step()
        np.testing.assert_allclose(found[:1] + found[-1:], 0.75)
        assert 0.5 < min(found) < 0.53 and found == sorted(found[:5], reverse=True) + found[5:]
    assert group["betas"][1] == 0.999
    steady = sgd(momentum=0.5)
    OneCycleLR(steady, 1.0, 5, cycle_momentum=False).step()
    assert steady.momentum == 0.5


def cycle_of_two(library):
    """The rates and first betas of two groups in a cycle with lists of settings."""
    ones = [library.ones(1, requires_grad=True) for _ in "ab"]
    optimizer = library.optim.Adam([{"params": [p]} for p in ones])
    scheduler = library.optim.lr_scheduler.OneCycleLR(
        optimizer, [0.1, 0.5], 6, base_momentum=[0.5, 0.75], max_momentum=[0.75, 0.9])
    found = []
    for _ in range(5):
        found.append([(group["lr"], *group["betas"]) for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return found


def test_one_cycle_takes_a_list_with_a_number_for_each_group():
    found = np.array(cycle_of_two(nptorch))
    np.testing.assert_allclose(found[0], [[0.1 / 25, 0.75, 0.999], [0.5 / 25, 0.9, 0.999]])
    np.testing.assert_allclose(found[:, 1, 0], 5 * found[:, 0, 0], rtol=1e-12)
    assert found[:, :, 0].max(0) == pytest.approx([0.1, 0.5], rel=0.05)
    assert {type(x) for group in cycle_of_two(nptorch)[1] for x in group} == {float}
    optimizer = Adam([{"params": parameter()}, {"params": parameter()}])
    for rates in [0.1], [0.1, 0.2, 0.3]:
        with pytest.raises(ValueError, match="zip"):
            OneCycleLR(optimizer, rates, 5)
    assert "initial_lr" not in optimizer.param_groups[0]


def test_one_cycle_with_lists_is_pytorchs():
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose(cycle_of_two(nptorch), cycle_of_two(torch), rtol=1e-12)


def test_momentum_may_begin_after_the_first_step():
    optimizer = RMSprop([p := parameter()], lr=0.0)
    for _ in range(2):
        p.grad = Tensor(np.ones(1))
        optimizer.step()
        OneCycleLR(optimizer, 1.0, 5)
    assert optimizer.state[p]["momentum_buffer"].item() != 0 and p.item() < 1


def test_one_cycle_ends():
    scheduler = OneCycleLR(sgd(), 1.0, epochs=2, steps_per_epoch=2)
    for _ in range(4):
        scheduler.step()
    with pytest.raises(ValueError, match="^total_steps: expected no more than 4 steps"):
        scheduler.step()


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"total_steps": 0}, ValueError, "^total_steps: expected an int, 1 or more"),
    ({"total_steps": 2.5}, TypeError, "^total_steps: expected an int"),
    ({}, TypeError, "^total_steps: expected an int, got None"),
    ({"epochs": 2}, TypeError, "^total_steps: expected an int, got None"),
    ({"total_steps": 9, "anneal_strategy": "cosine"}, ValueError,
     '^anneal_strategy: expected "cos" or "linear", got cosine'),
    ({"total_steps": 9, "max_momentum": [0.9, 0.8]}, ValueError, "longer"),
])
def test_one_cycle_refuses(options, error, message):
    with pytest.raises(error, match=message):
        OneCycleLR(sgd(), 1.0, **options)


def test_plans_follow_each_other():
    optimizer = sgd(1.0)
    parts = [LinearLR(optimizer, 0.5, 0.5), StepLR(optimizer, 1, 0.5), StepLR(optimizer, 2)]
    scheduler = SequentialLR(optimizer, parts, [2, 5])
    np.testing.assert_allclose(rates(scheduler, 9), [.5, .5, 1, .5, .25, 1, 1, .1, .1], rtol=1e-12)
    for milestones in [2], [2, 5, 7]:
        with pytest.raises(ValueError, match="zip"):
            SequentialLR(optimizer, parts, milestones)


@pytest.mark.parametrize("name", make_adam.SCHEDULES)
def test_a_plan_goes_on_where_it_stopped(name):
    def start():
        optimizer = Adam([{"params": parameter()}, {"params": parameter(), "lr": 0.5}], lr=0.25)
        return optimizer, make_adam.SCHEDULES[name](lr_scheduler, optimizer)

    optimizer, scheduler = start()
    for _ in range(12):
        scheduler.step()
    other, twin = start()
    other.load_state_dict(optimizer.state_dict())
    twin.load_state_dict(scheduler.state_dict())
    assert twin.last_epoch == 12
    for _ in range(30):
        assert twin.get_last_lr() == scheduler.get_last_lr()
        scheduler.step()
        twin.step()
    assert other.param_groups[0]["betas"] == optimizer.param_groups[0]["betas"]


def test_last_epoch_is_taken():
    optimizer = sgd(1.0)
    StepLR(optimizer, 1, 0.5)
    assert rates(StepLR(optimizer, 1, 0.5, last_epoch=2), 2) == [0.125, 0.0625]


def test_a_rate_below_zero_is_refused():
    scheduler = LambdaLR(sgd(), lambda n: 1 - n)
    scheduler.step()
    with pytest.raises(ValueError, match="^Invalid lr value: -0.5"):
        scheduler.step()
    with pytest.raises(ValueError, match="^total_iters: expected an int, 1 or more"):
        LinearLR(sgd(), total_iters=0)


def test_warm_up_and_cosine_meet_at_the_top():
    optimizer = sgd(1.0)
    parts = LinearLR(optimizer, 0.01, total_iters=10), CosineAnnealingLR(optimizer, 90)
    found = rates(SequentialLR(optimizer, parts, [10]), 100)
    rise = [0.01 + 0.099 * n for n in range(10)]
    fall = [(1 + math.cos(math.pi * n / 90)) / 2 for n in range(90)]
    np.testing.assert_allclose(found, rise + fall, rtol=1e-12)


def test_the_simple_scheduler_of_notebook_07_gives_the_same_rates():
    """Its methods are bound anew for groups; here they are as they were before, from its file."""
    spec = importlib.util.spec_from_file_location("simple", lambda_lr.__file__)
    simple = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(simple)
    plan, optimizer = (lambda n: 1 - n / 9), types.SimpleNamespace(lr=0.3)
    before, found = simple.LambdaLR(optimizer, plan), []
    for _ in range(8):
        found += before.get_last_lr()
        before.step()
    assert found == rates(LambdaLR(sgd(0.3), plan), 8)
    assert simple.LambdaLR(optimizer, plan).base_lrs == [0.3]  # the first rate, not what is left
