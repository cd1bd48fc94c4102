"""Built, step by step, in notebooks/08_convolution.ipynb."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nptorch.nn.module import Module, Parameter, ShapeError, _positive
from nptorch.ops import rand
from nptorch.tensor import op


def _is_int(n, least):
    """Whether n is an int, neither True nor False, of at least this size."""
    return isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= least


def _pairs(**options):
    """Each option, an int or a pair (down, across), as a pair. Raises ValueError for anything
    else, for a padding below 0 and for any other option below 1."""
    pairs = {name: tuple(value) if isinstance(value, (tuple, list)) else (value, value)
             for name, value in options.items()}
    for name, pair in pairs.items():
        least = 0 if name == "padding" else 1
        if len(pair) != 2 or not all(_is_int(n, least) for n in pair):
            raise ValueError(f"{name}: expected an int or a pair of ints, none below {least}, "
                             f"got {options[name]!r}")
    return pairs.values()


def _output_size(shape, kernel, stride, padding, dilation=(1, 1)):
    """In how many places, down and across, a kernel fits on images of shape (N, C, H, W).

    Raises ValueError if there is none, or if the shape has not four lengths.
    """
    if len(shape) != 4:
        raise ValueError(f"input: expected shape (N, C, H, W), got {shape}")
    height, width = (n + 2 * p for n, p in zip(shape[2:], padding))
    tall, wide = (d * (k - 1) + 1 for k, d in zip(kernel, dilation))
    if tall > height or wide > width:
        raise ValueError(f"kernel: {tall} x {wide} is larger than the input, which is "
                         f"{height} x {width} with its padding")
    return (height - tall) // stride[0] + 1, (width - wide) // stride[1] + 1


def _bordered(x, padding, value=0):
    """x (N, C, H, W) as an array (C, H, W, N), contiguous, in a border of value."""
    (n, c, h, w), (p, q) = x.shape, padding
    images = x.transpose(1, 2, 3, 0)
    if p == q == 0:
        return np.ascontiguousarray(images)
    framed = np.full((c, h + 2 * p, w + 2 * q, n), value, x.dtype)
    framed[:, p:p + h, q:q + w] = images
    return framed


def _windows(images, kernel, stride, dilation=(1, 1)):
    """What a kernel sees in each place of images (C, H, W, N): a view (C, kh, kw, h, w, N)."""
    (down, across), (d, e) = stride, dilation
    spans = [gap * (k - 1) + 1 for k, gap in zip(kernel, dilation)]
    views = sliding_window_view(images, spans, (1, 2), writeable=True)
    return views[:, ::down, ::across, :, ::d, ::e].transpose(0, 4, 5, 1, 2, 3)


def _gather(x, kernel, stride, padding, dilation):
    """The windows of x (N, C, H, W), copied one beside the other: (C, kh, kw, h, w, N)."""
    return _windows(_bordered(x, padding), kernel, stride, dilation).copy()


def _scatter(parts, shape, dtype, kernel, stride, padding, dilation=(1, 1)):
    """The adjoint of _gather: images of this shape (N, C, H, W), the sum of all parts.

    There is one part (C, h, w, N) for every pixel of the kernel, row by row. It is added to the
    pixels that this one saw.
    """
    (n, c, h, w), (p, q) = shape, padding
    images = np.zeros((c, h + 2 * p, w + 2 * q, n), dtype)
    windows = _windows(images, kernel, stride, dilation)
    overlap = any(d * (k - 1) >= s for k, s, d in zip(kernel, stride, dilation))
    for (i, j), part in zip(np.ndindex(*kernel), parts):
        if overlap:
            windows[:, i, j] += part
        else:
            windows[:, i, j] = part
    return images[:, p:p + h, q:q + w].transpose(3, 0, 1, 2)


def _columns(x, kernel, *options):
    """The windows of x (N, C, H, W) as columns (N, C·kh·kw, h·w)."""
    windows = _gather(x, kernel, *options)
    c, kh, kw, h, w, n = windows.shape
    return windows.reshape(c * kh * kw, h * w, n).transpose(2, 0, 1)


def _images(columns, shape, places, kernel, *options):
    """The adjoint of _columns: images of this shape (N, C, H, W); places is (h, w)."""
    n, c = shape[:2]
    parts = columns.transpose(1, 2, 0).reshape(c, math.prod(kernel), *places, n).swapaxes(0, 1)
    return _scatter(parts, shape, columns.dtype, kernel, *options)


@op
def _unfold(x, /, places, *options):
    shape = x.shape
    return _columns(x, *options), lambda g: _images(g, shape, places, *options)


@op
def _fold(columns, /, shape, places, *options):
    return _images(columns, shape, places, *options), lambda g: _columns(g, *options)


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """The windows of input (N, C, H, W) as columns: (N, C·kh·kw, h·w), sizes as in conv2d.

    The options are ints or pairs (down, across). Raises ValueError if the kernel is larger than
    the input.
    """
    kernel, *options = _pairs(kernel_size=kernel_size, stride=stride, padding=padding,
                              dilation=dilation)
    places = _output_size(input.shape, kernel, *options)
    return _unfold(input, places, kernel, *options)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns (N, C·kh·kw, h·w) back in their places in images (N, C, *output_size), where what
    overlaps is added up: the adjoint of unfold, whose options it takes.

    Raises ValueError if unfold would not give columns of this shape.
    """
    size, kernel, *options = _pairs(output_size=output_size, kernel_size=kernel_size,
                                    stride=stride, padding=padding, dilation=dilation)
    h, w = _output_size((1, 1, *size), kernel, *options)
    area = math.prod(kernel)
    if input.ndim != 3 or input.shape[1] % area or input.shape[2] != h * w:
        raise ValueError(f"input: expected shape (N, a multiple of {area}, {h * w}), "
                         f"got {input.shape}")
    shape = len(input), input.shape[1] // area, *size
    return _fold(input, shape, (h, w), kernel, *options)


def _strip(rows, kernel, stride, maps):
    """How many of the rows of the output one column of the matrix should yield.

    A strip of t rows sees (t - 1) · stride + kernel rows of the input. Each number in it is
    copied, at the cost of some 30 multiplications, and multiplied for t · maps outputs.
    """
    return min((t for t in range(1, rows + 1) if rows % t == 0),
               key=lambda t: ((t - 1) * stride + kernel) * (maps + 30 / t))


@op
def _conv2d(x, weight, *bias, size, stride, padding, dilation, groups):
    """One matrix product for each group. A column sees a window of tall rows and yields a strip,
    t rows of the output; for that the kernel stands in kernels t times, each down rows lower.
    In memory the output is (O, h, w, N)."""
    n, shape = len(x), x.shape
    (maps, depth, kh, kw), (h, w), (down, across) = weight.shape, size, stride
    t = _strip(h, kh, down, maps // groups) if dilation[0] == 1 else 1
    tall, strips = (t - 1) * down + kh, h // t
    options = (tall, kw), (t * down, across), padding, dilation
    shifts = [np.s_[:, i, :, i * down:i * down + kh] for i in range(t)]
    kernels = np.zeros((maps, t, depth, tall, kw), weight.dtype)
    for shift in shifts:
        kernels[shift] = weight
    matrix = kernels.reshape(groups, maps // groups * t, depth * tall * kw)
    columns = _gather(x, *options).reshape(groups, depth * tall * kw, strips * w * n)
    product = (matrix @ columns).reshape(maps, t, strips, w, n)
    value = product.swapaxes(1, 2).reshape(maps, h, w, n)
    if bias:
        value += bias[0].reshape(maps, 1, 1, 1)

    def in_strips(g):
        g = g.transpose(1, 2, 3, 0).reshape(maps, strips, t, w, n).swapaxes(1, 2)
        return g.reshape(groups, maps // groups * t, strips * w * n)

    def back_x(g):
        spread = matrix.swapaxes(1, 2) @ in_strips(g)
        parts = spread.reshape(groups * depth, tall * kw, strips, w, n).swapaxes(0, 1)
        return _scatter(parts, shape, g.dtype, *options)

    def back_weight(g):
        spread = (in_strips(g) @ columns.swapaxes(1, 2)).reshape(maps, t, depth, tall, kw)
        return sum(spread[shift] for shift in shifts)

    return (value.transpose(3, 0, 1, 2), back_x, back_weight,
            lambda g: g.transpose(1, 2, 3, 0).reshape(maps, h * w * n).sum(1))


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Slide the kernels weight (O, C/groups, kh, kw) over images input (N, C, H, W), add bias (O,):
    (N, O, h, w), with h = (H + 2·padding - dilation·(kh - 1) - 1) // stride + 1, and w likewise.

    stride, padding and dilation are ints or pairs (down, across). With groups, each of as many
    parts of the output sees only its part of the channels. Raises ValueError if sizes do not fit.
    """
    if not _is_int(groups, 1):
        raise ValueError(f"groups: expected a positive integer, got {groups!r}")
    if weight.ndim != 4 or weight.shape[0] % groups:
        raise ValueError(f"weight: expected shape (O, C, kh, kw) and O a multiple of groups, "
                         f"got {weight.shape} and groups={groups}")
    channels = weight.shape[1] * groups
    if input.ndim == 4 and input.shape[1] != channels:
        raise ValueError(f"input: expected {channels} channels, for weight {weight.shape} and "
                         f"groups={groups}, got {input.shape[1]} in {input.shape}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"bias: expected shape {weight.shape[:1]}, got {bias.shape}")
    stride, padding, dilation = _pairs(stride=stride, padding=padding, dilation=dilation)
    size = _output_size(input.shape, weight.shape[2:], stride, padding, dilation)
    arrays = (input, weight) if bias is None else (input, weight, bias)
    return _conv2d(*arrays, size=size, stride=stride, padding=padding, dilation=dilation,
                   groups=groups)


# glibc's malloc gives freed memory back to the system, and the next step fetches it anew, page by
# page. It keeps up to twice the largest piece that it has seen freed, and learns from pieces of at
# most 32 MB. So we show it one a little smaller, to leave room for its own notes.
_spare = np.empty(2**25 - 2**16, np.uint8)
del _spare


def _refuse_misfit(module, x, label, channels=None, dilation=(1, 1)):
    """Raise ShapeError unless x is (N, channels, H, W) and a kernel of module fits on it.

    Without channels, any number of them will do.
    """
    kernel, padding = _pairs(kernel_size=module.kernel_size, padding=module.padding)
    h, w = (max(d * (k - 1) + 1 - 2 * p, 1) for k, p, d in zip(kernel, padding, dilation))
    if x.ndim != 4 or channels not in (None, x.shape[1]) or x.shape[2] < h or x.shape[3] < w:
        raise ShapeError(module, label, x.shape, f"(N, {channels or 'C'}, H ≥ {h}, W ≥ {w})")


class Conv2d(Module):
    """conv2d with its own weight (out_channels, in_channels/groups, kh, kw) and bias
    (out_channels,), both drawn evenly from ±1/sqrt(in_channels/groups·kh·kw), as in PyTorch.

    Raises ValueError for senseless sizes and if groups does not divide both channels, ShapeError
    for misfitting input.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1,
                 groups=1, bias=True):
        _positive(in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"groups: expected a divisor of {in_channels} and {out_channels}, "
                             f"the channels, got {groups}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.padding, self.dilation = _pairs(
            kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = Parameter((2 * rand(*shape) - 1) * bound)
        self.bias = Parameter((2 * rand(out_channels) - 1) * bound) if bias else None

    def forward(self, x):
        label = f"Conv2d {self.in_channels} → {self.out_channels}"
        _refuse_misfit(self, x, label, self.in_channels, self.dilation)
        return conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation,
                      self.groups)

    def extra_repr(self):
        parts = [f"{self.in_channels}, {self.out_channels}", f"kernel_size={self.kernel_size}",
                 f"stride={self.stride}"]
        for name, usual in (("padding", (0, 0)), ("dilation", (1, 1)), ("groups", 1)):
            if getattr(self, name) != usual:
                parts.append(f"{name}={getattr(self, name)}")
        return ", ".join(parts + ["bias=False"] * (self.bias is None))


def _pooling(input, kernel_size, stride, padding):
    """The pairs kernel, stride (by default the kernel's size) and padding of a pooling.

    input may be None, to check the options alone. Raises ValueError for options that make no
    sense or do not fit input, TypeError if input holds no floats.
    """
    kernel, stride, padding = _pairs(
        kernel_size=kernel_size, stride=kernel_size if stride is None else stride, padding=padding)
    if any(2 * p > k for k, p in zip(kernel, padding)):
        raise ValueError(f"padding: expected at most half of kernel_size {kernel}, got {padding}")
    if input is not None:
        _output_size(input.shape, kernel, stride, padding)
        if input.dtype.kind != "f":
            raise TypeError(f"input: expected floats, got {input.dtype}")
    return kernel, stride, padding


@op
def _max_pool2d(x, /, kernel, stride, padding):
    windows = _windows(_bordered(x, padding, -np.inf), kernel, stride)
    views, shape = [windows[:, i, j] for i, j in np.ndindex(*kernel)], x.shape
    best = views[0].copy()
    for view in views[1:]:
        np.maximum(best, view, out=best)

    def parts(g):
        waiting = np.ones(best.shape, bool)  # for the largest number to turn up
        for view in views:
            found = (view == best) & waiting
            yield g * found
            waiting ^= found  # what is found was waiting: take it out

    def back(g):
        return _scatter(parts(_bordered(g, (0, 0))), shape, g.dtype, kernel, stride, padding)

    return best.transpose(3, 0, 1, 2), back


def max_pool2d(input, kernel_size, stride=None, padding=0):
    """The largest number in each window of input (N, C, H, W): (N, C, h, w), sizes as in conv2d.

    Of equal ones the first, row by row, gets the gradient. stride is by default kernel_size, and
    padding adds -inf. Raises ValueError if the kernel is larger than the input, or the padding
    than half of the kernel, TypeError for integers.
    """
    return _max_pool2d(input, *_pooling(input, kernel_size, stride, padding))


@op
def _avg_pool2d(x, /, kernel, stride, padding):
    windows = _windows(_bordered(x, padding), kernel, stride)
    shape, area = x.shape, math.prod(kernel)
    total = sum(windows[:, i, j] for i, j in np.ndindex(*kernel))

    def back(g):
        share = _bordered(g / area, (0, 0))
        return _scatter([share] * area, shape, g.dtype, kernel, stride, padding)

    return (total / area).transpose(3, 0, 1, 2), back


def avg_pool2d(input, kernel_size, stride=None, padding=0):
    """The mean of each window of input (N, C, H, W): (N, C, h, w), sizes as in conv2d.

    stride is by default kernel_size, and padding adds zeros, which count. Raises errors as
    max_pool2d does.
    """
    return _avg_pool2d(input, *_pooling(input, kernel_size, stride, padding))


class _Pool2d(Module):
    """A pooling function as a module: a subclass names its function."""

    def __init__(self, kernel_size, stride=None, padding=0):
        _pooling(None, kernel_size, stride, padding)
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride

    def forward(self, x):
        _refuse_misfit(self, x, type(self).__name__)
        return self.function(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool2d(_Pool2d):
    """max_pool2d as a module."""

    function = staticmethod(max_pool2d)


class AvgPool2d(_Pool2d):
    """avg_pool2d as a module."""

    function = staticmethod(avg_pool2d)
