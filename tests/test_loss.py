"""nptorch.nn.loss: values and gradients, the far ends, and what is refused."""

import numpy as np
import pytest

from nptorch import Tensor, autograd, manual_seed, nn, randn, tensor
from nptorch.nn import functional as F

REDUCTIONS = ("mean", "sum", "none")
MODULES = {
    "mse_loss": nn.MSELoss,
    "l1_loss": nn.L1Loss,
    "binary_cross_entropy_with_logits": nn.BCEWithLogitsLoss,
    "nll_loss": nn.NLLLoss,
    "cross_entropy": nn.CrossEntropyLoss,
}
NAMES = list(MODULES)
ELEMENTWISE = NAMES[:3]

rng = np.random.default_rng(4)
X = 2 * rng.standard_normal((5, 3))
LABELS = np.array([2, 0, 1, 1, 2])
ONE_HOT = np.eye(3)[LABELS]
TARGETS = {
    "mse_loss": rng.standard_normal((5, 3)),
    "l1_loss": rng.standard_normal((5, 3)),
    "binary_cross_entropy_with_logits": rng.uniform(size=(5, 3)),
    "nll_loss": LABELS,
    "cross_entropy": LABELS,
}


def closed_form(name):
    """Return the losses of X, one by one, and the gradient of their sum, from the textbook."""
    y = TARGETS[name]
    if name == "mse_loss":
        return (X - y) ** 2, 2 * (X - y)
    if name == "l1_loss":
        return abs(X - y), np.sign(X - y)
    if name == "binary_cross_entropy_with_logits":
        p = 1 / (1 + np.exp(-X))
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)), p - y
    if name == "nll_loss":
        return -np.sum(X * ONE_HOT, axis=1), -ONE_HOT
    p = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    return -np.log(np.sum(p * ONE_HOT, axis=1)), p - ONE_HOT


def target_of(name, dtype):
    """Return the target of a loss, floats as dtype."""
    target = TARGETS[name]
    return Tensor(target.astype(dtype) if target.dtype.kind == "f" else target)


# Values and gradients


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_value_and_gradient_are_the_closed_form(name, reduction, dtype):
    losses, gradient = closed_form(name)
    x = Tensor(X.astype(dtype), requires_grad=True)
    loss = getattr(F, name)(x, target_of(name, dtype), reduction=reduction)
    loss.backward(np.ones(loss.shape))
    expected = {"mean": losses.mean(), "sum": losses.sum(), "none": losses}[reduction]
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert loss.shape == expected.shape
    np.testing.assert_allclose(loss.data, expected, rtol=tolerance)
    n = losses.size if reduction == "mean" else 1
    np.testing.assert_allclose(x.grad.data, gradient / n, atol=tolerance)
    assert loss.dtype == x.grad.dtype == dtype


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_finite_differences(name, reduction):
    x, target = Tensor(X, requires_grad=True), target_of(name, np.float64)
    if name in ELEMENTWISE:  # the target gets a gradient too
        target.requires_grad_()
    assert autograd.gradcheck(lambda x, y: getattr(F, name)(x, y, reduction), (x, target))


def test_l1_refuses_what_would_broadcast():  # its elder sisters: test_refusals.py
    for left, right in ((64, 1), (64,)), ((4, 3), (3,)), ((4, 3), ()):
        with pytest.raises(ValueError, match="broadcasting would compare the wrong pairs"):
            F.l1_loss(Tensor(np.ones(left)), Tensor(np.ones(right)))


@pytest.mark.parametrize("name", NAMES)
def test_mean_is_the_default(name):
    target = target_of(name, np.float64)
    losses = getattr(F, name)(Tensor(X), target, "none").data
    assert getattr(F, name)(Tensor(X), target).item() == pytest.approx(losses.mean(), rel=1e-12)


@pytest.mark.parametrize("labels", [
    LABELS.tolist(), tensor(LABELS), LABELS.astype(np.uint8), LABELS.astype(np.int32),
])
def test_labels_may_be_integers_of_any_kind(labels):
    assert F.cross_entropy(Tensor(X), labels).item() == F.cross_entropy(Tensor(X), LABELS).item()


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
@pytest.mark.parametrize("label", [1, np.int64(1), tensor(1)])
def test_one_sample_needs_no_batch(name, label):
    x = Tensor(X[3], requires_grad=True)
    loss = getattr(F, name)(x, label)
    loss.backward()
    losses, gradient = closed_form(name)
    assert loss.shape == () and loss.item() == pytest.approx(losses[3])
    np.testing.assert_allclose(x.grad.data, gradient[3], atol=1e-12)


def test_one_logit_stands_for_two():
    y = np.array([1, 0, 0, 1, 0])
    one = Tensor(X[:, 0], requires_grad=True)
    two = Tensor(np.stack([np.zeros(5), X[:, 0]], axis=1), requires_grad=True)
    binary = F.binary_cross_entropy_with_logits(one, y, "none")
    classes = F.cross_entropy(two, y, "none")
    binary.sum().backward()
    classes.sum().backward()
    np.testing.assert_allclose(binary.data, classes.data, rtol=1e-12)
    np.testing.assert_allclose(one.grad.data, two.grad.data[:, 1], atol=1e-12)


# Far ends, where a warning counts as a failure


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_is_finite_at_a_thousand(dtype):
    logits = [[1000, -1000, 0], [1000, -1000, 0], [1000, 1000, -1000], [-1000, -1000, -1000]]
    x = Tensor(np.array(logits, dtype), requires_grad=True)
    losses = F.cross_entropy(x, [0, 1, 0, 2], "none")
    losses.sum().backward()
    np.testing.assert_allclose(losses.data, [0, 2000, np.log(2), np.log(3)], rtol=1e-6)
    expected = [[0, 0, 0], [1, -1, 0], [-0.5, 0.5, 0], [1 / 3, 1 / 3, -2 / 3]]
    np.testing.assert_allclose(x.grad.data, expected, atol=1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary_cross_entropy_is_finite_at_a_thousand(dtype):
    x = Tensor(np.array([1000, 1000, -1000, -1000, 0], dtype), requires_grad=True)
    losses = F.binary_cross_entropy_with_logits(x, np.array([1, 0, 1, 0, 0.25], dtype), "none")
    losses.sum().backward()
    np.testing.assert_allclose(losses.data, [0, 1000, 1000, 0, np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(x.grad.data, [0, 1, -1, 0, 0.25], atol=1e-6)


@pytest.mark.filterwarnings("error")
def test_small_binary_losses_keep_their_digits():
    x = Tensor(np.array([-30, -80, 30, 80], np.float32), requires_grad=True)
    losses = F.binary_cross_entropy_with_logits(x, np.array([0, 0, 1, 1], np.float32), "none")
    losses.sum().backward()
    small = np.exp([-30.0, -80.0])
    np.testing.assert_allclose(losses.data, [*small, *small], rtol=1e-5)
    np.testing.assert_allclose(x.grad.data, [*small, 0, 0], rtol=1e-5)  # 1 - sigmoid has none


def test_an_exact_prediction_has_no_slope():
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    F.l1_loss(x, tensor([1.0, 3.0, 1.0]), "sum").backward()
    assert x.grad.tolist() == [0, -1, 1]


# Long sums, right to the last digit of a float32


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss"])
def test_large_batches_keep_their_digits(name, layout, reduction):
    x = np.full((1_000_000, 3), 2003, np.float32, order=layout)
    loss = getattr(F, name)(Tensor(x), Tensor(np.zeros_like(x)), reduction)
    expected = (2003.0**2 if name == "mse_loss" else 2003) * (x.size if reduction == "sum" else 1)
    assert loss.item() == pytest.approx(expected, rel=1e-7) and loss.dtype == np.float32


@pytest.mark.parametrize("layout", ["C", "F"])
def test_many_classes_keep_their_digits(layout):
    p = np.random.default_rng(0).uniform(0.05, 0.2, (2, 1_000_000))
    x = np.array(np.log(p), np.float32, order=layout)
    expected = np.log(np.exp(x.astype(float)).sum(1)) - x[:, 0]
    losses = F.cross_entropy(Tensor(x), [0, 0], "none")
    np.testing.assert_allclose(losses.data, expected, rtol=1e-7)


# Modules and nets


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_modules_are_the_functions(name, reduction):
    x, target = Tensor(X), target_of(name, np.float64)
    module = MODULES[name](reduction=reduction)
    assert module(x, target).tolist() == getattr(F, name)(x, target, reduction).tolist()
    assert MODULES[name]()(x, target).item() == getattr(F, name)(x, target).item()
    assert list(module.parameters()) == [] and repr(module) == f"{MODULES[name].__name__}()"


@pytest.mark.parametrize("name", NAMES)
def test_errors_name_the_class_that_was_called(name):
    module = MODULES[name]
    for call, message in ((lambda: module(wait=1), rf"^{module.__name__}\(.* unexpected .*'wait'"),
                          (lambda: module("mean", "sum"), "^(size_average|weight): expected ")):
        with pytest.raises(TypeError, match=message) as error:
            call()
        assert "_Loss" not in str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_float32_net_gets_float32_gradients(name):
    manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, 3))
    getattr(F, name)(net(randn(5, 4)), TARGETS[name]).backward()  # targets in float64
    assert {p.grad.dtype for p in net.parameters()} == {np.dtype(np.float32)}
    assert all(p.grad.data.any() for p in net.parameters())


@pytest.mark.parametrize("far", [1, 500])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_losses_are_those_of_pytorch(name, reduction, far):
    torch = pytest.importorskip("torch")
    ours, theirs = Tensor(far * X, requires_grad=True), torch.tensor(far * X, requires_grad=True)
    loss = getattr(F, name)(ours, TARGETS[name], reduction)
    target = torch.from_numpy(TARGETS[name])
    expected = getattr(torch.nn.functional, name)(theirs, target, reduction=reduction)
    loss.backward(np.ones(loss.shape))
    expected.backward(torch.ones_like(expected))
    np.testing.assert_allclose(loss.data, expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), rtol=1e-12, atol=1e-12)


def test_labels_that_change_later_do_not_change_the_gradient():
    logits, labels = tensor([[1.0, 2.0, 3.0]], requires_grad=True), np.array([0])
    loss = nn.functional.cross_entropy(logits, labels)
    labels[0] = 2
    loss.backward()
    assert logits.grad[0, 0].item() < 0 < logits.grad[0, 2].item()
