"""Selecting, ordering, testing, drawing (notebooks/18_names.ipynb)."""

import math

import numpy as np

import nptorch as torch
from nptorch import creation
from nptorch.attributes import owner
from nptorch.autograd import Tensor
from nptorch.bridge.devices import to
from nptorch.bridge.words import at_device, fuller, plain, rows
from nptorch.checks import axis, dimension, integer, integers
from nptorch.ops import ValuesAndIndices


def entries(input, dim, index):
    """The entries of input at index, which may be a slice, along dim."""
    return input[(slice(None),) * dimension(dim, input.ndim) + (index,)] if input.ndim else input


def placed(f):
    """f of arrays, which moves, repeats, leaves out elements, or sets them to 0, for Tensors."""
    places = lambda x, *args, **options: f(
        np.arange(1, x.data.size + 1).reshape(x.shape), *args, **options)
    return lambda input, *args, **options: torch.cat(
        [torch.zeros(1, dtype=input.dtype), input.flatten()])[places(input, *args, **options)]


def _along(input, dim, index):
    """What input[...] takes for the elements that index, of as many dimensions, names along dim."""
    index, dim = np.asarray(index), dimension(dim, input.ndim)
    n = input.shape[dim] if input.ndim else 0
    if index.ndim != input.ndim or ((index < 0) | (index >= n)).any():
        raise ValueError(f"index: expected {input.ndim or 1} dimensions, 0 to {n - 1}, "
                         f"got {index}")
    places = list(np.indices(index.shape, sparse=True))
    places[dim] = index
    return tuple(places)


def gather(input, dim, index):
    """The elements of input that index, a Tensor of as many dimensions, names along dim."""
    if not input.ndim and dimension(dim, 0) == 0:
        return input.expand(*index.shape)
    return input[_along(input, dim, index)]


def argsort(input, dim=-1, descending=False):
    """The indices that put input in order along dim; equal elements keep their order."""
    a, dim = np.atleast_1d(input.data), dimension(dim, input.ndim)
    a = np.flip(a, dim) if descending else a  # from behind, for the sake of equal elements
    order = np.argsort(a, dim, kind="stable")
    order = a.shape[dim] - 1 - np.flip(order, dim) if descending else order
    return Tensor(order.reshape(input.shape))


def topk(input, k, dim=-1, largest=True, sorted=True):
    """(values, indices) of the k largest elements along dim, or of the smallest, in order."""
    n = input.size(dim) if input.ndim else 1
    if k is not None and not 0 <= k <= n:
        raise ValueError(f"k: expected 0 to {n}, got {k}")
    indices = entries(argsort(input, dim, largest), dim, slice(k))
    return ValuesAndIndices(gather(input, dim, indices), indices)


def split(tensor, split_size_or_sections, dim=0):
    """Parts of this length along dim, or of these lengths, as a tuple."""
    sizes, n = split_size_or_sections, tensor.size(dim)
    if not isinstance(sizes, (list, tuple)):
        sizes = [min(sizes, n - i) for i in range(0, n, integer("split_size", sizes, 1))] or [0]
    if sum(sizes) != n or min(sizes) < 0:
        raise ValueError(f"split: expected lengths that add up to {n}, got {sizes}")
    ends = np.cumsum(sizes).tolist()
    return tuple(entries(tensor, dim, slice(end - k, end)) for end, k in zip(ends, sizes))


def scatter_(self, dim, index, src=None, value=None):
    """The way back: gather's elements become those in front in src, or all become value."""
    src = value if src is None else src
    self[_along(self, dim, index)] = (
        src[tuple(map(slice, index.shape))] if isinstance(src, Tensor) and src.ndim else src)
    return self


def meshgrid(*tensors, indexing="ij"):
    """The coordinates of a grid, a Tensor for each of its axes."""
    tensors = tensors[0] if isinstance(tensors[0], (list, tuple)) else tensors
    places = np.meshgrid(*(np.arange(t.numel()) for t in tensors), indexing=indexing)
    return tuple(t.flatten()[place] for t, place in zip(tensors, places))


def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The different elements in order, the index of each element, and how often each occurs."""
    found = np.unique(input.data, False, return_inverse, return_counts, dim, equal_nan=False)
    return tuple(map(Tensor, found)) if isinstance(found, tuple) else Tensor(found)


fuller(torch.where)(lambda condition: tuple(
    map(Tensor, np.nonzero(np.atleast_1d(condition.data)))))
fuller(torch.cat)(lambda tensors, dim=0: plain(torch.cat)(  # of which any may be empty
    tensors if isinstance(tensors, Tensor) else [x for x in tensors if x.shape != (0,)], dim))
rows({
    "scatter": lambda input, *args, **given: input.clone().scatter_(*args, **given),
    "gather": gather, "argsort": argsort, "topk": topk, "split": split, "unique": unique,
    "sort": lambda input, dim=-1, descending=False: topk(input, None, dim, descending),
    "index_select": lambda input, dim, index: entries(input, dim, np.atleast_1d(index)),
    "masked_fill": lambda input, mask, value: torch.where(  # + 0 refuses None and lists
        mask, torch.as_tensor(value + 0, dtype=input.dtype), input),
    "chunk": lambda input, chunks, dim=0: split(input, math.ceil(
        input.size(dim) / integer("chunks", chunks, 1)) or [0] * chunks, dim),
    "unbind": lambda input, dim=0: tuple(entries(input, dim, i) for i in range(input.size(dim))),
    "nonzero": lambda input, as_tuple=False: (
        torch.where(input) if as_tuple else Tensor(np.argwhere(input.data))),
    "t": lambda input: input.permute(*((), (0,), (1, 0))[min(input.ndim, 2)])}, "", Tensor)

_lower = lambda a, k: np.tri(*(a.shape[dimension(d, a.ndim)] for d in (-2, -1)), k, int)
_given = lambda args, one: integers("dims", args if one is None else (one,))
rows({name: placed(f) for name, f in {
    "diag": lambda a, diagonal=0: np.diag(a, diagonal),
    "repeat_interleave": lambda a, repeats, dim=None: np.repeat(a, repeats, dim),
    "roll": lambda a, shifts, dims=(): np.roll(a, shifts, None if dims == () else dims),
    "tile": lambda a, *args, dims=None: np.tile(a, _given(args, dims)),
    "flip": lambda a, *args, dims=None: np.flip(a, _given(args, dims) if a.ndim else ()),
    "tril": lambda a, diagonal=0: a * _lower(a, diagonal),
    "triu": lambda a, diagonal=0: a * (1 - _lower(a, diagonal - 1))}.items()}, "", Tensor)
rows({"scatter_": scatter_, "repeat": lambda input, *sizes: torch.tile(
    input, s := integers("sizes", sizes)).permute(*range(len(s)))}, Tensor)  # refuses too few sizes

rows({f.__name__: lambda input, dim=None, keepdim=False, f=f: Tensor(np.asarray(
    f(input.data, dim if dim == () else axis(dim, input.ndim), keepdims=keepdim),
    np.uint8 if input.dtype == np.uint8 else bool)) for f in (np.all, np.any)} | {
    "isclose": lambda input, other, rtol=1e-5, atol=1e-8, equal_nan=False: Tensor(np.asarray(
        np.isclose(input.data, other.data, rtol, atol, equal_nan))),
    "allclose": lambda *args, **options: torch.isclose(*args, **options).all().item(),
    "equal": lambda input, other: bool(np.array_equal(input.data, other.data)),
    "histogram": lambda input, bins=100, range=None, weight=None, density=False: tuple(
        Tensor(x.astype(input.dtype)) for x in np.histogram(
            input.data, np.asarray(bins), range, density, weight))}, "", Tensor)


class Generator(np.random.Generator):
    """A source of random numbers of its own, for generator=."""

    def __init__(self, device="cpu"):
        at_device(None, device)
        super().__init__(np.random.PCG64(67280421310721))  # the seed of PyTorch's, until another

    def manual_seed(self, seed):
        """Start over: the same seed, the same numbers."""
        self.bit_generator.state = np.random.PCG64(integer("seed", seed)).state
        return self


def multinomial(input, num_samples, replacement=False):
    """num_samples indices into each row of input, drawn with these weights."""
    draw = lambda row: creation._rng().choice(len(row), num_samples, replacement, row / row.sum())
    weights = np.asarray(input, np.float64)
    if not (weights >= 0).all():
        raise ValueError(f"input: expected weights, none below 0, got {weights.min()}")
    return Tensor(np.apply_along_axis(draw, -1, weights).astype(np.int64))


def bernoulli(input):
    """A 1 with each of these probabilities, else a 0."""
    if input.dtype.kind != "f" or not ((input.data >= 0) & (input.data <= 1)).all():
        raise ValueError(f"input: expected floats from 0 to 1, got {input}")
    return Tensor((creation._rng().random(input.shape) < input.data).astype(input.dtype))


rows({"normal_": lambda self, mean=0.0, std=1.0: self.copy_(
          Tensor(creation._rng().normal(mean, std, self.shape))),
      "random_": lambda self, low, high=None: self.copy_(torch.randint(low, high, self.shape)),
      "uniform_": lambda self, low=0.0, high=1.0: self.copy_(
          Tensor(creation._rng().uniform(low, high, self.shape)))}, Tensor)
rows({"Generator": Generator, "normal": lambda mean=0.0, std=1.0, size=None: (
    mean + std * creation.randn(np.broadcast_shapes(np.shape(mean), np.shape(std))
                                if size is None else size))}, "")
rows({"multinomial": multinomial, "bernoulli": bernoulli}, "", Tensor)

rows({"type_as": lambda self, other: self.to(other.dtype),
      "storage": lambda self: owner(self.data).ravel("K"),  # all numbers of the memory, in order
      "storage_offset": lambda self: (self.data_ptr() - owner(self.data).ctypes.data)
      // self.data.itemsize,
      **{f"{name}_as": lambda self, other, name=name: getattr(self, name)(*other.shape)
         for name in ("expand", "reshape", "view")},
      **{f"new_{name}": lambda self, *args, name=name, **options: getattr(torch, name)(
          *args, **{"dtype": self.dtype} | options)
         for name in "empty full ones tensor zeros".split()}}, Tensor)
rows({"concat": torch.cat, "meshgrid": meshgrid, "from_numpy": lambda ndarray: Tensor(ndarray),
      "as_tensor": lambda data, dtype=None: (
          to(data if isinstance(data, Tensor) else Tensor(data), dtype=dtype)
          if isinstance(data, (Tensor, np.ndarray)) else torch.tensor(data, dtype)),
      "empty": creation.zeros, "empty_like": creation.zeros_like,  # PyTorch: what memory held
      "range": lambda start, end, step=1, dtype=np.float32: Tensor((start + step * creation.arange(
          math.floor((end - start) / step) + 1).data).astype(dtype))}, "")  # its end is included
