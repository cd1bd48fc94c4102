"""BatchNorm and LayerNorm, one formula over different axes (notebooks/12_normalization.ipynb)."""

import numpy as np

from nptorch.autograd import op
from nptorch.checks import integers, number
from nptorch.creation import int64, ones, zeros
from nptorch.nn.module import Module, Parameter, ShapeError


def _shaped(weight, bias, *size):
    return (plain if p is None else p.reshape(size) for p, plain in ((weight, 1.0), (bias, 0.0)))


@op
def _normalize(x, weight, bias, /, eps, stats):
    """x (..., m, n), each row minus its mean, divided by its standard deviation, times weight, plus
    bias. The means and the variances (..., m, 1) go into the list stats."""
    dtype, x = x.dtype, x.astype(np.promote_types(x.dtype, "f4"), copy=False)  # halves overflow
    n, one = x.shape[-1], np.ones(x.shape[-1], x.dtype)
    mean = lambda a, b: np.vecdot(a, b)[..., None] / n
    center = mean(x, one)
    x = x - center
    var = mean(x, x)
    stats[:] = center, var
    scale = 1 / np.sqrt(var + eps)
    slope = scale * weight
    value = x * slope
    value += bias

    def back(g):
        g = g * slope
        along = mean(g, x) * scale**2
        g -= mean(g, one)
        g -= x * along
        return g

    return (value.astype(dtype, copy=False), back,  # products with a row are fast sums
            lambda g: scale.mT @ (g * x) if np.ndim(weight) == 1 else n * mean(g, x) * scale,
            lambda g: np.ones_like(scale).mT @ g if np.ndim(bias) == 1 else n * mean(g, one))


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False,
               momentum=0.1, eps=1e-5):
    """Each of C features of input (N, C, ...) minus its mean, divided by its standard deviation,
    times weight (C,), plus bias (C,). In training these are the batch's, and the running mean and
    variance (C,) follow by the share momentum; otherwise they are taken. Raises ValueError for one
    number a feature in training. Source: Ioffe and Szegedy (2015)."""
    x, stats = input.transpose(0, 1).flatten(1), []
    c, n = x.shape
    weight, bias = _shaped(weight, bias, c, 1)
    if not training:
        scale = weight / (running_var.reshape(c, 1) + eps).sqrt()
        value = (x - running_mean.reshape(c, 1)) * scale + bias
    elif n > 1:
        value = _normalize(x, weight, bias, eps, stats)
    else:
        raise ValueError("input: expected two numbers a feature while training, got "
                         f"{input.shape}: use drop_last=True in the loader, or eval()")
    if training and running_mean is not None:  # no graph holds them, so none hears of [:]
        running_mean.data[:] += momentum * (stats[0][:, 0] - running_mean.data)
        running_var.data[:] += momentum * (stats[1][:, 0] * n / (n - 1) - running_var.data)
    return value.reshape(c, input.shape[0], *input.shape[2:]).transpose(0, 1)


class _BatchNorm(Module):
    """batch_norm with its own weight, bias and running ones (momentum=None: of all batches)."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True):
        self.num_features, self.eps, self.momentum = num_features, number("eps", eps), momentum
        self.weight = Parameter(ones(num_features)) if affine else None
        self.bias = Parameter(zeros(num_features)) if affine else None
        self.register_buffer("running_mean", zeros(num_features))
        self.register_buffer("running_var", ones(num_features))
        self.register_buffer("num_batches_tracked", zeros(dtype=int64))

    def forward(self, x):
        if x.ndim not in self.dims or x.shape[1] != self.num_features:
            form = self.form.replace("C", str(self.num_features))
            raise ShapeError(self, f"{type(self).__name__} {self.num_features}", x.shape, form)
        self.num_batches_tracked.data[...] += int(self.training)
        by = 1 / (self.num_batches_tracked.item() or 1) if self.momentum is None else self.momentum
        return batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias,
                          self.training, by, self.eps)

    def extra_repr(self):
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class BatchNorm1d(_BatchNorm):
    """BatchNorm for (N, C) or (N, C, L). Raises ShapeError for another input."""
    dims, form = (2, 3), "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """BatchNorm for images (N, C, H, W). Raises ShapeError for another input."""
    dims, form = (4,), "(N, C, H, W)"


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """input (..., *normalized_shape), normalized over these dimensions, times weight, plus bias, of
    that shape. Raises ValueError for a misfit. Source: Ba, Kiros and Hinton (2016)."""
    size = integers("normalized_shape", (normalized_shape,))
    if not size or input.shape[-len(size):] != size:
        raise ValueError(f"input: expected (..., {str([*size])[1:-1]}), got {input.shape}")
    n = np.prod(size)
    return _normalize(input.reshape(-1, n), *_shaped(weight, bias, n), eps, []).reshape(input.shape)


class LayerNorm(Module):
    """layer_norm with a weight and a bias of its own, 1 and 0 at first."""

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True):
        self.normalized_shape = size = integers("normalized_shape", (normalized_shape,))
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(ones(*size)) if elementwise_affine else None
        self.bias = Parameter(zeros(*size)) if elementwise_affine and bias else None

    def forward(self, x):
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}"
