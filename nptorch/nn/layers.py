"""Layers: Linear, the activations and what changes a shape (notebooks/03_module.ipynb)."""

import numpy as np

from nptorch.autograd import op
from nptorch.checks import integer
from nptorch.creation import rand
from nptorch.nn.module import Module, Parameter, ShapeError
from nptorch.ops import matmul, relu, sigmoid, tanh
from nptorch.shapes import flatten


def _times(matrix, x):
    """matrix (m, n) times each row of x (..., n), as one product of matrices: (..., m)."""
    if x.ndim == 2:  # this way round it takes less time
        return np.dot(matrix, x.T).T
    return np.dot(x.reshape(-1, x.shape[-1]), matrix.T).reshape(*x.shape[:-1], len(matrix))


@op
def _affine(x, weight, bias, /):
    flat = lambda a: a if a.ndim == 2 else a.reshape(-1, a.shape[-1])
    try:
        rows, value = flat(x), _times(weight, x)
        value += bias  # in place: one array less
    except (ValueError, IndexError):
        raise ValueError(f"linear: expected shapes (..., in), (out, in) and (out,), got "
                         f"{x.shape}, {weight.shape} and {bias.shape}") from None
    return (value, lambda g: _times(weight.T, g),
            lambda g: np.dot(flat(g).T, rows), lambda g: g)


def linear(input, weight, bias=None):
    """input (..., in) @ weight (out, in).T + bias (out,): (..., out). ValueError for misfits."""
    return matmul(input, weight.T) if bias is None else _affine(input, weight, bias)


class Linear(Module):
    """linear with its own weight (out_features, in_features) and bias (out_features,), drawn evenly
    from ±1/sqrt(in_features). Raises TypeError, ValueError or ShapeError for misfits."""

    def __init__(self, in_features, out_features, bias=True):
        self.in_features = integer("in_features", in_features, 1)
        self.out_features = integer("out_features", out_features, 1)
        bound = self.in_features**-0.5
        self.weight = Parameter((2 * rand(out_features, in_features) - 1) * bound)
        self.bias = Parameter((2 * rand(out_features) - 1) * bound) if bias else None

    def forward(self, x):
        try:
            return linear(x, self.weight, self.bias)
        except ValueError:  # asked afterwards, so that a layer that fits pays nothing
            if np.shape(x)[-1:] == self.weight.shape[1:]:
                raise  # not the input's fault
            label = f"Linear {self.in_features} -> {self.out_features}"
            raise ShapeError(self, label, np.shape(x), f"(..., {self.weight.shape[1]})") from None

    def extra_repr(self):
        return (f"in_features={self.in_features}, out_features={self.out_features}, "
                f"bias={self.bias is not None}")


class ReLU(Module):
    """relu as a module."""
    forward = staticmethod(relu)


class Tanh(Module):
    """tanh as a module."""
    forward = staticmethod(tanh)


class Sigmoid(Module):
    """sigmoid as a module."""
    forward = staticmethod(sigmoid)


class Identity(Module):
    """The input itself."""

    def forward(self, x):
        return x


class Flatten(Module):
    """flatten as a module; the first dimension, the batch, stays."""

    def __init__(self, start_dim=1, end_dim=-1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x):
        return flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
