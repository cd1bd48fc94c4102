"""Shapes and indexing (notebooks/02_operations.ipynb)."""

import functools
import math

import numpy as np

from nptorch.autograd import Tensor, op
from nptorch.checks import dimension, integers
from nptorch.inplace import check_inplace


@op
def reshape(a, /, *shape):
    """The elements in another shape, of which -1 is worked out; shared if possible, else copied."""
    before, shape = a.shape, integers("shape", shape)
    if any(n < -1 for n in shape):
        raise ValueError(f"shape: expected lengths, one of which may be -1, got {shape}")
    return a.reshape(shape), lambda g: g.reshape(before)


@op
def permute(a, /, *dims):
    """The dimensions in the order dims. Raises ValueError unless each is there once."""
    dims = integers("dims", dims)
    try:
        value = a.transpose(dims)
    except ValueError:
        raise ValueError(f"dims: expected each of the {a.ndim} dimensions once, "
                         f"got {dims}") from None
    return value, lambda g: g.transpose(np.argsort([d % g.ndim for d in dims]))


Tensor.reshape, Tensor.view, Tensor.permute = reshape, reshape, permute
Tensor.T = property(lambda self: permute(self, *reversed(range(self.ndim))))


@op
def _getitem(a, /, key):
    value, shape = a[key], a.shape
    sliced = np.may_share_memory(value, a)  # then no element was taken twice

    def back(g):
        spread = np.zeros(shape, np.promote_types(g.dtype, np.float32))  # halves are added up
        if sliced:
            spread[key] = g
        else:
            np.add.at(spread, key, g)
        return spread

    return value, back


def flatten(input, start_dim=0, end_dim=-1):
    """The dimensions from start_dim to end_dim, both included, made one. Raises IndexError for
    a dimension that is not there, ValueError if the two are in the wrong order."""
    shape, n = input.shape, input.ndim
    start, end = dimension(start_dim, n, "start_dim"), dimension(end_dim, n, "end_dim")
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return reshape(input, *shape[:start], math.prod(shape[start:end + 1]), *shape[end + 1:])


@op
def transpose(a, /, dim0, dim1):
    """Two dimensions exchanged."""
    dim0, dim1 = dimension(dim0, a.ndim, "dim0"), dimension(dim1, a.ndim, "dim1")
    exchange = lambda x: x.swapaxes(dim0, dim1) if x.ndim else x
    return exchange(a), exchange


@op
def squeeze(a, /, dim=None):
    """Without the dimensions of length 1, or without dim (an int, a tuple) where it has."""
    shape, n = a.shape, a.ndim
    dims = range(n) if dim is None else dim if isinstance(dim, (tuple, list)) else (dim,)
    dims = [dimension(d, n) for d in dims]
    return a.squeeze(tuple(d for d in dims if shape[d:d + 1] == (1,))), lambda g: g.reshape(shape)


@op
def unsqueeze(a, /, dim):
    """With a new dimension of length 1 at dim."""
    return np.expand_dims(a, dimension(dim, a.ndim + 1)), lambda g: g.squeeze(dim)


@op
def expand(a, /, *size):
    """Dimensions of length 1 stretched to size, without a copy; -1 keeps a length. The result
    can't be written to. Raises ValueError for a size that a can't be stretched to."""
    size = integers("size", size)
    kept = (-1,) * (len(size) - a.ndim) + a.shape
    try:
        value = np.broadcast_to(a, [k if n == -1 else n for n, k in zip(size, kept)])
    except ValueError:
        raise ValueError(f"size: expected one that {a.shape} stretches to, got {size}") from None
    return value, lambda g: g


@op
def _cat(*arrays, dim):
    value = np.concatenate(arrays, dim)
    ends = np.cumsum([0, *(a.shape[dim] for a in arrays)])
    return value, *(lambda g, i=i: np.split(g, ends[i:i + 2], dim)[1] for i in range(len(arrays)))


def cat(tensors, dim=0):
    """The tensors, a list of them, one after another along dim."""
    if isinstance(tensors, Tensor):
        raise TypeError("tensors: expected a list of Tensors, got one Tensor: write [a, b]")
    return _cat(*tensors, dim=dim)


def stack(tensors, dim=0):
    """The tensors, all of one shape, side by side along a new dimension at dim."""
    return cat(tensors if hasattr(tensors, "grad") else [unsqueeze(t, dim) for t in tensors], dim)


Tensor.flatten, Tensor.transpose, Tensor.expand = flatten, transpose, expand
Tensor.squeeze, Tensor.unsqueeze = squeeze, unsqueeze


def _split_key(key, ndim):
    """One index, or two to take one after the other, that do what PyTorch does with key: where
    integers stand beside lists, the integers first, then the rest of what they leave."""
    parts, left = [], ndim
    for k in key if isinstance(key, tuple) else (key,):
        if isinstance(k, Tensor):  # a copy, which nobody changes
            k = k.data.astype(bool if k.dtype == np.uint8 else k.dtype)
        array = np.asarray(k)  # of a slice, None or ...: an object, no dimensions
        is_int = array.ndim == 0 and array.dtype.kind in "iu"  # as an array it would make no view
        width = array.ndim if array.dtype.kind == "b" else int(k is not None and k is not ...)
        parts.append((int(array) if is_int else array if type(k) is list and k else k, width))
        left -= width
    whole = [(slice(None), 1)] * left  # what ... stands for
    parts = [part for k, n in parts for part in (whole if k is ... else [(k, n)])]
    keys = [k for k, _ in parts]
    rest = [k for k in keys if type(k) is not int]
    if len(rest) == len(keys) or not any(map(np.ndim, rest)):
        return [(*keys, ...)]  # with ... NumPy makes views, of a single element, too
    first = [part for k, n in parts for part in ([k] if type(k) is int else [slice(None)] * n)]
    return [tuple(first), tuple(rest)]


def _set(self, key, value):
    check_inplace(self, value)
    *first, last = _split_key(key, self.ndim)
    array = self.data[first[0]] if first else self.data
    array[last] = value.data if isinstance(value, Tensor) else value
    self.data = self.data  # an assignment, which 14_manners watches


Tensor.__getitem__ = lambda self, key: functools.reduce(_getitem, _split_key(key, self.ndim), self)
Tensor.__iter__, Tensor.__setitem__ = lambda self: (self[i] for i in range(len(self))), _set
