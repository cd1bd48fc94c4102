"""nptorch.optim: Adam, AdamW, RMSprop and Adagrad against PyTorch's losses and closed forms, their
groups and their state."""

import copy
import json

import numpy as np
import pytest
from golden import make_adam

import nptorch
from nptorch import Tensor, is_grad_enabled, nn, optim
from nptorch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop, lr_scheduler

GOLDEN = json.loads(make_adam.FILE.read_text(encoding="utf-8"))
KINDS = [Adam, AdamW, RMSprop, Adagrad]
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


def parameter(values, dtype=np.float64):
    return Tensor(np.array(values, dtype), requires_grad=True)


def push(p, gradient):
    """Give p this gradient, as backward would."""
    p.grad = None
    p.backward(np.broadcast_to(gradient, p.shape))


def walk(kind, gradients, start=1.0, **options):
    """The places of a parameter with these gradients, before, between and after the steps."""
    p = parameter(np.full(np.shape(gradients)[1:], start))
    optimizer, places = kind([p], **options), [p.data.copy()]
    for gradient in gradients:
        push(p, gradient)
        optimizer.step()
        places.append(p.data.copy())
    return np.array(places)


RNG = np.random.default_rng(0)
GRADIENTS = RNG.normal(size=(30, 2, 3)) * [0.01, 1, 100]


# The path


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", make_adam.OPTIMIZERS)
def test_losses_are_those_that_pytorch_had(name, dtype):
    losses, _ = make_adam.losses(nptorch, lr_scheduler, GOLDEN["weights"], dtype,
                                 *make_adam.runs()[name])
    assert len(GOLDEN[name]) == make_adam.STEPS and GOLDEN[name][-1] < GOLDEN[name][0] / 3
    np.testing.assert_allclose(losses, GOLDEN[name], rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", make_adam.OPTIMIZERS)
def test_losses_are_pytorchs(name, dtype):
    torch = pytest.importorskip("torch")
    ours, theirs = (make_adam.losses(library, library.optim.lr_scheduler, GOLDEN["weights"], dtype,
                                     *make_adam.runs()[name])[0] for library in (nptorch, torch))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("kind", [Adam, AdamW])
def test_first_step_is_lr_times_the_sign(kind):
    path = walk(kind, GRADIENTS[:1], lr=0.25, weight_decay=0, eps=1e-12)
    np.testing.assert_allclose(path[1] - path[0], -0.25 * np.sign(GRADIENTS[0]), rtol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_factor_in_the_loss_changes_nothing(kind):
    """By a power of two not even rounding, where eps is 0."""
    a, b = (walk(kind, factor * GRADIENTS, lr=0.1, eps=0, weight_decay=0) for factor in (1, 1024))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("options", [{}, {"amsgrad": True}, {"weight_decay": 0.3}])
@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_moves_by_its_own_gradients_alone(kind, options):
    if not issubclass(kind, Adam):
        options = {name: x for name, x in options.items() if name != "amsgrad"}
    together = walk(kind, GRADIENTS, lr=0.1, **options)
    for i, j in np.ndindex(2, 3):
        alone = walk(kind, GRADIENTS[:, i, j, None], lr=0.1, **options)
        np.testing.assert_allclose(together[:, i, j], alone[:, 0], rtol=1e-12)


def test_equal_gradients_make_equal_steps_of_adam_and_ever_smaller_ones_of_adagrad():
    ones = np.ones((40, 1))
    np.testing.assert_allclose(np.diff(walk(Adam, ones, lr=0.1), axis=0), -0.1, rtol=1e-6)
    steps = np.diff(walk(Adagrad, ones, lr=0.1), axis=0)[:, 0]
    np.testing.assert_allclose(steps, -0.1 / np.sqrt(np.arange(1, 41)), rtol=1e-8)
    steps = np.diff(walk(RMSprop, ones, lr=0.1), axis=0)[:, 0]
    np.testing.assert_allclose(steps, -0.1 / np.sqrt(1 - 0.99 ** np.arange(1, 41)), rtol=1e-6)


def test_decoupled_decay_shrinks_by_one_factor_and_stays_out_of_the_gradient():
    path = walk(AdamW, np.zeros((20, 2)), lr=0.1, weight_decay=0.5)
    np.testing.assert_allclose(path[-1], (1 - 0.1 * 0.5) ** 20, rtol=1e-12)
    for kind, expected in (AdamW, 1.0), (Adam, 1.5):
        p = parameter([1.0])
        push(p, 1.0)
        kind([p], weight_decay=0.5).step()
        assert p.grad.item() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_l1_is_the_penalty_of_the_base_class(kind):
    """The attribute alpha, for RMSprop, too, whose argument of that name is another number."""
    p, q = parameter([0.5, -2.0, 0.0]), parameter([0.5, -2.0, 0.0])
    one, other = kind([p], lr=0.1, weight_decay=0), kind([q], lr=0.1, weight_decay=0)
    one.alpha = 0.25
    push(p, [1.0, 1.0, 1.0])
    push(q, [1.25, 0.75, 1.0])
    one.step()
    other.step()
    np.testing.assert_array_equal(p.data, q.data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_order_in_memory_changes_nothing(kind, order):
    start, gradients = RNG.normal(size=(7, 11)), RNG.normal(size=(5, 7, 11))
    p = Tensor(np.array(start, order=order), requires_grad=True)
    array, optimizer = p.data, kind([p], lr=0.1)
    for gradient in gradients:
        p.grad = Tensor(np.array(gradient, order="F"))
        optimizer.step()
    assert p.data is array
    np.testing.assert_array_equal(p.data, walk(kind, gradients, start, lr=0.1)[-1])


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32(kind):
    p = parameter([1.0, -2.0], np.float32)
    optimizer = kind([p], lr=np.float64(0.1), weight_decay=np.float64(0.1))
    push(p, 1.0)
    optimizer.step()
    arrays = [x for name, x in optimizer.state[p].items() if name != "step"]
    assert p.dtype == p.grad.dtype == np.float32
    assert arrays and all(x.dtype == np.float32 and x.shape == (2,) for x in arrays)


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_parameters_and_those_without_gradient_stand_still(kind):
    frozen, idle, p = parameter([1.0]), parameter([2.0]), parameter([3.0])
    optimizer = kind([frozen, idle, p], weight_decay=0.5)
    for q in frozen, idle, p:
        push(q, 1.0)
    frozen.requires_grad_(False)
    idle.grad = None
    optimizer.step()
    assert (frozen.item(), idle.item()) == (1, 2) and p.item() < 3
    assert list(optimizer.state) == [p] and frozen.grad.item() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_zero_gradients_roll_on_with_momentum_alone(kind):
    optimizer = kind([p := parameter([1.0])], weight_decay=0)
    push(p, 1.0)
    optimizer.step()
    before = p.item()
    optimizer.zero_grad()
    optimizer.step()
    assert (p.item() < before) == issubclass(kind, Adam)


@pytest.mark.parametrize("kind", KINDS)
def test_step_is_not_recorded_and_changes_the_array_in_place(kind):
    p = parameter([1.0])
    array, optimizer = p.data, kind([p], lr=0.5, weight_decay=0.1)
    optimizer.alpha = 0.1
    push(p, 1.0)
    assert optimizer.step() is None
    assert p.data is array and array[0] < 1 and p.is_leaf and not p.grad.requires_grad
    assert is_grad_enabled()


# Groups


def test_groups_have_settings_of_their_own():
    a, b, c = parameter([1.0]), parameter([1.0]), parameter([1.0])
    optimizer = Adam([{"params": a}, {"params": (q for q in [b, c]), "lr": 0.5, "betas": [0, 0.5]}],
                     lr=0.25)
    assert optimizer.params == [a, b, c] and optimizer.lr == 0.25
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.5]
    assert [group["betas"] for group in optimizer.param_groups] == [(0.9, 0.999), (0.0, 0.5)]
    for p in a, b, c:
        push(p, 3.0)
    optimizer.step()
    np.testing.assert_allclose([a.item(), b.item(), c.item()], [0.75, 0.5, 0.5], rtol=1e-6)
    optimizer.lr = 0.125
    assert [group["lr"] for group in optimizer.param_groups] == [0.125, 0.125]


def test_a_group_may_be_empty_and_groups_a_tuple():
    p = parameter([1.0])
    optimizer = Adam(({"params": []}, {"params": [p], "lr": 0.5}))
    push(p, 1.0)
    optimizer.step()
    assert optimizer.params == [p] and p.item() == pytest.approx(0.5)


def test_groups_stay_as_they_were_handed_in():
    """Two optimizers can be made from the same list."""
    groups = [{"params": parameter([1.0]), "betas": [0.5, 0.5]}]
    Adam(groups).param_groups[0]["lr"] = 5.0
    assert list(groups[0]) == ["params", "betas"] and groups[0]["betas"] == [0.5, 0.5]


def test_penalties_are_those_of_the_group():
    a, b = parameter([2.0]), parameter([2.0])
    optimizer = RMSprop([{"params": [a], "weight_decay": 0.5}, {"params": [b]}])
    for p in a, b:
        push(p, 1.0)
    optimizer.step()
    assert (a.grad.item(), b.grad.item()) == (2, 1)


def test_groups_of_sgd_are_its_attributes():
    optimizer = SGD([p := parameter([1.0])], lr=0.5, momentum=0.75, weight_decay=0.25, alpha=0.125,
                    dampening=0.5)
    group, = optimizer.state_dict()["param_groups"]
    assert group == {"params": [0], "lr": 0.5, "alpha": 0.125, "weight_decay": 0.25,
                     "momentum": 0.75, "dampening": 0.5}
    assert optimizer.param_groups[0]["params"] == [p]
    optimizer.param_groups[0]["lr"] = 2.0
    push(p, 1.0)
    optimizer.momentum = optimizer.alpha = optimizer.weight_decay = 0
    optimizer.step()
    assert optimizer.lr == 2 and p.item() == -1
    assert optimizer.param_groups[0]["momentum"] == 0


# State


def train(optimizer, p, gradients):
    for gradient in gradients:
        push(p, gradient)
        optimizer.step()


MIXES = [(Adam, {}), (Adam, {"amsgrad": True}), (AdamW, {"weight_decay": 0.1}), (Adagrad, {}),
         (RMSprop, {"momentum": 0.5, "centered": True}), (SGD, {"momentum": 0.9}),
         (SGD, {"momentum": 0.9, "dampening": 0.5})]


@pytest.mark.parametrize(("kind", "options"), MIXES)
def test_a_training_goes_on_where_it_stopped(kind, options):
    p, gradients = parameter(np.ones((2, 3))), GRADIENTS / 10
    optimizer = kind([p], lr=0.01, **options)
    train(optimizer, p, gradients[:10])
    state = copy.deepcopy(optimizer.state_dict())
    q = parameter(p.data)
    train(optimizer, p, gradients[10:])
    other = kind([q], lr=5.0)
    other.load_state_dict(state)
    assert other.lr == 0.01
    train(other, q, gradients[10:])
    np.testing.assert_array_equal(p.data, q.data)


def test_what_is_loaded_is_copied():
    optimizer = Adam([p := parameter([1.0])])
    train(optimizer, p, [[1.0]])
    other = Adam([parameter([1.0])])
    other.load_state_dict(optimizer.state_dict())
    kept, = other.state.values()
    assert kept["step"] == 1 and kept["exp_avg"] is not optimizer.state[p]["exp_avg"]
    assert not np.shares_memory(kept["exp_avg"].data, optimizer.state[p]["exp_avg"].data)


def test_state_dict_is_pytorchs_and_shares_its_arrays():
    a, b = parameter([1.0, 2.0]), parameter([[3.0]])
    optimizer = Adam([{"params": [b]}, {"params": [a], "lr": 0.5}], amsgrad=True)
    push(a, 1.0)
    optimizer.step()
    found = optimizer.state_dict()
    assert list(found) == ["state", "param_groups"] and list(found["state"]) == [1]
    assert list(found["state"][1]) == ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
    assert found["state"][1]["exp_avg"] is optimizer.state[a]["exp_avg"]
    assert [group["params"] for group in found["param_groups"]] == [[0], [1]]
    assert [group["lr"] for group in found["param_groups"]] == [1e-3, 0.5]
    assert optimizer.param_groups[1]["params"] == [a]


@pytest.mark.parametrize(("kind", "options"), MIXES[:5])
def test_state_travels_from_pytorch_and_back(kind, options):
    torch = pytest.importorskip("torch")
    start, gradients = np.ones((2, 3)), GRADIENTS / 10
    p, q = parameter(start), torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    ours, theirs = (library([x], lr=0.01, **options)
                    for library, x in ((kind, p), (getattr(torch.optim, kind.__name__), q)))

    def train_theirs(part):
        for gradient in part:
            q.grad = torch.tensor(gradient)
            theirs.step()

    train_theirs(gradients[:10])
    ours.load_state_dict(theirs.state_dict())
    p.data[...] = q.detach().numpy()
    train(ours, p, gradients[10:20])
    train_theirs(gradients[10:20])
    np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12)
    train(ours, p, gradients[20:25])
    found = ours.state_dict()
    found["state"] = {i: {name: torch.tensor(np.asarray(x)) for name, x in kept.items()}
                      for i, kept in found["state"].items()}
    theirs = type(theirs)([q], lr=5.0)
    theirs.load_state_dict(found)
    q.data[...] = torch.tensor(p.data)
    train(ours, p, gradients[25:])
    train_theirs(gradients[25:])
    np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize(("change", "message"), [
    (lambda s: s["param_groups"].append({"params": [2]}), "longer"),
    (lambda s: s["param_groups"][0].update(params=[0]), "shorter"),
    (lambda s: s["state"][1].update(exp_avg=np.ones(3)), r"got exp_avg of shape \(3,\)"),
    (lambda s: s["state"][1].update(momentum_buffer=np.ones(2)), "got momentum_buffer of shape"),
    (lambda s: s["state"][1].update(exp_avg=None), r"got exp_avg of shape \(\)"),
    (lambda s: s["state"].update({"0": {}}), r"^state: expected numbers of \[0, 1\], got '0'"),
])
def test_state_that_does_not_fit_changes_nothing(change, message):
    a, b = parameter([1.0, 2.0]), parameter([3.0, 4.0])
    optimizer, other = Adam([a, b], lr=0.5), Adam([a, b])
    push(b, 1.0)
    optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())
    change(state)
    with pytest.raises(ValueError, match=message):
        other.load_state_dict(state)
    assert other.lr == 1e-3 and other.state == {}


def test_state_without_a_memory_is_no_start_at_0():
    optimizer = Adam([p := parameter([1.0, 2.0])])
    train(optimizer, p, [[1.0, 1.0]])
    state = optimizer.state_dict()
    del state["state"][0]["exp_avg_sq"]
    optimizer.load_state_dict(state)
    with pytest.raises(KeyError, match="exp_avg_sq"):
        optimizer.step()


def test_velocities_of_pytorch_are_refused_by_name():
    torch = pytest.importorskip("torch")
    q = torch.ones(2, requires_grad=True)
    theirs = torch.optim.SGD([q], lr=0.1, momentum=0.9)
    q.grad = torch.ones(2)
    theirs.step()
    with pytest.raises(ValueError, match="expected velocity of shape .2,., got momentum_buffer"):
        SGD([parameter([1.0, 1.0])], momentum=0.9).load_state_dict(theirs.state_dict())


def test_loaded_velocities_take_the_place_of_all_that_there_were():
    p, q = parameter([1.0]), parameter([1.0])
    optimizer, other = SGD([p], momentum=0.5, dampening=0.5), SGD([q], momentum=0.5, dampening=0.5)
    train(optimizer, p, [[1.0]])
    optimizer.load_state_dict(other.state_dict())
    assert optimizer.v[0].tolist() == [0] and optimizer.state == {}
    p.data[...] = 1
    train(optimizer, p, [[1.0]])
    train(other, q, [[1.0]])
    assert p.item() == q.item()


def test_optimizer_without_a_memory_has_an_empty_state():
    assert Optimizer([parameter([1.0])]).state_dict()["state"] == {}
    assert SGD([parameter([1.0])]).state_dict()["state"] == {}


# What is refused


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["lr", "eps", "weight_decay"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_invalid_numbers_are_named_with_their_value(kind, name, value):
    with pytest.raises(ValueError, match=f"^Invalid {name} value: {value}$"):
        kind([parameter([1.0])], **{name: value})
    with pytest.raises(ValueError, match=f"^Invalid {name} value: {value}$"):
        kind([{"params": [parameter([1.0])], name: value}])


@pytest.mark.parametrize("kind, name, value, message", [
    (Adam, "betas", (1.0, 0.9), "^Invalid betas value: 1.0"),
    (Adam, "betas", 0.9, "^betas: expected two numbers, got 0.9"),
    (AdamW, "betas", (0.9, 0.99, 0.999), "^betas: expected two numbers, got "),
    (AdamW, "betas", (0.9, -0.5), "^Invalid betas value: -0.5"),
    (RMSprop, "alpha", -1, "^Invalid alpha value: -1"),
    (RMSprop, "momentum", -1, "^Invalid momentum value: -1"),
    (Adagrad, "lr_decay", -1, "^Invalid lr_decay value: -1"),
    (Adagrad, "initial_accumulator_value", -1, "^Invalid initial_accumulator_value value: -1"),
])
def test_invalid_settings_are_refused(kind, name, value, message):
    with pytest.raises(ValueError, match=message):
        kind([parameter([1.0])], **{name: value})


P = parameter([1.0, 2.0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("params", "error", "message"), [
    (P, TypeError, "expected an iterable of Tensors, got one Tensor: put it in a list"),
    (nn.Linear(2, 1), TypeError, "Linear"),
    ([], ValueError, "expected at least one Tensor, got none"),
    (iter(()), ValueError, "expected at least one Tensor, got none"),
    ([P * 2], ValueError, "expected leaves"),
    ([P, P], ValueError, "expected each Tensor once, got one twice"),
    ([{"params": [P]}, {"params": P}], ValueError, "expected each Tensor once, got one twice"),
    ([{"params": []}], ValueError, "expected at least one Tensor, got none"),
    ([{"params": [P.data]}], TypeError, "expected Tensors, got ndarray"),
    ([{"params": [P]}, {"lr": 0.1}], TypeError, "^params: expected Tensors, got dict"),
    ([{"params": []}, P], TypeError, "^params: expected Tensors, got dict"),
])
def test_params_are_leaves_each_once_in_groups_as_well(kind, params, error, message):
    with pytest.raises(error, match=message):
        kind(params)


def test_names_and_defaults_are_pytorchs():
    torch = pytest.importorskip("torch")
    for kind in KINDS:
        theirs = getattr(torch.optim, kind.__name__)([torch.ones(1, requires_grad=True)]).defaults
        ours = kind([parameter([1.0])]).param_groups[0]
        same = {name: x for name, x in ours.items() if name != "params"}
        assert {name: theirs[name] for name in same} == same
    assert optim.Adam is Adam and "Adaptive" not in vars(optim)
