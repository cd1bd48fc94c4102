"""nptorch.nn.conv and nptorch.nn.fast: convolution and pooling, each under the same checks, against
loops, finite differences and PyTorch's numbers; the modules, whichever function they call."""

import gc
import importlib
import importlib.util
import json
import math
import weakref

import numpy as np
import pytest
from golden import make_conv

import nptorch
from nptorch import Tensor, nn, optim
from nptorch.finite_differences import gradcheck
from nptorch.nn.module import ShapeError

GOLDEN = json.loads(make_conv.FILE.read_text(encoding="utf-8"))
IMPLEMENTATIONS = [name for name in ("nptorch.nn.conv", "nptorch.nn.fast")
                   if importlib.util.find_spec(name)]
# x, weight, options
CONVS = [
    ((2, 3, 7, 6), (5, 3, 3, 2), {}),
    ((2, 3, 9, 8), (5, 3, 3, 2), {"stride": 2}),
    ((1, 2, 5, 6), (3, 2, 2, 3), {"stride": (3, 1), "padding": (1, 2)}),
    ((2, 3, 8, 9), (4, 3, 3, 2), {"dilation": (2, 3)}),
    ((2, 4, 6, 5), (6, 2, 3, 2), {"groups": 2, "padding": 1}),
    ((2, 4, 6, 5), (8, 1, 2, 3), {"groups": 4, "stride": (1, 2)}),
    ((3, 4, 7, 8), (6, 2, 2, 3),
     {"stride": (2, 3), "padding": (3, 2), "dilation": (2, 1), "groups": 2}),
    ((2, 3, 5, 4), (4, 3, 1, 1), {}),
    ((2, 3, 5, 4), (4, 3, 5, 4), {}),
    ((2, 3, 3, 2), (4, 3, 1, 1), {"stride": 5, "padding": 4}),
    ((1, 1, 13, 4), (1, 1, 5, 2), {}),  # 9 rows of output
    ((1, 1, 12, 4), (1, 1, 5, 2), {}),  # 8 rows
]
# x, kernel_size, stride, padding
POOLS = [
    ((2, 3, 6, 8), 2, None, 0),
    ((2, 3, 7, 5), 2, None, 0),  # the last row and column fill no window
    ((2, 3, 7, 6), 3, 2, 1),
    ((2, 3, 7, 6), (3, 2), (1, 1), (1, 0)),
    ((1, 2, 8, 9), 2, 3, 1),
    ((1, 2, 4, 3), (4, 3), None, 0),
    ((2, 3, 3, 4), 1, None, 0),
    ((2, 3, 5, 7), 1, 2, 0),
]


@pytest.fixture(params=IMPLEMENTATIONS)
def conv(request, monkeypatch):
    """An implementation; the modules call its functions while a test runs."""
    module = importlib.import_module(request.param)
    for layer, name in (("Conv2d", "conv2d"), ("MaxPool2d", "max_pool2d"),
                        ("AvgPool2d", "avg_pool2d")):
        monkeypatch.setattr(getattr(nn, layer), "function", staticmethod(getattr(module, name)))
    return module


def rng(seed=0):
    return np.random.default_rng(seed)


def arrays(x, weight, seed=0):
    return [rng(seed + i).standard_normal(shape) for i, shape in enumerate((x, weight, weight[:1]))]


def leaves(*values):
    return [Tensor(np.array(value), requires_grad=True) for value in values]


def pair(value):
    return (value, value) if isinstance(value, int) else value


def cut(x, kernel, stride=1, padding=0, dilation=1, fill=0.0):
    """Yield each place (r, c) and the window of x there, (N, C, kh, kw)."""
    (k, l), (s, t), (p, q), (d, e) = map(pair, (kernel, stride, padding, dilation))
    x = np.pad(x, [(0, 0), (0, 0), (p, p), (q, q)], constant_values=fill)
    tops = range(0, x.shape[2] - d * (k - 1), s)
    lefts = range(0, x.shape[3] - e * (l - 1), t)
    for r, top in enumerate(tops):
        for c, left in enumerate(lefts):
            rows, columns = top + d * np.arange(k), left + e * np.arange(l)
            yield (r, c), x[:, :, rows[:, None], columns]


def conv_by_loops(x, weight, bias, groups=1, **options):
    places = list(cut(x, weight.shape[2:], **options))
    y = np.empty((len(x), len(weight), *np.add(places[-1][0], 1)))
    depth, each = weight.shape[1], len(weight) // groups
    for (r, c), window in places:
        for o in range(len(weight)):
            seen = window[:, o // each * depth:(o // each + 1) * depth]
            y[:, o, r, c] = bias[o] + (seen * weight[o]).sum((1, 2, 3))
    return y


def pool_by_loops(f, x, kernel, stride, padding, fill):
    places = list(cut(x, pair(kernel), kernel if stride is None else stride, padding, 1, fill))
    y = np.empty((*x.shape[:2], *np.add(places[-1][0], 1)))
    for (r, c), window in places:
        y[:, :, r, c] = f(window, axis=(2, 3))
    return y


def distinct(shape):
    """Numbers far enough apart for finite differences to change no maximum; most are negative."""
    return rng().permutation(math.prod(shape)).reshape(shape) / 10 - 0.07 * math.prod(shape)


def test_the_modules_call_the_fast_functions_once_the_package_is_imported():
    last = importlib.import_module(IMPLEMENTATIONS[-1])
    for layer, name in {nn.Conv2d: "conv2d", nn.MaxPool2d: "max_pool2d",
                        nn.AvgPool2d: "avg_pool2d"}.items():
        assert layer.function is getattr(last, name)
        assert getattr(nn.functional, name).refusing is layer.function


# conv2d


@pytest.mark.parametrize(("x", "weight", "options"), CONVS)
@pytest.mark.parametrize("with_bias", [True, False])
def test_conv2d_is_what_loops_give(conv, x, weight, options, with_bias):
    x, weight, bias = arrays(x, weight)
    if not with_bias:
        bias *= 0
    y = conv.conv2d(Tensor(x), Tensor(weight), Tensor(bias) if with_bias else None, **options)
    np.testing.assert_allclose(y, conv_by_loops(x, weight, bias, **options), atol=1e-12)


@pytest.mark.parametrize(("x", "weight", "options"), CONVS)
def test_conv2d_passes_gradcheck(conv, x, weight, options):
    inputs = leaves(*arrays(x, weight))
    assert gradcheck(lambda *inputs: conv.conv2d(*inputs, **options), inputs)
    assert gradcheck(lambda *inputs: conv.conv2d(*inputs, **options), inputs[:2])


@pytest.mark.parametrize(("x", "weight", "options"), CONVS)
def test_conv2d_is_pytorchs(conv, x, weight, options):
    torch = pytest.importorskip("torch")
    values = arrays(x, weight)
    ours, theirs = leaves(*values), [torch.tensor(v, requires_grad=True) for v in values]
    y, z = conv.conv2d(*ours, **options), torch.nn.functional.conv2d(*theirs, **options)
    np.testing.assert_allclose(y, z.detach(), atol=1e-12)
    g = rng(9).standard_normal(y.shape)
    y.backward(g)
    z.backward(torch.tensor(g))
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a.grad, b.grad, atol=1e-12)


@pytest.mark.parametrize("name", make_conv.CASES)
def test_numbers_are_those_that_pytorch_gave(conv, name):
    found = make_conv.results(nptorch, conv, name)
    assert len(found) == len(GOLDEN[name])
    for a, b in zip(found, GOLDEN[name]):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


def test_numbers_and_pairs_are_the_same(conv):
    x, weight, bias = map(Tensor, arrays((2, 2, 9, 9), (3, 2, 2, 2)))
    y = conv.conv2d(x, weight, bias, 2, 1, 3)
    z = conv.conv2d(x, weight, bias, (2, 2), [1, 1], (3, np.int64(3)))
    np.testing.assert_array_equal(y, z)


def test_memory_order_of_the_input_does_not_matter(conv):
    x, weight, bias = arrays((3, 2, 6, 5), (4, 2, 3, 2))
    expected = conv_by_loops(x, weight, bias)
    orders = [np.asfortranarray(x), x[::-1].copy()[::-1],
              np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)]
    for order in orders:
        np.testing.assert_allclose(conv.conv2d(*map(Tensor, (order, weight, bias))), expected)
        y = conv.max_pool2d(Tensor(order), 2)
        np.testing.assert_array_equal(y, conv.max_pool2d(Tensor(x), 2))


@pytest.mark.parametrize("function", [
    lambda conv, x: conv.conv2d(x, Tensor(np.ones((2, 3, 1, 1)))),
    lambda conv, x: conv.max_pool2d(x, 1), lambda conv, x: conv.avg_pool2d(x, 1),
])
def test_results_share_no_memory_with_the_input(conv, function):
    x = Tensor(np.ones((3, 4, 5, 2)).transpose(3, 0, 1, 2))  # batch last already
    assert not np.shares_memory(function(conv, x).data, x.data)


@pytest.mark.parametrize("function", [
    lambda conv, x: conv.conv2d(x, nptorch.ones(2, 3, 2, 2)),
    lambda conv, x: conv.max_pool2d(x, 2, padding=1), lambda conv, x: conv.avg_pool2d(x, 2),
])
def test_a_write_to_the_input_afterwards_changes_no_gradient(conv, function):
    def gradient(write):
        x = Tensor(rng().standard_normal((2, 3, 5, 4)), requires_grad=True)
        y = function(conv, x * 1)
        if write:
            with nptorch.no_grad():
                x.fill_(7.0)
        y.backward(rng(1).standard_normal(y.shape))
        return x.grad.data

    np.testing.assert_array_equal(gradient(False), gradient(True))


def test_float32_stays_float32(conv):
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Conv2d(4, 2, 2), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(2, 3))
    x = nptorch.randn(5, 1, 6, 7, requires_grad=True)
    y = x
    for layer in net:
        y = layer(y)
        assert y.dtype == np.float32, layer
    nn.functional.cross_entropy(y, nptorch.randint(0, 3, (5,))).backward()
    assert {t.grad.dtype for t in (x, *net.parameters())} == {np.dtype(np.float32)}


def test_images_get_no_gradient_and_cost_none(conv):
    x, layer = nptorch.randn(2, 1, 6, 6), nn.Conv2d(1, 3, 3)
    walked, waiting = [], [layer(x).sum().grad_fn]
    while waiting:
        edges = waiting.pop().edges
        walked += [leaf for leaf, _ in edges if leaf.is_leaf]
        waiting += [child.grad_fn for child, _ in edges if not child.is_leaf]
    assert {id(leaf) for leaf in walked} == {id(layer.weight), id(layer.bias)}


def test_an_empty_batch_goes_through(conv):
    net = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.MaxPool2d(2), nn.AvgPool2d(2))
    y = net(nptorch.zeros(0, 1, 28, 28))
    assert y.shape == (0, 6, 7, 7)
    y.sum().backward()
    assert not net[0].weight.grad.data.any()


def test_the_graph_is_freed_without_the_garbage_collector(conv):
    gc.disable()
    try:
        x = nptorch.randn(2, 1, 6, 6, requires_grad=True)
        y = conv.max_pool2d(nn.Conv2d(1, 3, 3)(x), 2, padding=1)
        gone = weakref.ref(y)
        del y
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("misfit", [
    lambda conv, x: conv.conv2d(x, nptorch.ones(4, 2, 3, 3)),  # channels
    lambda conv, x: conv.conv2d(x, nptorch.ones(4, 1, 3, 3), groups=2),
    lambda conv, x: conv.conv2d(x, nptorch.ones(3, 1, 3, 3), groups=2),
    lambda conv, x: conv.conv2d(x, nptorch.ones(4, 1, 3)),
    lambda conv, x: conv.conv2d(x[0], nptorch.ones(4, 1, 3, 3)),
    lambda conv, x: conv.conv2d(x, nptorch.ones(4, 1, 3, 3), nptorch.ones(3)),
    lambda conv, x: conv.conv2d(x, nptorch.ones(4, 1, 7, 3)),
    lambda conv, x: conv.conv2d(x, nptorch.ones(4, 1, 3, 3), dilation=4, padding=(1, 0)),
    *(lambda conv, x, groups=groups: conv.conv2d(x, nptorch.ones(4, 1, 3, 3), groups=groups)
      for groups in (0, -1, 1.5, True, "1")),
    *(lambda conv, x, option=option: conv.conv2d(x, nptorch.ones(4, 1, 3, 3), **option)
      for option in ({"stride": 0}, {"padding": -1}, {"padding": "valid?"}, {"stride": True},
                     {"dilation": (1, 2, 3)}, {"stride": 1.5}, {"padding": (1,)})),
    *(lambda conv, x, pool=pool, options=options: getattr(conv, pool)(x, *options)
      for pool in ("max_pool2d", "avg_pool2d")
      for options in ((3, 1, 2), (7,), (0,), (2, 0), (2.0,), (True,))),
    lambda conv, x: conv.max_pool2d(x[0, 0], 2), lambda conv, x: conv.avg_pool2d(x[0, 0], 2),
])
def test_sizes_that_fit_nowhere_are_refused(conv, misfit):
    with pytest.raises((TypeError, ValueError)):
        misfit(conv, nptorch.rand(2, 1, 6, 5))


# Pooling


@pytest.mark.parametrize(("shape", "kernel", "stride", "padding"), POOLS)
def test_pools_are_what_loops_give(conv, shape, kernel, stride, padding):
    x = distinct(shape)
    y, z = (f(Tensor(x), kernel, stride, padding) for f in (conv.max_pool2d, conv.avg_pool2d))
    expected = pool_by_loops(np.max, x, kernel, stride, padding, -np.inf)
    np.testing.assert_array_equal(y, expected)
    expected = pool_by_loops(np.mean, x, kernel, stride, padding, 0)
    np.testing.assert_allclose(z, expected, atol=1e-12)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize(("shape", "kernel", "stride", "padding"), POOLS)
def test_pools_pass_gradcheck(conv, name, shape, kernel, stride, padding):
    pool = getattr(conv, name)
    assert gradcheck(lambda x: pool(x, kernel, stride, padding), leaves(distinct(shape)))


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize(("shape", "kernel", "stride", "padding"), POOLS)
def test_pools_are_pytorchs_ties_included(conv, name, shape, kernel, stride, padding):
    torch = pytest.importorskip("torch")
    x = rng().integers(-2, 2, shape).astype(float)
    [ours], theirs = leaves(x), torch.tensor(x, requires_grad=True)
    y = getattr(conv, name)(ours, kernel, stride, padding)
    z = getattr(torch.nn.functional, name)(theirs, kernel, stride, padding)
    np.testing.assert_allclose(y, z.detach(), atol=1e-12)
    g = rng(9).standard_normal(y.shape)
    y.backward(g)
    z.backward(torch.tensor(g))
    np.testing.assert_allclose(ours.grad, theirs.grad, atol=1e-12)


def test_the_first_of_equals_takes_the_gradient(conv):
    [x] = leaves(np.array([[[[1.0, 2, 0, 0], [2, 2, 0, 0]]]]))
    conv.max_pool2d(x, 2).backward(np.array([[[[3.0, 5.0]]]]))
    assert x.grad.tolist() == [[[[0, 3, 5, 0], [0, 0, 0, 0]]]]


def test_a_pixel_collects_from_all_windows_that_it_wins(conv):
    [x] = leaves(np.array([[[[0.0, 1, 9, 1, 0]]]]))
    conv.max_pool2d(x, (1, 3), 1).backward(np.array([[[[2.0, 3.0, 4.0]]]]))
    assert x.grad.tolist() == [[[[0, 0, 9, 0, 0]]]]


@pytest.mark.parametrize("at", range(4))
def test_nan_is_the_largest_and_keeps_its_gradient(conv, at):
    numbers = np.array([1.0, np.inf, 3.0, 2.0])
    numbers[at] = np.nan
    [x] = leaves(numbers.reshape(1, 1, 2, 2))
    y = conv.max_pool2d(x, 2)
    y.backward([[[[5.0]]]])
    assert np.isnan(y.item())
    assert x.grad.data.ravel().tolist() == [5.0 * (i == at) for i in range(4)]


# shape, kernel, stride, padding, and the gradient that PyTorch gives a picture of -inf
BORDERS = [
    ((2, 2), 2, 2, 1, [[1, 1], [1, 1]]),
    ((3, 3), 3, 1, 1, [[4, 2, 0], [2, 1, 0], [0, 0, 0]]),
    ((2, 3), (3, 2), 1, (1, 0), [[2, 2, 0], [0, 0, 0]]),
]


@pytest.mark.parametrize(("shape", "kernel", "stride", "padding", "expected"), BORDERS)
def test_padding_takes_no_gradient_from_minus_infinity(
        conv, shape, kernel, stride, padding, expected):
    [x] = leaves(np.full((1, 1, *shape), -np.inf))
    y = conv.max_pool2d(x, kernel, stride, padding)
    y.backward(np.ones(y.shape))
    assert np.isneginf(y.data).all() and x.grad.data[0, 0].tolist() == expected


def test_gradients_of_nan_and_infinity_stay_with_the_winner(conv):
    [x] = leaves(distinct((1, 1, 4, 4)))
    y = conv.max_pool2d(x, 2)
    y.backward(np.array([[[[np.inf, 1.0], [np.nan, 2.0]]]]))
    assert np.count_nonzero(x.grad.data) == 4 and np.isnan(x.grad.data).sum() == 1


# unfold and fold


UNFOLDS = [
    ((2, 3, 5, 6), {"kernel_size": (3, 2)}),
    ((2, 3, 9, 8), {"kernel_size": 3, "stride": (2, 3), "padding": (1, 2)}),
    ((1, 2, 9, 8), {"kernel_size": (2, 3), "dilation": (3, 2), "padding": 1}),
    ((2, 1, 8, 7), {"kernel_size": 2, "stride": 5}),
    ((2, 2, 9, 8), {"kernel_size": 2, "stride": 3, "dilation": 3}),  # windows interlock
    ((2, 2, 9, 8), {"kernel_size": 2, "stride": (2, 4), "dilation": (1, 3)}),
]


@pytest.fixture
def folding():
    """The functional interface, where there is an unfold in it: not before 15_speed."""
    if not hasattr(nn.functional, "unfold"):
        pytest.skip("no unfold yet")
    return nn.functional


@pytest.mark.parametrize(("shape", "options"), UNFOLDS)
def test_unfold_is_what_loops_give_and_fold_its_adjoint(folding, shape, options):
    x = rng().standard_normal(shape)
    kernel, others = pair(options["kernel_size"]), {**options}
    del others["kernel_size"]
    expected = np.stack([w.reshape(len(x), -1) for _, w in cut(x, kernel, **others)], axis=-1)
    columns = folding.unfold(Tensor(x), **options)
    np.testing.assert_array_equal(columns, expected)
    u = rng(1).standard_normal(columns.shape)
    image = folding.fold(Tensor(u), shape[2:], **options)
    assert image.shape == shape
    np.testing.assert_allclose(np.sum(columns.data * u), np.sum(x * image.data))
    assert gradcheck(lambda x: folding.unfold(x, **options), leaves(x))
    assert gradcheck(lambda u: folding.fold(u, shape[2:], **options), leaves(u))


@pytest.mark.parametrize(("shape", "options"), UNFOLDS)
def test_unfold_and_fold_are_pytorchs(folding, shape, options):
    torch = pytest.importorskip("torch")
    x = rng().standard_normal(shape)
    columns = torch.nn.functional.unfold(torch.tensor(x), **options)
    np.testing.assert_allclose(folding.unfold(Tensor(x), **options), columns)
    image = torch.nn.functional.fold(columns, shape[2:], **options)
    np.testing.assert_allclose(folding.fold(Tensor(columns.numpy()), shape[2:], **options), image)


def test_unfold_copies_and_stays_float32(folding):
    x = nptorch.randn(2, 3, 6, 7)
    assert not np.shares_memory(folding.unfold(x, 1).data, x.data)
    assert folding.fold(folding.unfold(x, 2), (6, 7), 2).dtype == np.float32


# Modules


def test_weights_are_drawn_evenly_from_the_fan_in():
    nptorch.manual_seed(0)
    layer, bound = nn.Conv2d(6, 90, (5, 3), groups=2), 1 / math.sqrt(3 * 5 * 3)
    assert layer.weight.shape == (90, 3, 5, 3) and layer.bias.shape == (90,)
    for p in (layer.weight, layer.bias):
        assert isinstance(p, nn.Parameter) and p.dtype == np.float32
        assert 0.95 * bound < np.abs(p.data).max() <= bound
        assert abs(p.data.mean()) < 0.2 * bound
        assert 0.5 < p.data.std() / bound < 0.66  # 1/sqrt(3) = 0.577


def test_conv2d_module_hands_its_options_on(conv):
    options = {"stride": (1, 2), "padding": (2, 1), "dilation": (2, 1), "groups": 2}
    layer = nn.Conv2d(4, 6, (3, 2), **options)
    x = nptorch.randn(2, 4, 7, 8)
    expected = conv_by_loops(x.data, layer.weight.data, layer.bias.data, **options)
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)
    assert set(layer.state_dict()) == {"weight", "bias"}
    bare = nn.Conv2d(4, 6, (3, 2), **options, bias=False)
    bare.weight.data[...] = layer.weight.data
    np.testing.assert_allclose(bare(x), layer(x).data - layer.bias.data[:, None, None], atol=1e-5)
    assert list(bare.state_dict()) == ["weight"]


def test_pool_modules_do_what_the_functions_do(conv):
    x = nptorch.randn(2, 3, 7, 8)
    for module, f in ((nn.MaxPool2d, conv.max_pool2d), (nn.AvgPool2d, conv.avg_pool2d)):
        np.testing.assert_array_equal(module(3, 2, 1)(x), f(x, 3, 2, 1))
        np.testing.assert_array_equal(module((2, 3))(x), f(x, (2, 3)))


@pytest.mark.parametrize(("name", "args", "options"), [
    ("Conv2d", (1, 6, 5), {}),
    ("Conv2d", (4, 6, (5, 3)), {"stride": 2, "padding": (2, 1), "groups": 2, "bias": False}),
    ("Conv2d", (4, 6, 3), {"dilation": (2, 3)}),
    ("AvgPool2d", (2,), {}),
    ("AvgPool2d", ((3, 2), (2, 1), (1, 0)), {}),
])
def test_repr_is_pytorchs(name, args, options):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, name)(*args, **options)
    assert repr(getattr(nn, name)(*args, **options)) == repr(theirs)


def test_repr():
    plain = "Conv2d(2, 6, kernel_size=(5, 5), stride=(1, 1)"
    assert repr(nn.Conv2d(2, 6, 5)) == plain + ")"
    assert repr(nn.Conv2d(2, 6, 5, padding=2)) == plain + ", padding=(2, 2))"
    assert repr(nn.Conv2d(2, 6, 5, dilation=2, groups=2, bias=False)) == (
        plain + ", dilation=(2, 2), groups=2, bias=False)")
    assert repr(nn.MaxPool2d(2)) == "MaxPool2d(kernel_size=2, stride=2, padding=0)"


@pytest.mark.parametrize(("shape", "message"), [
    ((8, 3, 28, 28), r"^0 \(Conv2d 1 -> 6\): got \(8, 3, 28, 28\), "
                     r"expected \(N, 1, H >= 1, W >= 3\)"),
    ((8, 1, 28, 2), r"^0 \(Conv2d 1 -> 6\): got \(8, 1, 28, 2\)"),
    ((28, 28), r"^0 \(Conv2d 1 -> 6\): got \(28, 28\)"),
    ((8, 1, 4, 28), r"^2\.0 \(Conv2d 6 -> 2\): got \(8, 6, 4, 26\), "
                    r"expected \(N, 6, H >= 5, W >= 5\)"),
    ((8, 1, 5, 28), r"^2\.1 \(MaxPool2d\): got \(8, 2, 1, 22\), "
                    r"expected \(N, C, H >= 2, W >= 2\)"),
])
def test_a_misfit_says_where(conv, shape, message):
    net = nn.Sequential(nn.Conv2d(1, 6, (5, 3), padding=(2, 0)), nn.ReLU(),
                        nn.Sequential(nn.Conv2d(6, 2, 3, dilation=2), nn.MaxPool2d(2)))
    with pytest.raises(ShapeError, match=message):
        net(nptorch.zeros(*shape))


def test_a_padding_wider_than_the_kernel_still_wants_a_pixel(conv):
    with pytest.raises(ShapeError, match="expected .N, 1, H >= 3, W >= 1."):
        nn.Conv2d(1, 2, 5, padding=(1, 2))(nptorch.zeros(1, 1, 2, 9))
    with pytest.raises(ShapeError, match="expected .N, 1, H >= 1, W >= 1."):
        nn.Conv2d(1, 1, 3, padding=4)(nptorch.zeros(1, 2, 1, 1))


def test_a_fault_that_is_not_the_inputs_is_not_blamed_on_it(conv):
    layer = nn.Conv2d(1, 2, 3)
    layer.bias = nn.Parameter(np.zeros(5))
    with pytest.raises(ValueError) as error:
        layer(nptorch.zeros(1, 1, 4, 4))
    assert not isinstance(error.value, ShapeError)


# Training


def lenet(nn):
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def test_lenet_learns_as_in_pytorch(conv):
    torch = pytest.importorskip("torch")
    nptorch.manual_seed(0)
    ours, theirs = lenet(nn), lenet(torch.nn)
    theirs.load_state_dict({k: torch.tensor(v.data) for k, v in ours.state_dict().items()})
    images, labels = nptorch.rand(32, 1, 28, 28).data, nptorch.randint(0, 10, (32,)).data
    losses = []
    for library, net in ((nptorch, ours), (torch, theirs)):
        x, y = library.tensor(images), library.tensor(labels)
        optimizer = library.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
        losses.append([])
        for _ in range(20):
            optimizer.zero_grad()
            loss = library.nn.CrossEntropyLoss()(net(x), y)
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_a_net_learns_to_tell_edges_apart(conv):
    nptorch.manual_seed(0)
    images = rng().normal(0, 0.1, (60, 1, 8, 8)).astype(np.float32)
    labels = np.arange(60) % 2
    for i in range(60):  # a bright line, down or across, anywhere
        (images[i, 0].T if labels[i] else images[i, 0])[i % 7] += 1
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(6), nn.Flatten(),
                        nn.Linear(4, 2))
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(Tensor(images)), Tensor(labels)).backward()
        optimizer.step()
    assert np.mean(net(Tensor(images)).data.argmax(1) == labels) > 0.95
