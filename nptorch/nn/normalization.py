"""BatchNorm and LayerNorm, one formula over different axes (notebooks/12_normalization.ipynb)."""

import math

import numpy as np

from nptorch.autograd import op, total
from nptorch.checks import integer, integers, number
from nptorch.creation import int64, ones, zeros
from nptorch.nn.module import Module, Parameter, ShapeError


def _sum(a, axes, b=None):
    """The sum of a, or of a · b, over axes, which stay with length 1. What is long is summed in
    pieces, so that no float32 grows too large."""
    if a.ndim > 2:
        return total(a if b is None else a * b, axes, True)
    if axes == (1,):
        return np.vecdot(a, np.ones(a.shape[1], a.dtype) if b is None else b)[:, None]
    if len(a) > 256:
        pieces = [slice(i, i + 256) for i in range(0, len(a), 256)]
        sums = [_sum(a[s], axes, b if b is None else b[s]) for s in pieces]
        return total(np.concatenate(sums), 0, True)
    return (np.add.reduce(a, 0) if b is None else np.einsum("ij,ij->j", a, b))[None]


def _affine(input, size, weight, bias):
    """weight and bias, 1 and 0 where there is none. Raises ValueError unless all fit."""
    if not size or input.dtype.kind != "f":
        raise ValueError(f"input: expected floats (N, C, ...), got {input.dtype} {input.shape}")
    weight = ones(*size, dtype=input.dtype) if weight is None else weight
    bias = zeros(*size, dtype=input.dtype) if bias is None else bias
    if weight.shape != size or bias.shape != size:
        raise ValueError(f"expected weight and bias {size}, got {weight.shape} and {bias.shape}")
    return weight, bias


@op
def _normalize(x, weight, bias, /, view, axes, eps, note=None):
    """x, seen as view (N, C, ...), minus its mean over axes, divided by its standard deviation
    there, times weight (C,), plus bias (C,). note is told the mean and the variance."""
    shape, x = x.shape, x.reshape(view)
    n, others = math.prod(x.shape[i] for i in axes), (0, *range(2, x.ndim))
    weight, bias = (p.reshape(-1, *[1] * (x.ndim - 2)) for p in (weight, bias))
    mean = _sum(x, axes) / n
    normal = x - mean
    var = _sum(normal, axes, normal) / n
    if note:
        note(mean, var)
    scale = 1 / np.sqrt(var + eps)
    normal *= scale
    value = normal * weight
    value += bias

    def back(g):
        g = g.reshape(view) * weight
        shared = normal * (_sum(g, axes, normal) / n)
        shared += _sum(g, axes) / n
        g -= shared
        g *= scale
        return g.reshape(shape)

    def down(g, *factor):
        return _sum(g.reshape(view), others, *factor).reshape(-1)

    return value.reshape(shape), back, lambda g: down(g, normal), down


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False,
               momentum=0.1, eps=1e-5):
    """input (N, C, ...) with mean 0 and variance 1 in each of C features, times weight (C,), plus
    bias (C,). While training, mean and variance are the batch's, and the running ones (C,) move
    towards them by the share momentum; otherwise they are the running ones. ValueError for sizes
    that do not fit, and for less than two numbers a feature while training. Source: Ioffe and
    Szegedy (2015)."""
    weight, bias = _affine(input, input.shape[1:2], weight, bias)
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("running_mean, running_var: expected Tensors unless training")
        column = -1, *[1] * (input.ndim - 2)
        scale = weight / (running_var + eps).sqrt()
        shift = bias - running_mean.clone() * scale  # a copy: training goes on to move the mean
        return input * scale.reshape(column) + shift.reshape(column)
    axes = 0, *range(2, input.ndim)
    n = math.prod(input.shape[i] for i in axes)
    if n < 2:
        raise ValueError("input: expected two numbers a feature while training, got "
                         f"{input.shape}: use drop_last=True in the loader, or eval()")

    def note(mean, var):
        for running, new in (running_mean, mean), (running_var, var * (n / (n - 1))):
            if running is not None:  # no graph holds its array, so backward need not hear of it
                running.data[:] = (1 - momentum) * running.data + momentum * new.reshape(-1)

    return _normalize(input, weight, bias, input.shape, axes, eps, note)


class _BatchNorm(Module):
    """batch_norm with its own weight and bias (C,), which begin as 1 and 0, and with the running
    mean and variance as buffers. momentum=None: the running ones are the mean of all batches."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True,
                 track_running_stats=True, *, bias=True):
        self.num_features, self.eps = integer("num_features", num_features, 1), number("eps", eps)
        self.momentum = momentum if momentum is None else number("momentum", momentum)
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(ones(num_features)) if affine else None
        self.bias = Parameter(zeros(num_features)) if affine and bias else None
        for name, value in (("running_mean", zeros(num_features)),
                            ("running_var", ones(num_features)),
                            ("num_batches_tracked", zeros(dtype=int64))):
            self.register_buffer(name, value if track_running_stats else None)

    def forward(self, x):
        if x.ndim not in self.dims or x.shape[1] != self.num_features:
            label, expected = f"{type(self).__name__} {self.num_features}", self.expected
            raise ShapeError(self, label, x.shape, expected.format(self.num_features))
        training, momentum = self.training or self.running_mean is None, self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.data[...] += 1
            momentum = 1 / self.num_batches_tracked.item() if momentum is None else momentum
        return batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias,
                          training, momentum, self.eps)

    def extra_repr(self):
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
                f"affine={self.affine}, bias={self.bias is not None}, "
                f"track_running_stats={self.track_running_stats}")


class BatchNorm1d(_BatchNorm):
    """BatchNorm for (N, C) or (N, C, L). Raises ShapeError for another input."""
    dims, expected = (2, 3), "(N, {0}) or (N, {0}, L)"


class BatchNorm2d(_BatchNorm):
    """BatchNorm for images (N, C, H, W). Raises ShapeError for another input."""
    dims, expected = (4,), "(N, {0}, H, W)"


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """input (..., *normalized_shape) with mean 0 and variance 1 over these dimensions, times
    weight, plus bias, both of normalized_shape. Raises ValueError for sizes that do not fit.
    Source: Ba, Kiros and Hinton (2016)."""
    size = integers("normalized_shape", (normalized_shape,))
    if not size or input.shape[-len(size):] != size:
        raise ValueError(f"input: expected (..., {', '.join(map(str, size))}), got {input.shape}")
    n, (weight, bias) = math.prod(size), _affine(input, size, weight, bias)
    return _normalize(input, weight.reshape(n), bias.reshape(n), (-1, n), (1,), eps)


class LayerNorm(Module):
    """layer_norm with weight and bias, 1 and 0 at first. Raises ShapeError for a misfit."""

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True):
        size = integers("normalized_shape", (normalized_shape,))
        self.normalized_shape = tuple(integer("normalized_shape", n, 1) for n in size)
        self.eps, self.elementwise_affine = number("eps", eps), elementwise_affine
        self.weight = Parameter(ones(*size)) if elementwise_affine else None
        self.bias = Parameter(zeros(*size)) if elementwise_affine and bias else None

    def forward(self, x):
        size, tail = self.normalized_shape, ", ".join(map(str, self.normalized_shape))
        if x.shape[-len(size):] != size:
            raise ShapeError(self, f"LayerNorm ({tail})", x.shape, f"(..., {tail})")
        return layer_norm(x, size, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (f"{self.normalized_shape}, eps={self.eps}, elementwise_affine="
                f"{self.elementwise_affine}, bias={self.bias is not None}")
