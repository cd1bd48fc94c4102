"""Convolution and pooling with the batch last in memory (notebooks/15_speed.ipynb)."""

import math
import sys

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nptorch.autograd import Tensor, op
from nptorch.checks import integer
from nptorch.nn import conv
from nptorch.nn.conv import AvgPool2d, Conv2d, MaxPool2d, add_back, pair


def use(functions):
    """Let Conv2d, MaxPool2d and AvgPool2d call the functions of this module: use(nptorch.nn.conv)
    switches to notebook 08's, use(nptorch.nn.fast) back."""
    for layer, name in (Conv2d, "conv2d"), (MaxPool2d, "max_pool2d"), (AvgPool2d, "avg_pool2d"):
        layer.function = staticmethod(getattr(functions, name))


def batch_last(x, padding=(0, 0), value=0):
    """x (N, C, H, W) as an array (C, H, W, N), contiguous, in a border of value."""
    (n, c, h, w), (p, q) = x.shape, padding
    images = x.transpose(1, 2, 3, 0)
    if p == q == 0:
        return np.ascontiguousarray(images)
    framed = np.full((c, h + 2 * p, w + 2 * q, n), value, x.dtype)
    framed[:, p:p + h, q:q + w] = images
    return framed


def windows(images, kernel, stride, dilation=(1, 1)):
    """What a kernel sees at each position of images (C, H, W, N): a view (C, kh, kw, h, w, N)."""
    (down, across), (d, e) = stride, dilation
    spans = [gap * (k - 1) + 1 for k, gap in zip(kernel, dilation)]
    views = sliding_window_view(images, spans, (1, 2), writeable=True)
    return views[:, ::down, ::across, :, ::d, ::e].transpose(0, 4, 5, 1, 2, 3)


def gather(x, kernel, stride, padding, dilation, part=slice(None)):
    """The windows of x (N, C, H, W) in these columns of the output, (C, kh, kw, h, w, N): a view,
    since in memory each row of pixels lies there kw times, not kh·kw times."""
    (kh, kw), (down, across), (d, e) = kernel, stride, dilation
    seen = windows(batch_last(x, padding), (1, kw), (1, across), (1, e))[:, 0, :, :, part]
    copies = seen.transpose(2, 0, 1, 3, 4).copy()  # (H, C, kw, w, N)
    seen = sliding_window_view(copies, d * (kh - 1) + 1, 0)[::down, ..., ::d]
    return seen.transpose(1, 5, 2, 0, 3, 4)


def scatter(parts, shape, dtype, kernel, stride, padding, dilation=(1, 1)):
    """The way back of gather: images of this shape (N, C, H, W), where each part (C, h, w, N), one
    for each pixel of the kernel, is added to the pixels that this one saw."""
    (n, c, h, w), (p, q) = shape, padding
    images = np.zeros((c, h + 2 * p, w + 2 * q, n), dtype)
    seen = windows(images, kernel, stride, dilation)
    overlap = any(d * (k - 1) >= s for k, s, d in zip(kernel, stride, dilation))
    for (i, j), part in zip(np.ndindex(*kernel), parts):
        if overlap:
            seen[:, i, j] += part
        else:
            seen[:, i, j] = part
    return images[:, p:p + h, q:q + w].transpose(3, 0, 1, 2)


SMALL = 10**6  # multiplications, up to which OpenBLAS with AVX-512 copies no matrix first


def slices(each, w):
    """The w columns of an output, each of so many multiplications, in slices of small products."""
    step = SMALL // max(each, 1) or w
    return [slice(i, i + step) for i in range(0, w, step)]


def columns(images, kernels, stride, dilation, part):
    """What kernels (G, M, C, kh, kw) see of images (G·C, H, W, N): (G, h, kh, C·kw, w·N)."""
    groups, _, depth, kh, kw = kernels.shape
    seen = gather(images.transpose(3, 0, 1, 2), (kh, kw), stride, (0, 0), dilation, part)
    h, w, n = seen.shape[3:]
    seen = seen.reshape(groups, depth, kh, kw, h, w * n).transpose(0, 4, 2, 1, 3, 5)
    return seen.reshape(groups, h, kh, depth * kw, w * n)


def rows(y, groups, part):
    """These columns of y (G·M, h, w, N), as (G, h, M, w·N)."""
    m, h, w, n = y[:, :, part].shape
    return y[:, :, part].reshape(groups, m // groups, h, w * n).swapaxes(1, 2)


def slide(images, kernels, size, stride, dilation):
    """Kernels (G, M, C, kh, kw) over images (G·C, H, W, N) give (G·M, h, w, N); size is (h, w)."""
    (groups, m, *_), n = kernels.shape, images.shape[3]
    matrix = kernels.swapaxes(2, 3).reshape(groups, 1, m, kernels[0, 0].size)
    value = np.empty((groups * m, *size, n), np.result_type(images, kernels))
    for part in slices(kernels[0].size * n, size[1]):
        into, seen = rows(value, groups, part), columns(images, kernels, stride, dilation, part)
        np.matmul(matrix, seen.reshape(*seen.shape[:2], matrix.shape[3], into.shape[3]), out=into)
    return value


@op
def _conv2d(x, weight, *bias, size, options, groups):
    """slide and its ways back. In memory the output is (O, h, w, N)."""
    shape, (h, w), (stride, padding, dilation), n = x.shape, size, options, len(x)
    (maps, depth, kh, kw), images = weight.shape, batch_last(x, padding)
    m, tall, high = maps // groups, images.shape[1], dilation[0] * (kh - 1)
    kernels = weight.reshape(groups, m, depth, kh, kw)
    value = slide(images, kernels, size, stride, dilation)
    if bias:
        value += bias[0].reshape(maps, 1, 1, 1)

    def back_x(g):
        framed = np.zeros((maps, tall + high, w, n), g.dtype)
        framed[:, high:high + h * stride[0]:stride[0]] = g.transpose(1, 2, 3, 0)
        turned = kernels[..., ::-1, :].transpose(0, 2, 4, 1, 3)
        turned = turned.reshape(groups, depth * kw, m, kh, 1)
        parts = slide(framed, turned, (tall, w), (1, 1), (dilation[0], 1))
        parts = parts.reshape(groups * depth, kw, tall, w, n).swapaxes(0, 1)
        return scatter(parts, shape, g.dtype, (1, kw), (1, stride[1]), padding, (1, dilation[1]))

    def back_weight(g):
        found, g = np.zeros((groups, kh, depth * kw, m), g.dtype), g.transpose(1, 2, 3, 0)
        small = m * depth * kw <= 1200  # OpenBLAS asks for that, too
        for part in slices(kernels[0].size * n, w) if small else [slice(None)]:
            right = rows(g, groups, part)[:, :, None].swapaxes(3, 4)
            found += (columns(images, kernels, stride, dilation, part) @ right).sum(1)
        found = found.reshape(groups, kh, depth, kw, m)
        return found.transpose(0, 4, 2, 1, 3).reshape(weight.shape)

    return (value.transpose(3, 0, 1, 2), back_x, back_weight,
            lambda g: g.transpose(1, 2, 3, 0).reshape(maps, h * w * n).sum(1))


def positions(shape, kernel, stride, padding, dilation=(1, 1)):
    """At how many positions (h, w) a kernel fits on images (N, C, H, W). ValueError if at none."""
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    h, w = (max(span - 2 * p, 1) for span, p in zip(spans, padding))
    if len(shape) != 4 or shape[2] < h or shape[3] < w:
        raise ValueError(f"input: expected shape (N, C, H >= {h}, W >= {w}), got {shape}")
    return tuple((n + 2 * p - span) // s + 1
                 for n, p, span, s in zip(shape[2:], padding, spans, stride))


def _pairs(stride, padding, dilation=1):
    return pair("stride", stride), pair("padding", padding, 0), pair("dilation", dilation)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """nptorch.nn.conv.conv2d in less time. Raises ValueError for sizes that do not fit."""
    if weight.ndim != 4 or weight.shape[0] % integer("groups", groups, 1):
        raise ValueError("weight: expected shape (O, C, kh, kw) and O a multiple of groups, "
                         f"got {weight.shape} and groups={groups}")
    options = _pairs(stride, padding, dilation)
    size, channels = positions(input.shape, weight.shape[2:], *options), weight.shape[1] * groups
    if input.shape[1] != channels or (bias is not None and bias.shape != weight.shape[:1]):
        raise ValueError(f"expected input (N, {channels}, H, W) and bias ({len(weight)},), got "
                         f"{input.shape} and {bias if bias is None else bias.shape}")
    return _conv2d(input, weight, *([] if bias is None else [bias]), size=size, options=options,
                   groups=groups)


@op
def _max_pool2d(x, /, kernel, stride, padding):
    shape, seen = x.shape, windows(batch_last(x, padding, -np.inf), kernel, stride)
    views = [seen[:, i, j] for i, j in np.ndindex(*kernel)]
    number, count = np.min_scalar_type(len(views)).type, len(views)
    best, winner = views[0].copy(), np.zeros(views[0].shape, number)
    if any(padding):  # the border never wins: a window begins with its first pixel inside
        inside = windows(batch_last(np.ones((1, 1, *shape[2:])), padding), kernel, stride)
        winner += inside.reshape(count, *best.shape[1:3], 1).argmax(0).astype(number)
    for n, view in enumerate(views[1:], 1):
        winner = np.maximum(winner, (view > best) * number(n))
        np.maximum(best, view, out=best)
    if np.isnan(best.max(initial=-np.inf)):  # nan wins; of several the last, as in PyTorch
        for n, view in enumerate(views):
            winner[np.isnan(view)] = n

    def back(g):
        bits = batch_last(g).view(f"i{g.itemsize}")  # times 0 they are 0, even those of inf and nan
        parts = ((bits * (winner == n)).view(g.dtype) for n in range(count))
        return scatter(parts, shape, g.dtype, kernel, stride, padding)

    return best.transpose(3, 0, 1, 2), back


@op
def _avg_pool2d(x, /, kernel, stride, padding):
    shape, seen, area = x.shape, windows(batch_last(x, padding), kernel, stride), math.prod(kernel)
    value = sum(seen[:, i, j] for i, j in np.ndindex(*kernel)) / area
    return value.transpose(3, 0, 1, 2), lambda g: scatter(
        [batch_last(g / area)] * area, shape, g.dtype, kernel, stride, padding)


def _pool(pool, input, kernel_size, stride, padding):
    kernel = pair("kernel_size", kernel_size)
    stride, padding, _ = _pairs(kernel if stride is None else stride, padding)
    if any(2 * p > k for k, p in zip(kernel, padding)):
        raise ValueError(f"padding: expected at most half of kernel_size {kernel}, got {padding}")
    positions(input.shape, kernel, stride, padding)
    if input.dtype.kind != "f":
        raise TypeError(f"input: expected floats, got {input.dtype}")
    return pool(input, kernel, stride, padding)


def max_pool2d(input, kernel_size, stride=None, padding=0):
    """nptorch.nn.conv.max_pool2d in less time. ValueError for misfits, TypeError for ints."""
    return _pool(_max_pool2d, input, kernel_size, stride, padding)


def avg_pool2d(input, kernel_size, stride=None, padding=0):
    """nptorch.nn.conv.avg_pool2d in less time. Raises errors as max_pool2d does."""
    return _pool(_avg_pool2d, input, kernel_size, stride, padding)


@op
def _add_back(parts, /, *options):
    return add_back(parts, *options), lambda g: conv.columns(Tensor(g), *options[1:]).data


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """The windows of input (N, C, H, W) as columns (N, C·kh·kw, h·w); options as in conv2d."""
    options = pair("kernel_size", kernel_size), *_pairs(stride, padding, dilation)
    count, seen = math.prod(positions(input.shape, *options)), conv.columns(input, *options)
    return seen.reshape(len(seen), len(input), count).transpose(0, 1)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """The way back of unfold: columns (N, C·kh·kw, h·w) added up in images (N, C, *output_size).
    Raises ValueError if unfold would not give columns of this shape."""
    options = pair("kernel_size", kernel_size), *_pairs(stride, padding, dilation)
    size, area = pair("output_size", output_size), math.prod(options[0])
    h, w = positions((1, 1, *size), *options)
    if input.ndim != 3 or input.shape[1] % area or input.shape[2] != h * w:
        raise ValueError(f"input: expected (N, a multiple of {area}, {h * w}), got {input.shape}")
    (n, rows, _), shape = input.shape, (len(input), input.shape[1] // area, *size)
    return _add_back(input.transpose(0, 1).reshape(rows, n, h, w), shape, *options)


use(sys.modules[__name__])
