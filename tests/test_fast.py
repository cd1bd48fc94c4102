"""nptorch.nn.fast: what makes it fast, and how it is switched on; test_conv.py has its values."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

import nptorch
from nptorch import Tensor, nn
from nptorch.attributes import owner
from nptorch.finite_differences import gradcheck
from nptorch.nn import conv, fast


def rng(seed=0):
    return np.random.default_rng(seed)


def is_batch_last(array):
    return array.transpose(1, 2, 3, 0).flags.c_contiguous


@pytest.fixture
def restored():
    yield
    fast.use(fast)


# Memory order


def test_memory_is_batch_last_and_looks_like_pytorchs():
    layer, pool = nn.Conv2d(1, 6, 5, padding=2), nn.MaxPool2d(2)
    y = layer(nptorch.randn(4, 1, 28, 28))
    assert y.shape == (4, 6, 28, 28) and is_batch_last(y.data)
    y.retain_grad()
    z = pool(nptorch.relu(y))
    assert z.shape == (4, 6, 14, 14) and is_batch_last(z.data)
    nptorch.flatten(z, 1).sum().backward()
    assert is_batch_last(y.grad.data)


@pytest.mark.parametrize("padding", [(0, 0), (2, 1)])
def test_batch_last_is_a_copy_with_a_border_only_where_it_must_be(padding):
    x = rng().standard_normal((3, 2, 5, 4))
    there = fast.batch_last(x, padding, 7)
    border = [(0, 0), (padding[0],) * 2, (padding[1],) * 2, (0, 0)]
    expected = np.pad(x.transpose(1, 2, 3, 0), border, constant_values=7)
    assert there.flags.c_contiguous
    np.testing.assert_array_equal(there, expected)
    again = fast.batch_last(there.transpose(3, 0, 1, 2))
    assert np.shares_memory(again, there)


@pytest.mark.parametrize("options", [
    ((3, 2), (1, 1), (0, 0), (1, 1)), ((3, 2), (2, 1), (1, 1), (1, 2)),
    ((2, 2), (2, 2), (0, 1), (1, 1)),
    ((2, 2), (3, 3), (0, 0), (3, 3)),  # windows interlock
])
def test_scatter_is_the_adjoint_of_windows(options):
    kernel, stride, padding, dilation = options
    x = rng().standard_normal((4, 3, 8, 7))
    seen = fast.windows(fast.batch_last(x, padding), kernel, stride, dilation)
    y = rng(1).standard_normal(seen.shape)
    parts = [y[:, i, j] for i, j in np.ndindex(*kernel)]
    back, views = fast.scatter(parts, x.shape, x.dtype, kernel, stride, padding, dilation)
    assert all(np.shares_memory(back, view) for view in views)
    np.testing.assert_allclose(np.sum(seen * y), np.sum(x * back))


# Rows and small products


def test_gather_keeps_each_row_of_pixels_once_for_each_column_of_the_kernel():
    x = rng().standard_normal((6, 8, 7, 4))  # (G·C, H, W, N) in two groups
    seen = fast.gather(x, (5, 3), (1, 1), (1, 1), 2)
    assert seen.shape == (2, 4, 5, 3 * 3, 5 * 4)
    assert owner(seen).size == 6 * 8 * 3 * 5 * 4
    there = seen.reshape(2, 4, 5, 3, 3, 5, 4)
    np.testing.assert_array_equal(there[1, 2, 4, 0, 1, 3], x[3, 2 + 4, 3 + 1])
    part = fast.gather(x, (5, 3), (1, 1), (1, 1), 2, slice(1, 3))
    np.testing.assert_array_equal(part.reshape(2, 4, 5, 3, 3, 2, 4), there[..., 1:3, :])


@pytest.mark.parametrize(("each", "width"), [
    (0, 5), (1, 5), (6 * 25 * 256, 28), (16 * 150 * 64, 10), (10**6, 3), (10**6 + 1, 3), (10**9, 7),
])
def test_slices_are_as_wide_as_products_stay_small(each, width):
    found = fast.slices(each, width)
    covered = [range(width)[part] for part in found]
    assert [i for part in covered for i in part] == list(range(width))
    if each > fast.SMALL:
        assert len(found) == 1
    else:
        assert all(len(part) * each <= fast.SMALL for part in covered)
        assert all((len(part) + 1) * each > fast.SMALL for part in covered[:-1])


@pytest.mark.parametrize("columns", [0, 1, 2, 3])
@pytest.mark.parametrize(("shape", "kernels", "options"), [
    ((2, 3, 7, 6), (4, 3, 3, 2), {}), ((2, 2, 8, 7), (3, 2, 5, 3), {"padding": (2, 1)}),
    ((3, 2, 9, 8), (5, 2, 3, 2), {"stride": (2, 3)}),
    ((3, 2, 9, 8), (5, 2, 2, 3), {"stride": (3, 1), "dilation": (2, 3), "padding": (1, 2)}),
    ((2, 4, 8, 9), (6, 2, 3, 2), {"groups": 2, "padding": 1, "dilation": (1, 2)}),
    ((2, 20, 5, 6), (30, 20, 2, 3), {}),  # a row's product yields 1,800 numbers
    ((0, 2, 5, 5), (3, 2, 3, 3), {}),
])
def test_however_wide_the_slices_it_is_the_readable_convolution(
        monkeypatch, columns, shape, kernels, options):
    monkeypatch.setattr(fast, "SMALL", columns * np.prod(kernels) // options.get("groups", 1)
                        * shape[0])
    values, found = [rng(i).standard_normal(s) for i, s in
                     enumerate([shape, kernels, kernels[:1]])], []
    for functions in conv, fast:
        inputs = [Tensor(v, requires_grad=True) for v in values]
        y = functions.conv2d(*inputs, **options)
        y.backward(rng(9).standard_normal(y.shape))
        found.append([y.data, *(t.grad.data for t in inputs)])
    for readable, quick in zip(*found):
        np.testing.assert_allclose(quick, readable, atol=1e-10)


def test_many_images_give_the_weights_the_gradient_of_the_readable_one():
    x, weight = rng().standard_normal((64, 1, 28, 28)), rng(1).standard_normal((6, 1, 5, 5))
    gradients = []
    for functions in conv, fast:
        w = Tensor(weight, requires_grad=True)
        y = functions.conv2d(Tensor(x), w, padding=2)
        y.backward(rng(2).standard_normal(y.shape))
        gradients.append(w.grad.data)
    np.testing.assert_allclose(*gradients, atol=1e-9)


# Pooling


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_pooling_keeps_its_dtype_and_never_turns_infinity_into_nan(dtype):
    x = Tensor(rng().permutation(64).reshape(1, 1, 8, 8).astype(dtype), requires_grad=True)
    y = fast.max_pool2d(x, 3, 2, 1)
    y.backward(np.full(y.shape, np.inf, dtype))
    assert y.dtype == x.grad.dtype == dtype
    assert not np.isnan(x.grad.data).any() and np.isinf(x.grad.data).any()


def test_windows_of_more_than_256_pixels_have_their_winner_too():
    x = Tensor(rng().permutation(2 * 20 * 40).reshape(1, 2, 20, 40) / 10, requires_grad=True)
    y = fast.max_pool2d(x, 20)
    y.sum().backward()
    assert x.grad.data.sum() == 4
    np.testing.assert_array_equal(np.sort(x.data[x.grad.data == 1]), np.sort(y.data.ravel()))


def test_of_several_nans_the_last_takes_the_gradient_as_in_pytorch():
    x = Tensor(np.array([[[[np.nan, 1.0], [np.nan, 2.0]]]]), requires_grad=True)
    fast.max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[[0, 0], [1, 0]]]]


@pytest.mark.parametrize("pool", [fast.max_pool2d, fast.avg_pool2d])
def test_integers_are_not_pooled(pool):
    with pytest.raises(TypeError, match="expected floats, got int64"):
        pool(nptorch.arange(16).reshape(1, 1, 4, 4), 2)


# unfold and fold


@pytest.mark.parametrize("misfit", [
    lambda x: fast.unfold(x, 7), lambda x: fast.unfold(x[0], 2), lambda x: fast.unfold(x, 0),
    lambda x: fast.fold(x, (5, 4), 2), lambda x: fast.fold(nptorch.ones(2, 5, 12), (5, 4), 2),
    lambda x: fast.fold(nptorch.ones(2, 4, 11), (5, 4), 2),
    lambda x: fast.fold(nptorch.ones(2, 4, 12), (1, 4), 2),
])
def test_columns_that_do_not_fit_are_refused(misfit):
    with pytest.raises(ValueError):
        misfit(nptorch.ones(2, 3, 5, 4))


def test_fold_after_unfold_passes_gradcheck():
    x = Tensor(rng().standard_normal((2, 3, 6, 5)), requires_grad=True)
    options = {"kernel_size": (3, 2), "stride": (1, 2), "padding": 1}
    assert gradcheck(lambda x: fast.fold(fast.unfold(x, **options), (6, 5), **options), x)


# float32, switching, import


def test_everything_stays_float32():
    x = nptorch.randn(5, 4, 9, 8, requires_grad=True)
    w, b = (nptorch.randn(*s, requires_grad=True) for s in ((6, 2, 3, 3), (6,)))
    y = fast.conv2d(x, w, b, padding=1, groups=2)
    values = [y, fast.max_pool2d(y, 2), fast.avg_pool2d(y, 2, 1, 1), fast.unfold(y, 2),
              fast.fold(fast.unfold(y, 2), (9, 8), 2)]
    assert {v.dtype for v in values} == {np.dtype(np.float32)}
    sum(v.sum() for v in values).backward()
    assert {t.grad.dtype for t in (x, w, b)} == {np.dtype(np.float32)}


def test_one_line_switches_to_the_readable_functions_and_back(restored):
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.MaxPool2d(2), nn.AvgPool2d(2))
    x = nptorch.randn(4, 1, 14, 14)
    quick = net(x)
    assert nn.Conv2d.function is fast.conv2d
    fast.use(conv)
    assert nn.Conv2d.function is conv.conv2d and nn.MaxPool2d.function is conv.max_pool2d
    assert nn.AvgPool2d.function is conv.avg_pool2d
    np.testing.assert_allclose(net(x), quick, atol=1e-6)
    fast.use(fast)
    assert nn.Conv2d.function is fast.conv2d and nn.MaxPool2d.function is fast.max_pool2d
    assert nn.AvgPool2d.function is fast.avg_pool2d


def test_importing_it_keeps_no_large_array_and_no_thread():
    program = ("import threading, tracemalloc, nptorch.nn.conv, sys\n"
               "sys.modules.pop('nptorch.nn.fast')\n"
               "tracemalloc.start()\n"
               "before = threading.active_count()\n"
               "import importlib; importlib.import_module('nptorch.nn.fast')\n"
               "assert threading.active_count() == before\n"
               "assert tracemalloc.get_traced_memory()[0] < 2e6, tracemalloc.get_traced_memory()\n")
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have other rules")
def test_what_a_step_frees_is_kept():
    program = ("import resource, nptorch, numpy as np\n"
               "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
               "step = lambda: [np.ones(400_000) for _ in range(10)]  # 32 MB, in arrays of 3.2\n"
               "step()\n"
               "before = faults()\n"
               "for _ in range(10): step()\n"
               "print(faults() - before)\n")
    clean = {name: x for name, x in os.environ.items() if name[:7] not in ("MALLOC_", "GLIBC_T")}
    faults = [int(subprocess.run([sys.executable, "-c", before + program], check=True, env=clean,
                                 stdout=subprocess.PIPE, text=True).stdout)
              for before in ("", "import numpy, sys; sys.platform = 'another'\n")]
    assert faults[0] < 1000 < faults[1]  # pages of 4 kB: 7,800 a step

