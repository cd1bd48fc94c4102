"""nptorch.nn.normalization: values by plain loops, modes, buffers, refusals, PyTorch's numbers."""

import copy
import json

import numpy as np
import pytest
from golden import make_norm

import nptorch
from nptorch import nn, no_grad, optim, tensor
from nptorch.datasets import digits
from nptorch.nn import BatchNorm1d, BatchNorm2d, LayerNorm
from nptorch.nn import functional as F
from nptorch.nn.module import ShapeError
from nptorch.training import evaluate, fit
from nptorch.utils.data import DataLoader, Subset

GOLDEN = json.loads(make_norm.FILE.read_text(encoding="utf-8"))
RNG = np.random.default_rng(0)


def normal(*shape, mean=3.0, dtype=np.float64):
    return RNG.normal(mean, 2, shape).astype(dtype)


# PyTorch's numbers

def test_every_case_has_numbers():
    assert set(GOLDEN) == {*make_norm.CASES, "losses"}


@pytest.mark.parametrize("name", make_norm.CASES)
def test_outputs_gradients_and_buffers_are_pytorchs(name):
    found = make_norm.results(nptorch, name)
    assert len(found) == len(GOLDEN[name])
    for ours, theirs in zip(found, GOLDEN[name]):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", make_norm.CASES)
def test_the_numbers_are_those_of_the_pytorch_that_is_installed(name):
    torch = pytest.importorskip("torch")
    for ours, theirs in zip(make_norm.results(nptorch, name), make_norm.results(torch, name)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)


def test_a_hundred_steps_are_pytorchs():
    np.testing.assert_allclose(make_norm.losses(nptorch), GOLDEN["losses"][0], atol=1e-10)
    np.testing.assert_allclose(make_norm.losses(nptorch, dtype="float32"), GOLDEN["losses"][0],
                               atol=1e-5)


@pytest.mark.parametrize("dtype, atol", [("float64", 1e-10), ("float32", 1e-5)])
def test_a_hundred_steps_are_those_of_the_pytorch_that_is_installed(dtype, atol):
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose(make_norm.losses(nptorch, dtype=dtype),
                               make_norm.losses(torch, dtype=dtype), atol=atol)


# Values, by another route

@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2), (2, 3, 4, 5), (700, 3)])
def test_batch_norm_by_loops(shape):
    x, weight, bias = normal(*shape), normal(3), normal(3)
    y = F.batch_norm(tensor(x), None, None, tensor(weight), tensor(bias), training=True, eps=0.1)
    for c in range(3):
        feature = x[:, c]
        expected = (feature - feature.mean()) / np.sqrt(feature.var() + 0.1) * weight[c] + bias[c]
        np.testing.assert_allclose(y.data[:, c], expected)


@pytest.mark.parametrize("shape", [(5, 4), (4,), (2, 3, 4), (1, 4), (0, 4)])
def test_layer_norm_by_loops(shape):
    x, weight, bias = normal(*shape), normal(4), normal(4)
    y = F.layer_norm(tensor(x), (4,), tensor(weight), tensor(bias), eps=0.1)
    assert y.shape == shape
    for i in np.ndindex(shape[:-1]):
        expected = (x[i] - x[i].mean()) / np.sqrt(x[i].var() + 0.1) * weight + bias
        np.testing.assert_allclose(y.data[i], expected)


@pytest.mark.parametrize("given", [(), ("weight",), ("bias",), ("weight", "bias")])
@pytest.mark.parametrize("norm, size", [
    (lambda x, **two: F.layer_norm(x, 4, **two), 4),
    (lambda x, **two: F.batch_norm(x, None, None, training=True, **two), 3),
    (lambda x, **two: F.batch_norm(x, tensor(np.arange(3.0)), tensor(np.ones(3)), **two), 3)])
def test_weight_and_bias_have_their_gradients_alone_and_together(norm, size, given):
    inputs = [tensor(normal(*shape), requires_grad=True) for shape in [(2, 3, 4), *[(size,)] * 2]]
    chosen = inputs[:1 + len(given)]
    assert nptorch.autograd.gradcheck(lambda x, *two: norm(x, **dict(zip(given, two))), chosen)


def test_layer_norm_over_several_dimensions_is_one_over_their_product():
    x, weight, bias = normal(2, 5, 3, 4), normal(3, 4), normal(3, 4)
    y = F.layer_norm(tensor(x), (3, 4), tensor(weight), tensor(bias))
    flat = F.layer_norm(tensor(x.reshape(2, 5, 12)), 12, tensor(weight.reshape(12)),
                        tensor(bias.reshape(12)))
    np.testing.assert_allclose(y.data.reshape(2, 5, 12), flat.data)


@pytest.mark.parametrize("rows", [256, 257, 1000])
def test_gradients_of_many_rows_are_those_of_the_parts(rows):
    """Sums of more than 256 rows are made in pieces."""
    x, g = normal(rows, 3), normal(rows, 3, mean=0)
    weight, bias = tensor(normal(3), requires_grad=True), tensor(normal(3), requires_grad=True)
    F.layer_norm(tensor(x), 3, weight, bias).backward(g)
    np.testing.assert_allclose(bias.grad.data, g.sum(0))
    hat = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(weight.grad.data, (g * hat).sum(0))


def test_an_empty_batch_has_gradients_of_zero():
    weight = tensor(np.ones(4), requires_grad=True)
    F.layer_norm(tensor(np.ones((0, 4))), 4, weight).sum().backward()
    assert weight.grad.tolist() == [0, 0, 0, 0]


def test_long_sums_in_float32_keep_their_digits():
    x = np.full((1_000_000, 2), 10.0, np.float32)
    x[::2] += 0.5
    stats = tensor(np.zeros(2, np.float32)), tensor(np.ones(2, np.float32))
    y = F.batch_norm(tensor(x), *stats, training=True, momentum=1.0)
    np.testing.assert_allclose(stats[0].data, 10.25, rtol=1e-6)
    np.testing.assert_allclose(stats[1].data, 0.0625, rtol=1e-4)
    np.testing.assert_allclose(np.abs(y.data[:4]), 1, rtol=1e-3)
    row = np.tile(np.float32([10.0, 10.5]), 500_000)
    np.testing.assert_allclose(np.abs(F.layer_norm(tensor(row), len(row)).data), 1, rtol=1e-3)


def test_a_constant_feature_becomes_zero():
    y = F.batch_norm(tensor(np.full((4, 2), 7.0)), None, None, training=True)
    assert (y.data == 0).all()


@pytest.mark.parametrize("module, shape", [
    (BatchNorm1d(3), (4, 3)), (BatchNorm2d(3), (2, 3, 2, 2)), (LayerNorm(3), (4, 3))])
def test_float32_stays_float32(module, shape):
    for training in True, False:
        x = tensor(normal(*shape, dtype=np.float32), requires_grad=True)
        y = module.train(training)(x)
        y.sum().backward()
        assert {a.dtype for a in (y, x.grad, module.weight.grad)} == {np.dtype(np.float32)}
    assert {b.dtype.name for b in module.buffers()} <= {"float32", "int64"}


# Modes and running averages

def test_the_running_averages_move_by_their_share():
    norm, batches = BatchNorm1d(2, momentum=0.25), [normal(4, 2), normal(6, 2)]
    mean, var = np.zeros(2), np.ones(2)
    for batch in batches:
        norm(tensor(batch))
        mean = 0.75 * mean + 0.25 * batch.mean(0)
        var = 0.75 * var + 0.25 * batch.var(0, ddof=1)
    np.testing.assert_allclose(norm.running_mean.data, mean, rtol=1e-6)
    np.testing.assert_allclose(norm.running_var.data, var, rtol=1e-6)
    assert norm.num_batches_tracked.item() == 2
    assert norm.num_batches_tracked.dtype == np.int64


def test_with_momentum_0_they_stay():
    norm = BatchNorm1d(2, momentum=0)
    norm(tensor(normal(4, 2)))
    assert norm.running_mean.tolist() == [0, 0] and norm.running_var.tolist() == [1, 1]
    assert norm.num_batches_tracked.item() == 1


def test_without_momentum_they_are_the_mean_of_all_batches():
    norm, batches = BatchNorm1d(2, momentum=None), [normal(4, 2) for _ in range(3)]
    for batch in batches:
        norm(tensor(batch))
    mean = np.mean([batch.mean(0) for batch in batches], axis=0)
    np.testing.assert_allclose(norm.running_mean.data, mean, rtol=1e-6)


def test_they_move_inside_no_grad_too_but_not_in_eval_mode():
    norm, x = BatchNorm1d(2), tensor(normal(4, 2))
    with no_grad():
        norm(x)
    moved = norm.running_mean.data.copy()
    assert (moved != 0).all()
    norm.eval()(x)
    assert (norm.running_mean.data == moved).all() and norm.num_batches_tracked.item() == 1


def test_in_eval_mode_the_others_do_not_count():
    norm = BatchNorm1d(3)
    for _ in range(3):
        norm(tensor(normal(8, 3)))
    x = tensor(normal(5, 3))
    together = norm.eval()(x).data
    for i in range(5):
        np.testing.assert_allclose(norm(x[i:i + 1]).data[0], together[i])
    assert norm(tensor(np.ones((0, 3)))).shape == (0, 3)


def test_in_train_mode_the_others_count():
    norm, x = BatchNorm1d(3), tensor(normal(6, 3))
    assert abs(norm(x).data[:3] - norm(x[:3]).data).max() > 1e-3


@pytest.mark.parametrize("first", ["eval", "train"])
def test_two_batches_in_one_graph(first):
    """The second moves the running averages before the walk back through the first."""
    x = tensor(normal(4, 3))

    def gradients(together):
        norm = BatchNorm1d(3)
        norm.running_mean.data[:] = 0.5
        outs = [(getattr(norm, first)()(x) ** 2).sum()]
        if not together:
            outs.pop().backward()
        outs.append((norm.train()(x * 2) ** 3).sum())
        sum(outs).backward()
        return norm.weight.grad.data, norm.bias.grad.data

    for one, other in zip(gradients(True), gradients(False)):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize("norm, shape", [
    (BatchNorm1d(4), (1, 4)), (BatchNorm1d(4), (1, 4, 1)), (BatchNorm2d(4), (1, 4, 1, 1)),
    (BatchNorm1d(4), (0, 4))])
def test_one_number_a_feature_is_refused_in_train_mode(norm, shape):
    before = copy.deepcopy(norm.state_dict())
    with pytest.raises(ValueError, match="expected two numbers a feature while training, got"):
        norm(tensor(np.ones(shape)))
    assert (norm.running_mean.data == before["running_mean"].data).all()
    assert norm.eval()(tensor(np.ones(shape))).shape == shape


def test_pytorch_refuses_a_batch_of_one_too():
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        torch.nn.BatchNorm1d(4)(torch.ones(1, 4))
    assert torch.nn.BatchNorm1d(4)(torch.ones(1, 4, 2)).shape == BatchNorm1d(4)(
        tensor(np.ones((1, 4, 2)))).shape


# In a training

def test_fit_and_evaluate_work_with_batch_norm():
    pytest.importorskip("sklearn")
    nptorch.manual_seed(0)
    learn, loss = Subset(digits()[0], range(129)), nn.CrossEntropyLoss()  # two batches and one left
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), BatchNorm1d(16), nn.ReLU(),
                        nn.Linear(16, 10))
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"got \(1, 16\)"):
        fit(net, DataLoader(learn, 64), loss, optimizer, 1, progress=False)
    history = fit(net, DataLoader(learn, 64, drop_last=True), loss, optimizer, 20, progress=False)
    assert history.train_loss[-1] < 0.7 * history.train_loss[0] and net.training
    before = net[2].num_batches_tracked.item()
    whole, single = (evaluate(net, DataLoader(learn, n), loss) for n in (129, 1))
    np.testing.assert_allclose(whole, single, rtol=1e-4)
    assert net[2].num_batches_tracked.item() == before == 3 + 40  # the refused one, too


def test_batch_norm_after_a_convolution():
    """Where the convolution's output is not in the order of its dimensions in memory."""
    net = nn.Sequential(nn.Conv2d(2, 3, 3), BatchNorm2d(3))
    y = net(tensor(normal(4, 2, 6, 5, dtype=np.float32)))
    (y * tensor(normal(*y.shape, dtype=np.float32))).sum().backward()
    np.testing.assert_allclose(y.data.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(y.data.var((0, 2, 3)), 1, atol=1e-2)
    assert abs(net[0].bias.grad.data).max() < 1e-4 < abs(net[0].weight.grad.data).max()


# What it is made with, and how it looks

@pytest.mark.parametrize("make", [
    "BatchNorm1d(4)", "BatchNorm2d(3, eps=0.1, momentum=None)", "BatchNorm1d(2, affine=False)",
    "LayerNorm(4)", "LayerNorm((3, 4), eps=0.1)",
    "LayerNorm([3, 4], elementwise_affine=False)", "LayerNorm(4, bias=False)"])
def test_entries_are_pytorchs(make):
    torch = pytest.importorskip("torch")
    ours, theirs = (eval(f"m.nn.{make}", {"m": m}) for m in (nptorch, torch))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [p.shape for p in ours.parameters()] == [tuple(p.shape) for p in theirs.parameters()]
    assert [b.shape for b in ours.buffers()] == [tuple(b.shape) for b in theirs.buffers()]
    shown = repr(ours).removesuffix(")")
    assert repr(theirs).startswith(shown) and "eps=" in shown


def test_repr():
    assert repr(BatchNorm1d(4)) == "BatchNorm1d(4, eps=1e-05, momentum=0.1)"
    assert repr(LayerNorm(4)) == "LayerNorm((4,), eps=1e-05)"


@pytest.mark.parametrize("make, error", [
    (lambda: BatchNorm1d(-1), ValueError), (lambda: BatchNorm1d(2.0), TypeError),
    (lambda: LayerNorm("a"), TypeError), (lambda: LayerNorm((3, -1)), ValueError)])
def test_arguments_that_make_no_sense_are_refused(make, error):
    with pytest.raises(error):
        make()


@pytest.mark.parametrize("module, shape, expected", [
    (BatchNorm1d(3), (4, 2), "(N, 3) or (N, 3, L)"), (BatchNorm1d(3), (3,), "(N, 3) or (N, 3, L)"),
    (BatchNorm1d(3), (1, 3, 2, 2), "(N, 3) or (N, 3, L)"),
    (BatchNorm2d(3), (4, 3), "(N, 3, H, W)"), (BatchNorm2d(3), (2, 4, 4, 3), "(N, 3, H, W)")])
def test_a_misfit_names_the_module(module, shape, expected):
    net = nn.Sequential(nn.Identity(), module)
    with pytest.raises(ShapeError) as caught:
        net(tensor(np.ones(shape)))
    assert str(caught.value).startswith(f"1 ({type(module).__name__} ")
    assert str(caught.value).endswith(f"got {shape}, expected {expected}")


@pytest.mark.parametrize("call, message", [
    (lambda x: F.batch_norm(x, None, None, x, training=True), "elements don't fill"),
    (lambda x: F.batch_norm(x, None, None, None, x[0, :1], training=True), "elements don't fill"),
    (lambda x: F.batch_norm(x, x[0, :1], x[0, :1]), "elements don't fill"),
    (lambda x: F.batch_norm(x[:1], None, None, training=True), "two numbers a feature"),
    (lambda x: F.layer_norm(x, 4), r"expected \(\.\.\., 4\), got \(5, 3\)"),
    (lambda x: F.layer_norm(x, (2, 3)), r"expected \(\.\.\., 2, 3\), got \(5, 3\)"),
    (lambda x: F.layer_norm(x, ()), "input: expected"),
    (lambda x: F.layer_norm(x, 3, x[0, :1]), "elements don't fill"),
    (lambda x: LayerNorm(3)(x.T), r"expected \(\.\.\., 3\), got \(3, 5\)"),
    (lambda x: LayerNorm((2, 3))(x[0]), r"expected \(\.\.\., 2, 3\), got \(3,\)"),
])
def test_the_functions_refuse_misfits(call, message):
    with pytest.raises(ValueError, match=message):
        call(tensor(normal(5, 3)))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_integers_count_as_float32(dtype):
    x = RNG.integers(0, 256, (300, 3)).astype(dtype)
    for call in (lambda x: F.layer_norm(x, 3),
                 lambda x: F.batch_norm(x, None, None, training=True), BatchNorm1d(3)):
        ours, expected = call(tensor(x)), call(tensor(x.astype(np.float32)))
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours.data, expected.data, atol=1e-6)
