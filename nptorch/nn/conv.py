"""Convolution as one matrix product, and pooling (notebooks/08_convolution.ipynb)."""

import math

import numpy as np

from nptorch.autograd import op
from nptorch.checks import integer
from nptorch.creation import rand
from nptorch.nn.module import Module, Parameter, ShapeError


def windows(images, kernel, stride=(1, 1), dilation=(1, 1)):
    """What a kernel sees at each position of images (N, C, H, W): a view (C, kh, kw, N, h, w)."""
    (down, across), (d, e) = stride, dilation
    span = d * (kernel[0] - 1) + 1, e * (kernel[1] - 1) + 1
    views = np.lib.stride_tricks.sliding_window_view(images, span, (2, 3), writeable=True)
    return views[:, :, ::down, ::across, ::d, ::e].transpose(1, 4, 5, 0, 2, 3)


def add_back(g, shape, kernel, stride, padding, dilation=(1, 1)):
    """The way back of columns: images of this shape (N, C, H, W), where each number of g
    (C·kh·kw, N, h, w) is added to the pixel that it was copied from."""
    (n, c, h, w), (p, q) = shape, padding
    images = np.zeros((n, c, h + 2 * p, w + 2 * q), g.dtype)
    seen = windows(images, kernel, stride, dilation)
    parts = g.reshape(seen.shape)
    for i, j in np.ndindex(*kernel):  # one pixel of the kernel meets no pixel twice
        seen[:, i, j] += parts[:, i, j]
    return images[:, :, p:p + h, q:q + w]


@op
def columns(x, /, kernel, stride, padding, dilation=(1, 1)):
    """The windows of x (N, C, H, W) as columns, one for each position: (C·kh·kw, N, h, w)."""
    shape, (p, q) = x.shape, padding
    seen = windows(np.pad(x, [(0, 0), (0, 0), (p, p), (q, q)]), kernel, stride, dilation)
    value = seen.reshape(math.prod(seen.shape[:3]), *seen.shape[3:])
    return value, lambda g: add_back(g, shape, kernel, stride, padding, dilation)


def pair(name, value, least=1):
    """value, an int or a pair (down, across), as a pair. Raises TypeError for what is not made of
    ints, ValueError for less than least and for more or less than two."""
    numbers = value if isinstance(value, (tuple, list)) else (value, value)
    if len(numbers) != 2:
        raise ValueError(f"{name}: expected an int or a pair of ints, got {value!r}")
    return tuple(integer(name, n, least) for n in numbers)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Slide the kernels weight (O, C/groups, kh, kw) over images input (N, C, H, W), add bias (O,):
    (N, O, h, w), with h = (H + 2·padding - dilation·(kh - 1) - 1) // stride + 1, and w likewise.

    stride, padding and dilation are ints or pairs (down, across). With groups, each of as many
    parts of the output sees its part of the channels. Raises ValueError if sizes do not fit."""
    (maps, depth, kh, kw), groups = weight.shape, integer("groups", groups, 1)
    stride, padding = pair("stride", stride), pair("padding", padding, 0)
    seen = columns(input, (kh, kw), stride, padding, pair("dilation", dilation))
    n, h, w = seen.shape[1:]
    kernels = weight.reshape(groups, maps // groups, depth * kh * kw)
    product = (kernels @ seen.reshape(groups, depth * kh * kw, n * h * w)).reshape(maps, n, h, w)
    return (product if bias is None else product + bias.reshape(maps, 1, 1, 1)).transpose(0, 1)


class Conv2d(Module):
    """conv2d with its own weight (out_channels, in_channels/groups, kh, kw), bias (out_channels,),
    drawn evenly from ±1/sqrt(fan-in). Raises TypeError, ValueError or ShapeError for misfits."""

    function = staticmethod(conv2d)

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1,
                 groups=1, bias=True):
        self.groups = integer("groups", groups, 1)
        self.in_channels = integer("in_channels", in_channels, 1)
        self.out_channels = integer("out_channels", out_channels, 1)
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"groups: expected a divisor of {in_channels} and {out_channels}, "
                             f"the channels, got {groups}")
        self.kernel_size, self.stride = pair("kernel_size", kernel_size), pair("stride", stride)
        self.padding, self.dilation = pair("padding", padding, 0), pair("dilation", dilation)
        shape = out_channels, in_channels // groups, *self.kernel_size
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = Parameter((2 * rand(*shape) - 1) * bound)
        self.bias = Parameter((2 * rand(out_channels) - 1) * bound) if bias else None

    def forward(self, x):
        label = f"Conv2d {self.in_channels} -> {self.out_channels}"
        _check_fit(self, label, x, self.in_channels, self.dilation)
        return self.function(x, self.weight, self.bias, self.stride, self.padding,
                             self.dilation, self.groups)

    def extra_repr(self):
        usual = {"kernel_size": 0, "stride": 0, "padding": (0, 0), "dilation": (1, 1), "groups": 1}
        odd = "".join(f", {n}={vars(self)[n]}" for n in usual if vars(self)[n] != usual[n])
        return f"{self.in_channels}, {self.out_channels}{odd}{', bias=False' * (self.bias is None)}"


def _check_fit(module, label, x, channels="C", dilation=(1, 1)):
    """Raise ShapeError unless x is (N, channels, H, W) and a window of module fits on it."""
    kernel, padding = pair("kernel_size", module.kernel_size), pair("padding", module.padding, 0)
    h, w = (max(d * (k - 1) + 1 - 2 * p, 1) for k, p, d in zip(kernel, padding, dilation))
    if x.ndim != 4 or channels not in ("C", x.shape[1]) or x.shape[2] < h or x.shape[3] < w:
        raise ShapeError(module, label, x.shape, f"(N, {channels}, H >= {h}, W >= {w})")


def _pooling(input, kernel_size, stride, padding, copies=False):
    """The pixels in each window of each channel of input (N, C, H, W): (kh·kw, N·C, h, w). Padding
    is zeros, or copies of the nearest pixels; stride is by default kernel_size."""
    kernel, padding = pair("kernel_size", kernel_size), pair("padding", padding, 0)
    stride = kernel if stride is None else pair("stride", stride)
    if any(2 * p > k for k, p in zip(kernel, padding)):
        raise ValueError(f"padding: expected at most half of kernel_size {kernel}, got {padding}")
    if copies and any(padding):
        i, j = (np.arange(-p, n + p).clip(0, n - 1) for n, p in zip(input.shape[2:], padding))
        input, padding = input[:, :, i[:, None], j], (0, 0)
    n, c, h, w = input.shape
    return columns(input.reshape(n * c, 1, h, w), kernel, stride, padding)


def max_pool2d(input, kernel_size, stride=None, padding=0):
    """The largest number in each window of input (N, C, H, W): (N, C, h, w), sizes as in conv2d.

    Of equal ones the first, row by row, gets the gradient; nan counts as the largest. stride is by
    default kernel_size; padding, at most half of it, adds nothing that could win."""
    seen = _pooling(input, kernel_size, stride, padding, copies=True)
    return seen.max(0).values.reshape(*input.shape[:2], *seen.shape[2:])


def avg_pool2d(input, kernel_size, stride=None, padding=0):
    """The mean of each window of input (N, C, H, W); options as in max_pool2d, padding is zeros."""
    seen = _pooling(input, kernel_size, stride, padding)
    return seen.mean(0).reshape(*input.shape[:2], *seen.shape[2:])


class _Pool2d(Module):
    """A pooling as a module: a subclass names its function."""

    def __init__(self, kernel_size, stride=None, padding=0):
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride

    def forward(self, x):
        _check_fit(self, type(self).__name__, x)
        return self.function(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool2d(_Pool2d):
    """max_pool2d as a module. Raises ShapeError for images that no window fits on."""
    function = staticmethod(max_pool2d)


class AvgPool2d(_Pool2d):
    """avg_pool2d as a module. Raises errors as MaxPool2d does."""
    function = staticmethod(avg_pool2d)
