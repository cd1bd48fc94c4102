"""Convolution and pooling, batch last; memory that is kept (notebooks/15_speed.ipynb)."""

import math
import sys

import numpy as np

from nptorch.autograd import Tensor, op
from nptorch.checks import integer
from nptorch.nn import conv
from nptorch.nn.conv import AvgPool2d, Conv2d, MaxPool2d, add_back, columns, pair


def use(functions):
    """Let Conv2d, MaxPool2d and AvgPool2d call those of nptorch.nn.conv or of nptorch.nn.fast."""
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
    seen = conv.windows(images.transpose(3, 0, 1, 2), kernel, stride, dilation)
    return seen.transpose(0, 1, 2, 4, 5, 3)


def gather(images, kernel, stride, dilation, groups=1, part=slice(None)):
    """The windows of images (G·C, H, W, N) in these columns of the output, (G, h, kh, C·kw, w·N): a
    view, since in memory each row of pixels lies there kw times, not kh·kw times."""
    (kh, kw), (down, across), (d, e) = kernel, stride, dilation
    seen = windows(images, (1, kw), (1, across), (1, e))[:, 0, :, :, part]
    copies = seen.transpose(2, 0, 1, 3, 4).copy()  # (H, G·C, kw, w, N)
    copies = copies.reshape(len(copies), groups, len(images) // groups * kw, -1).swapaxes(0, 1)
    return windows(copies, (kh, 1), (down, 1), (d, 1))[:, :, 0].swapaxes(1, 2)


def scatter(parts, shape, dtype, kernel, stride, padding, dilation=(1, 1)):
    """The way back of windows: images of this shape (N, C, H, W), where each part (C, h, w, N), one
    for each pixel of the kernel, is added to the pixels that it saw; and views of all of these."""
    (n, c, h, w), (p, q) = shape, padding
    images = np.zeros((c, h + 2 * p, w + 2 * q, n), dtype)
    seen = windows(images, kernel, stride, dilation)
    views = [seen[:, i, j] for i, j in np.ndindex(*kernel)]
    for view, part in zip(views, parts):
        view += part
    return images[:, p:p + h, q:q + w].transpose(3, 0, 1, 2), views


SMALL = 10**6  # multiplications, up to which OpenBLAS with AVX-512 copies no matrix first


def slices(each, w):
    """The w columns of an output, each of so many multiplications, in slices of small products."""
    step = SMALL // max(each, 1) or w
    return [slice(i, i + step) for i in range(0, w, step)]


def slide(images, kernels, size, stride, dilation):
    """Kernels (G, M, C, kh, kw) over images (G·C, H, W, N) give (G·M, h, w, N); size is (h, w)."""
    (groups, m, _, *kernel), (h, w), n = kernels.shape, size, images.shape[3]
    matrix = kernels.swapaxes(2, 3).reshape(groups, 1, m, kernels[0, 0].size)
    value = np.empty((groups, m, h, w, n), np.result_type(images, kernels))
    for part in slices(kernels[0].size * n, w):
        seen = gather(images, kernel, stride, dilation, groups, part)
        into = value[:, :, :, part].reshape(groups, m, h, -1).swapaxes(1, 2)  # a view
        np.matmul(matrix, seen.reshape(groups, h, matrix.shape[3], into.shape[3]), out=into)
    return value.reshape(groups * m, h, w, n)


@op
def _conv2d(x, weight, *bias, fit, groups):
    """slide and its ways back. In memory the output is (O, h, w, N)."""
    shape, n, ((kernel, stride, padding, dilation), (h, w)) = x.shape, len(x), fit
    (maps, depth, kh, kw), images = weight.shape, batch_last(x, padding)
    m, tall, high = maps // groups, images.shape[1], dilation[0] * (kh - 1)
    kernels = weight.reshape(groups, m, depth, kh, kw)
    value = slide(images, kernels, (h, w), stride, dilation)
    if bias:
        value += bias[0].reshape(maps, 1, 1, 1)

    def back_x(g):
        framed = np.zeros((maps, tall + high, w, n), g.dtype)
        framed[:, high:high + h * stride[0]:stride[0]] = g.transpose(1, 2, 3, 0)
        turned = kernels[..., ::-1, :].transpose(0, 2, 4, 1, 3).reshape(groups, -1, m, kh, 1)
        parts = slide(framed, turned, (tall, w), (1, 1), (dilation[0], 1))
        parts = parts.reshape(groups * depth, kw, tall, w, n).swapaxes(0, 1)
        options = (1, kw), (1, stride[1]), padding, (1, dilation[1])
        return scatter(parts, shape, g.dtype, *options)[0]

    def back_weight(g):
        sums, g = 0, g.transpose(1, 2, 3, 0).reshape(groups, m, h, 1, w, n)
        small = m * depth * kw <= 1200  # OpenBLAS asks for that, too
        for part in slices(kernels[0].size * n, w) if small else [slice(None)]:
            right = g[..., part, :].reshape(groups, m, h, 1, -1).transpose(0, 2, 3, 4, 1)
            sums += (gather(images, kernel, stride, dilation, groups, part) @ right).sum(1)
        return sums.reshape(groups, kh, depth, kw, m).transpose(0, 4, 2, 1, 3).reshape(weight.shape)

    return (value.transpose(3, 0, 1, 2), back_x, back_weight,
            lambda g: g.transpose(1, 2, 3, 0).reshape(maps, h * w * n).sum(1))


def fitted(shape, kernel_size, stride, padding, dilation=1, channels="C"):
    """(kernel_size, stride, padding, dilation) as pairs, and at how many positions (h, w) such a
    kernel fits on images (N, channels, H, W) of this shape. Raises ValueError if at none."""
    options = kernel, stride, padding, dilation = (
        pair("kernel_size", kernel_size), pair("stride", stride), pair("padding", padding, 0),
        pair("dilation", dilation))
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    h, w = (max(span - 2 * p, 1) for span, p in zip(spans, padding))
    if len(shape) != 4 or channels not in ("C", shape[1]) or shape[2] < h or shape[3] < w:
        raise ValueError(f"input: expected shape (N, {channels}, H >= {h}, W >= {w}), got {shape}")
    return options, tuple((n + 2 * p - span) // s + 1
                          for n, p, span, s in zip(shape[2:], padding, spans, stride))


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """nptorch.nn.conv.conv2d in less time. Raises ValueError for sizes that do not fit."""
    if weight.ndim != 4 or len(weight) % integer("groups", groups, 1):
        raise ValueError("weight: expected shape (O, C, kh, kw) and O a multiple of groups, "
                         f"got {weight.shape} and groups={groups}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"bias: expected shape ({len(weight)},), got {bias.shape}")
    channels = weight.shape[1] * groups
    fit = fitted(input.shape, weight.shape[2:], stride, padding, dilation, channels)
    return _conv2d(input, weight, *([] if bias is None else [bias]), fit=fit, groups=groups)


@op
def _max_pool2d(x, /, kernel, stride, padding):
    shape, seen = x.shape, windows(batch_last(x, padding, -np.inf), kernel, stride)
    views = [seen[:, i, j] for i, j in np.ndindex(*kernel)]
    best, winner = views[0].copy(), np.zeros(views[0].shape, np.min_scalar_type(len(views)))
    if any(padding):  # the border never wins: a window begins with its first pixel inside
        inside = windows(batch_last(np.ones((1, 1, *shape[2:])), padding), kernel, stride)
        winner += inside.reshape(len(views), *best.shape[1:3], 1).argmax(0).astype(winner.dtype)
    for n, view in enumerate(views[1:], 1):
        np.maximum(winner, (view > best) * winner.dtype.type(n), out=winner)
        np.maximum(best, view, out=best)
    if np.isnan(best.max(initial=-np.inf)):  # nan wins; of several the last, as in PyTorch
        for n, view in enumerate(views):
            winner[np.isnan(view)] = n

    def back(g):
        bits = batch_last(g).view(f"i{g.itemsize}" if g.itemsize <= 8 else g.dtype)  # inf · 0 is 0
        images, views = scatter([], shape, g.dtype, kernel, stride, padding)
        for n, view in enumerate(views):
            if kernel[0] > stride[0] or kernel[1] > stride[1]:  # windows share pixels
                view += (bits * (winner == n)).view(g.dtype)
            else:
                np.multiply(bits, winner == n, out=view.view(bits.dtype))
        return images

    return best.transpose(3, 0, 1, 2), back


@op
def _avg_pool2d(x, /, kernel, stride, padding):
    shape, seen, area = x.shape, windows(batch_last(x, padding), kernel, stride), math.prod(kernel)
    value = sum((seen[:, i, j] for i, j in np.ndindex(*kernel)), np.float32(0)) / area
    return value.astype(x.dtype, copy=False).transpose(3, 0, 1, 2), lambda g: scatter(
        [batch_last(g) / area] * area, shape, g.dtype, kernel, stride, padding)[0]


def _pool(pool, input, kernel_size, stride, padding):
    stride = kernel_size if stride is None else stride
    (kernel, stride, padding, _), _ = fitted(input.shape, kernel_size, stride, padding)
    if any(2 * p > k for k, p in zip(kernel, padding)):
        raise ValueError(f"padding: expected at most half of kernel_size {kernel}, got {padding}")
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
    return add_back(parts, *options), lambda g: columns(Tensor(g), *options[1:]).data


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """The windows of input (N, C, H, W) as columns (N, C·kh·kw, h·w); options as in conv2d."""
    options, _ = fitted(input.shape, kernel_size, stride, padding, dilation)
    return columns(input, *options).flatten(2).transpose(0, 1)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """unfold's way back: columns added up in (N, C, *output_size). ValueError if they misfit."""
    size = pair("output_size", output_size)
    options, (h, w) = fitted((1, 1, *size), kernel_size, stride, padding, dilation)
    area = math.prod(options[0])
    if input.ndim != 3 or input.shape[1] % area or input.shape[2] != h * w:
        raise ValueError(f"input: expected (N, a multiple of {area}, {h * w}), got {input.shape}")
    parts = input.reshape(*input.shape[:2], h, w).transpose(0, 1)
    return _add_back(parts, (len(input), input.shape[1] // area, *size), *options)


use(sys.modules[__name__])

if sys.platform == "linux":  # from now on glibc keeps what a step frees
    np.empty(2**25 - 2**16, np.uint8)
