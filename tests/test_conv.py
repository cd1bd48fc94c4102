"""nptorch.nn.conv: convolution, pooling, unfold and fold against loops, finite differences and
PyTorch's numbers; the modules and what they refuse."""

import gc
import json
import math
import sys
import weakref

import numpy as np
import pytest
from golden import make_conv

import nptorch
from nptorch import Tensor, gradcheck, nn, optim

GOLDEN = json.loads(make_conv.FILE.read_text(encoding="utf-8"))
conv = sys.modules["nptorch.nn.conv"]
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
    ((1, 1, 13, 4), (1, 1, 5, 2), {}),  # 9 rows in strips of 3 or 9
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


def is_batch_last(array):
    return array.transpose(1, 2, 3, 0).flags.c_contiguous


# conv2d


@pytest.mark.parametrize(("x", "weight", "options"), CONVS)
@pytest.mark.parametrize("with_bias", [True, False])
def test_conv2d_is_what_loops_give(x, weight, options, with_bias):
    x, weight, bias = arrays(x, weight)
    if not with_bias:
        bias *= 0
    y = nn.conv2d(Tensor(x), Tensor(weight), Tensor(bias) if with_bias else None, **options)
    np.testing.assert_allclose(y, conv_by_loops(x, weight, bias, **options), atol=1e-12)


@pytest.mark.parametrize(("x", "weight", "options"), CONVS)
def test_conv2d_passes_gradcheck(x, weight, options):
    inputs = leaves(*arrays(x, weight))
    assert gradcheck(lambda *inputs: nn.conv2d(*inputs, **options), inputs)
    assert gradcheck(lambda *inputs: nn.conv2d(*inputs, **options), inputs[:2])


@pytest.mark.parametrize(("x", "weight", "options"), CONVS)
def test_conv2d_is_pytorchs(x, weight, options):
    torch = pytest.importorskip("torch")
    values = arrays(x, weight)
    ours, theirs = leaves(*values), [torch.tensor(v, requires_grad=True) for v in values]
    y, z = nn.conv2d(*ours, **options), torch.nn.functional.conv2d(*theirs, **options)
    np.testing.assert_allclose(y, z.detach(), atol=1e-12)
    g = rng(9).standard_normal(y.shape)
    y.backward(g)
    z.backward(torch.tensor(g))
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a.grad, b.grad, atol=1e-12)


@pytest.mark.parametrize("name", make_conv.CASES)
def test_numbers_are_those_that_pytorch_gave(name):
    found = make_conv.results(nptorch, nn, name)
    assert len(found) == len(GOLDEN[name])
    for a, b in zip(found, GOLDEN[name]):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("t", [1, 2, 3, 4, 6, 12])
def test_strips_of_every_height_give_the_same(monkeypatch, t, stride):
    values = arrays((2, 4, 2 + 12 * stride, 7), (6, 2, 3, 2))
    expected = conv_by_loops(*values, stride=stride, groups=2)
    assert expected.shape[2] == 12
    monkeypatch.setattr(conv, "_strip", lambda *_: t)
    inputs = leaves(*values)
    y = nn.conv2d(*inputs, stride=stride, groups=2)
    np.testing.assert_allclose(y, expected, atol=1e-12)
    g = rng(5).standard_normal(y.shape)
    y.backward(g)
    monkeypatch.setattr(conv, "_strip", lambda *_: 1)
    plain = leaves(*values)
    nn.conv2d(*plain, stride=stride, groups=2).backward(g)
    for a, b in zip(inputs, plain):
        np.testing.assert_allclose(a.grad, b.grad, atol=1e-12)


def test_strips_are_tall_where_maps_are_few():
    assert conv._strip(28, 5, 1, 6) == 4 and conv._strip(10, 5, 1, 16) == 2
    assert conv._strip(14, 3, 1, 64) == conv._strip(8, 1, 1, 1) == 1
    assert all(rows % conv._strip(rows, 5, 1, 1) == 0 for rows in range(1, 40))


def test_numbers_and_pairs_are_the_same():
    x, weight, bias = map(Tensor, arrays((2, 2, 9, 9), (3, 2, 2, 2)))
    y = nn.conv2d(x, weight, bias, 2, 1, 3)
    np.testing.assert_array_equal(y, nn.conv2d(x, weight, bias, (2, 2), [1, 1], (3, np.int64(3))))


def test_memory_is_batch_last_and_looks_like_pytorchs():
    layer, pool = nn.Conv2d(1, 6, 5, padding=2), nn.MaxPool2d(2)
    x = nptorch.randn(4, 1, 28, 28)
    y = layer(x)
    assert y.shape == (4, 6, 28, 28) and is_batch_last(y.data)
    y.retain_grad()
    z = pool(nptorch.relu(y))
    assert z.shape == (4, 6, 14, 14) and is_batch_last(z.data)
    nptorch.flatten(z, 1).sum().backward()
    assert is_batch_last(y.grad.data)


def test_memory_order_of_the_input_does_not_matter():
    x, weight, bias = arrays((3, 2, 6, 5), (4, 2, 3, 2))
    expected = conv_by_loops(x, weight, bias)
    orders = [np.asfortranarray(x), x[::-1].copy()[::-1],
              np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)]
    for order in orders:
        np.testing.assert_allclose(nn.conv2d(*map(Tensor, (order, weight, bias))), expected)
        y = nn.max_pool2d(Tensor(order), 2)
        np.testing.assert_array_equal(y, nn.max_pool2d(Tensor(x), 2))


@pytest.mark.parametrize("function", [
    lambda x: nn.conv2d(x, Tensor(np.ones((2, 3, 1, 1)))), lambda x: nn.max_pool2d(x, 1),
    lambda x: nn.avg_pool2d(x, 1), lambda x: nn.unfold(x, 1),
])
def test_results_share_no_memory_with_the_input(function):
    x = Tensor(np.ones((3, 4, 5, 2)).transpose(3, 0, 1, 2))  # batch last already
    assert not np.shares_memory(function(x).data, x.data)


def test_float32_stays_float32():
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Conv2d(4, 2, 2), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(2, 3))
    x = nptorch.randn(5, 1, 6, 7, requires_grad=True)
    y = x
    for layer in net:
        y = layer(y)
        assert y.dtype == np.float32, layer
    nn.cross_entropy(y, nptorch.randint(0, 3, (5,))).backward()
    assert {t.grad.dtype for t in (x, *net.parameters())} == {np.dtype(np.float32)}
    assert nn.fold(nn.unfold(x, 2), (6, 7), 2).dtype == np.float32


def test_images_get_no_gradient_and_cost_none(monkeypatch):
    monkeypatch.setattr(conv, "_scatter", lambda *_: pytest.fail("a gradient for the images"))
    x, layer = nptorch.randn(2, 1, 6, 6), nn.Conv2d(1, 3, 3)
    layer(x).sum().backward()
    assert x.grad is None and layer.weight.grad.shape == (3, 1, 3, 3)


def test_an_empty_batch_goes_through():
    net = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.MaxPool2d(2), nn.AvgPool2d(2))
    y = net(nptorch.zeros(0, 1, 28, 28))
    assert y.shape == (0, 6, 7, 7)
    y.sum().backward()
    assert not net[0].weight.grad.data.any()


def test_the_graph_is_freed_without_the_garbage_collector():
    gc.disable()
    try:
        x = nptorch.randn(2, 1, 6, 6, requires_grad=True)
        y = nn.max_pool2d(nn.Conv2d(1, 3, 3)(x), 2)
        gone = weakref.ref(y)
        del y
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(("function", "shape"), [
    (lambda x: nn.conv2d(x, nptorch.ones(2, 3, 2, 2)), (2, 3, 5, 4)),
    (lambda x: nn.max_pool2d(x, 2, padding=1), (2, 3, 5, 4)),
    (lambda x: nn.avg_pool2d(x, 2), (2, 3, 5, 4)), (lambda x: nn.unfold(x, 2), (2, 3, 5, 4)),
    (lambda x: nn.fold(x, (5, 4), 2), (2, 12, 12)),
])
def test_the_way_back_keeps_no_input_that_it_does_not_need(function, shape):
    x = nptorch.randn(*shape, requires_grad=True)
    [(_, back)] = function(x).grad_fn.edges
    assert not any(cell.cell_contents is x.data for cell in back.__closure__)


# Pooling


@pytest.mark.parametrize(("shape", "kernel", "stride", "padding"), POOLS)
def test_pools_are_what_loops_give(shape, kernel, stride, padding):
    x = distinct(shape)
    y, z = (f(Tensor(x), kernel, stride, padding) for f in (nn.max_pool2d, nn.avg_pool2d))
    expected = pool_by_loops(np.max, x, kernel, stride, padding, -np.inf)
    np.testing.assert_array_equal(y, expected)
    expected = pool_by_loops(np.mean, x, kernel, stride, padding, 0)
    np.testing.assert_allclose(z, expected, atol=1e-12)


@pytest.mark.parametrize("f", [nn.max_pool2d, nn.avg_pool2d])
@pytest.mark.parametrize(("shape", "kernel", "stride", "padding"), POOLS)
def test_pools_pass_gradcheck(f, shape, kernel, stride, padding):
    assert gradcheck(lambda x: f(x, kernel, stride, padding), leaves(distinct(shape)))


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize(("shape", "kernel", "stride", "padding"), POOLS)
def test_pools_are_pytorchs_ties_included(name, shape, kernel, stride, padding):
    torch = pytest.importorskip("torch")
    x = rng().integers(-2, 2, shape).astype(float)
    [ours], theirs = leaves(x), torch.tensor(x, requires_grad=True)
    y = getattr(nn, name)(ours, kernel, stride, padding)
    z = getattr(torch.nn.functional, name)(theirs, kernel, stride, padding)
    np.testing.assert_allclose(y, z.detach(), atol=1e-12)
    g = rng(9).standard_normal(y.shape)
    y.backward(g)
    z.backward(torch.tensor(g))
    np.testing.assert_allclose(ours.grad, theirs.grad, atol=1e-12)


def test_the_first_of_equals_takes_the_gradient():
    [x] = leaves(np.array([[[[1.0, 2, 0, 0], [2, 2, 0, 0]]]]))
    nn.max_pool2d(x, 2).backward(np.array([[[[3.0, 5.0]]]]))
    assert x.grad.tolist() == [[[[0, 3, 5, 0], [0, 0, 0, 0]]]]


def test_a_pixel_collects_from_all_windows_that_it_wins():
    [x] = leaves(np.array([[[[0.0, 1, 9, 1, 0]]]]))
    nn.max_pool2d(x, (1, 3), 1).backward(np.array([[[[2.0, 3.0, 4.0]]]]))
    assert x.grad.tolist() == [[[[0, 0, 9, 0, 0]]]]


# unfold and fold


UNFOLDS = [
    ((2, 3, 5, 6), {"kernel_size": (3, 2)}),
    ((2, 3, 9, 8), {"kernel_size": 3, "stride": (2, 3), "padding": (1, 2)}),
    ((1, 2, 9, 8), {"kernel_size": (2, 3), "dilation": (3, 2), "padding": 1}),
    ((2, 1, 8, 7), {"kernel_size": 2, "stride": 5}),
    ((2, 2, 9, 8), {"kernel_size": 2, "stride": 3, "dilation": 3}),  # windows interlock
    ((2, 2, 9, 8), {"kernel_size": 2, "stride": (2, 4), "dilation": (1, 3)}),
]


@pytest.mark.parametrize(("shape", "options"), UNFOLDS)
def test_unfold_is_what_loops_give_and_fold_its_adjoint(shape, options):
    x = rng().standard_normal(shape)
    kernel, others = pair(options["kernel_size"]), {**options}
    del others["kernel_size"]
    expected = np.stack([w.reshape(len(x), -1) for _, w in cut(x, kernel, **others)], axis=-1)
    columns = nn.unfold(Tensor(x), **options)
    np.testing.assert_array_equal(columns, expected)
    u = rng(1).standard_normal(columns.shape)
    image = nn.fold(Tensor(u), shape[2:], **options)
    assert image.shape == shape
    np.testing.assert_allclose(np.sum(columns.data * u), np.sum(x * image.data))
    assert gradcheck(lambda x: nn.unfold(x, **options), leaves(x))
    assert gradcheck(lambda u: nn.fold(u, shape[2:], **options), leaves(u))


@pytest.mark.parametrize(("shape", "options"), UNFOLDS)
def test_unfold_and_fold_are_pytorchs(shape, options):
    torch = pytest.importorskip("torch")
    x = rng().standard_normal(shape)
    columns = torch.nn.functional.unfold(torch.tensor(x), **options)
    np.testing.assert_allclose(nn.unfold(Tensor(x), **options), columns)
    image = torch.nn.functional.fold(columns, shape[2:], **options)
    np.testing.assert_allclose(nn.fold(Tensor(columns.numpy()), shape[2:], **options), image)


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


def test_conv2d_module_hands_its_options_on():
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


def test_pool_modules_do_what_the_functions_do():
    x = nptorch.randn(2, 3, 7, 8)
    for module, f in ((nn.MaxPool2d, nn.max_pool2d), (nn.AvgPool2d, nn.avg_pool2d)):
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
    ((8, 3, 28, 28), r"^0 \(Conv2d 1 → 6\): got \(8, 3, 28, 28\), expected \(N, 1, H ≥ 1, W ≥ 3\)"),
    ((8, 1, 28, 2), r"^0 \(Conv2d 1 → 6\): got \(8, 1, 28, 2\)"),
    ((28, 28), r"^0 \(Conv2d 1 → 6\): got \(28, 28\)"),
    ((8, 1, 4, 28), r"^2\.0 \(Conv2d 6 → 2\): got \(8, 6, 4, 26\), expected \(N, 6, H ≥ 5, W ≥ 5\)"),
    ((8, 1, 5, 28), r"^2\.1 \(MaxPool2d\): got \(8, 2, 1, 22\), expected \(N, C, H ≥ 2, W ≥ 2\)"),
])
def test_a_misfit_says_where(shape, message):
    net = nn.Sequential(nn.Conv2d(1, 6, (5, 3), padding=(2, 0)), nn.ReLU(),
                        nn.Sequential(nn.Conv2d(6, 2, 3, dilation=2), nn.MaxPool2d(2)))
    with pytest.raises(nn.ShapeError, match=message):
        net(nptorch.zeros(*shape))


def test_a_padding_wider_than_the_kernel_still_wants_a_pixel():
    with pytest.raises(nn.ShapeError, match="expected .N, 1, H ≥ 3, W ≥ 1."):
        nn.Conv2d(1, 2, 5, padding=(1, 2))(nptorch.zeros(1, 1, 2, 9))
    with pytest.raises(nn.ShapeError, match="expected .N, 1, H ≥ 1, W ≥ 1."):
        nn.Conv2d(1, 1, 3, padding=4)(nptorch.zeros(1, 2, 1, 1))


# Training


def lenet(nn):
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def test_lenet_learns_as_in_pytorch():
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


def test_a_net_learns_to_tell_edges_apart():
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
        nn.cross_entropy(net(Tensor(images)), Tensor(labels)).backward()
        optimizer.step()
    assert np.mean(net(Tensor(images)).data.argmax(1) == labels) > 0.95
