"""Selecting, ordering, linear algebra, drawing, files (notebooks/18_names.ipynb)."""

import functools
import io
import json
import math
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np

import nptorch as torch
from nptorch import creation, nn
from nptorch.attributes import owner
from nptorch.autograd import Tensor, op
from nptorch.bridge.devices import to
from nptorch.bridge.words import at_device, fuller, plain, rows
from nptorch.checks import axis, dimension, integer, integers, number
from nptorch.ops import ValuesAndIndices, floats
from nptorch.serialization import replace


def entries(input, dim, index):
    """The entries of input at index, which may be a slice, along dim."""
    return input[(slice(None),) * dimension(dim, input.ndim) + (index,)] if input.ndim else input


def _placed(f):
    """f of arrays, which moves, repeats, leaves out elements, or sets them to 0, for Tensors."""
    places = lambda x, *args, **options: f(
        np.arange(1, x.data.size + 1).reshape(x.shape), *args, **options)
    return lambda input, *args, **options: torch.cat(
        [torch.zeros(1, dtype=input.dtype), input.flatten()])[places(input, *args, **options)]


def _along(input, dim, index):
    """What input[...] takes for the elements that index, of as many dimensions, names along dim."""
    index, dim = np.asarray(index), dimension(dim, input.ndim)
    if not index.ndim == input.ndim > 0 or (index < 0).any():
        raise ValueError(f"index: expected {input.ndim or 1} dimensions, none below 0, got {index}")
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
    "masked_fill": lambda input, mask, value: torch.where(mask, value, input).to(input.dtype),
    "chunk": lambda input, chunks, dim=0: split(input, math.ceil(
        input.size(dim) / integer("chunks", chunks, 1)) or [0] * chunks, dim),
    "unbind": lambda input, dim=0: tuple(entries(input, dim, i) for i in range(input.size(dim))),
    "nonzero": lambda input, as_tuple=False: (
        torch.where(input) if as_tuple else Tensor(np.argwhere(input.data))),
    "t": lambda input: input.permute(*((), (0,), (1, 0))[min(input.ndim, 2)])}, "", Tensor)

_lower = lambda a, k: np.tri(*(a.shape[dimension(d, a.ndim)] for d in (-2, -1)), k, int)
_given = lambda args, one: integers("dims", args if one is None else (one,))
rows({name: _placed(f) for name, f in {
    "diag": lambda a, diagonal=0: np.diag(a, diagonal),
    "repeat_interleave": lambda a, repeats, dim=None: np.repeat(a, repeats, dim),
    "roll": lambda a, shifts, dims=(): np.roll(a, shifts, None if dims == () else dims),
    "tile": lambda a, *args, dims=None: np.tile(a, _given(args, dims)),
    "flip": lambda a, *args, dims=None: np.flip(a, _given(args, dims) if a.ndim else ()),
    "tril": lambda a, diagonal=0: a * _lower(a, diagonal),
    "triu": lambda a, diagonal=0: a * (1 - _lower(a, diagonal - 1))}.items()}, "", Tensor)
rows({"scatter_": scatter_, "repeat": lambda input, *sizes: torch.tile(
    input, s := integers("sizes", sizes)).permute(*range(len(s)))}, Tensor)  # refuses too few sizes


@op
def _einsum(*arrays, inputs, output):  # here "~" stands for "..."
    every, dtype = "".join([output, *inputs]), arrays[0].dtype

    def product(parts, factors, output):
        if any(every.count(letter) == 1 for letter in every):  # a sum, which may be long
            factors = [a.astype(np.float64 if dtype.kind == "f" else np.int64) for a in factors]
        equation = f"{','.join(parts)}->{output}".replace("~", "...")
        return np.einsum(equation, *factors, optimize=True)

    def back(g, i):
        parts, factors, own = [output, *inputs], [g, *arrays], inputs[i]
        parts[i + 1], factors[i + 1] = own, np.ones_like(arrays[i])
        return product(parts, factors, own if "~" in own or "~" not in every else "~" + own)

    value = product(inputs, arrays, output)
    return value.astype(dtype, copy=False) if dtype.kind == "f" else value, *(
        functools.partial(back, i=i) for i in range(len(arrays)))


def einsum(equation, *operands):
    """Products of elements, a letter for each dimension ("ij,jk->ik"), summed over letters that
    the output lacks; "..." are any dimensions, broadcast. Without "->" the output has the letters
    that stand once. Raises ValueError where letters and shapes don't fit."""
    operands = operands[0] if isinstance(operands[0], (list, tuple)) else operands
    left, arrow, output = equation.replace(" ", "").replace("...", "~").partition("->")
    once = [c for c in sorted(left) if c.isalpha() and left.count(c) == 1]
    parts = left.split(",")
    if len(parts) != len(operands):
        raise ValueError(f"einsum: expected {len(parts)} operands, got {len(operands)}")
    inputs = ["".join(dict.fromkeys(part)) for part in parts]  # of "ii" the diagonal, "i"
    operands = [x if part == own else _placed(lambda a, way=f"{part}->{own}": np.einsum(
        way.replace("~", "..."), a))(x) for part, own, x in zip(parts, inputs, operands)]
    return _einsum(*operands, inputs=inputs, output=output if arrow else "".join(
        ["~"] * ("~" in left) + once))


@op
def cumsum(a, /, dim):
    """The sum of all elements up to each along dim."""
    dim, a = dimension(dim, a.ndim), a if a.dtype.kind == "f" else a.astype(np.int64)
    return (np.cumsum(np.atleast_1d(a), dim, a.dtype).reshape(a.shape), lambda g: np.flip(
        np.cumsum(np.flip(np.atleast_1d(g), dim), dim), dim).reshape(g.shape))


@op
def prod(a, /, dim=None, keepdim=False):
    """The product over dim, or of all elements; each one's slope is the product of the others."""
    dim, a = axis(dim, a.ndim), a if a.dtype.kind == "f" else a.astype(np.int64)
    value, zero, full = a.prod(dim, keepdims=True), a == 0, np.where(a == 0, 1, a)
    return value if keepdim else value.squeeze(dim), lambda g: g.reshape(value.shape) * np.where(
        zero == zero.sum(dim, keepdims=True), full.prod(dim, keepdims=True) / full, 0)


def norm(input, p=2, dim=None, keepdim=False):
    """The length of input, or of its vectors along dim: the p-th root of the sum of |x|**p. p is a
    number, inf and -inf included, or "fro", which is 2; where the norm is 0, so is its slope."""
    if p in (math.inf, -math.inf):
        return (torch.amax if p > 0 else torch.amin)(abs(input), dim, keepdim)
    p = 2 if p in ("fro", None) else number("p", p, -math.inf)
    size, none = abs(input), 0.0 if p > 0 else math.inf  # what a 0 adds to the sum
    powers = torch.where(size == 0, none if p else 0.0, torch.where(size == 0, 1.0, size) ** p)
    total = torch.sum(powers, dim, keepdim)
    return torch.where(total == 0, 1.0, total) ** (1 / (p or 1)) * (total != 0)


rows({name: lambda input, other, m=m, n=n: torch.matmul(  # permute refuses other dimensions
    input.permute(*range(m)), other.permute(*range(n))) for name, (m, n) in {
        "mm": (2, 2), "mv": (2, 1), "dot": (1, 1), "bmm": (3, 3)}.items()} | {
    "outer": lambda input, vec2: einsum("i,j->ij", input, vec2),
    "cumsum": cumsum, "prod": prod, "norm": norm}, "", Tensor)


def cross(input, other, dim=None):
    """input × other, vectors of three coordinates along dim, which is the first dimension of length
    3 if it is None. Raises ValueError for other lengths."""
    dim = [*input.shape, 3].index(3) % max(input.ndim, 1) if dim is None else dim
    if input.ndim != other.ndim or (3, 3) != (input.size(dim), other.size(dim)):
        raise ValueError(f"cross: expected 3 coordinates along dimension {dim}, got shapes "
                         f"{input.shape} and {other.shape}")
    turned = lambda x, by: torch.roll(x, by, dim)
    return turned(input, -1) * turned(other, -2) - turned(input, -2) * turned(other, -1)


@op
def inverse(a, /):
    """The inverse of each matrix of a. Raises RuntimeError for one that has none."""
    value = np.linalg.inv(floats(a))
    turned = np.swapaxes(value, -1, -2)
    return value, lambda g: -turned @ g @ turned


def svd(A, full_matrices=True):
    """(U, S, Vh), with A = U · diag(S) · Vh and the largest of S in front; signs are LAPACK's.
    RuntimeError for what is recorded, since there is no way back, and for other than floats."""
    if A.dtype.kind != "f" or (A.requires_grad and torch.is_grad_enabled()):
        raise RuntimeError("svd: expected floats that don't require grad: use A.detach()")
    return namedtuple("svd", "U S Vh")(*map(Tensor, np.linalg.svd(A.data, full_matrices)))


rows({"cross": cross, "inverse": inverse, "svd": lambda input, some=True: namedtuple(
    "svd", "U S V")(*(found := svd(input, not some))[:2], found.Vh.transpose(-2, -1))}, "", Tensor)
rows({"cross": lambda input, other, dim=-1: cross(input, other, dim), "svd": svd,
      "inv": inverse, "norm": lambda A, ord=None, dim=None, keepdim=False: (
          norm if ord in (None, "fro") or (A.ndim if dim is None else np.size(dim)) == 1
          else torch.linalg.matrix_norm)(A, ord, dim, keepdim)}, "linalg")  # which is absent

rows({f.__name__: lambda input, dim=None, keepdim=False, f=f: Tensor(np.asarray(
    f(input.data, dim if dim == () else axis(dim, input.ndim), keepdims=keepdim),
    np.uint8 if input.dtype == np.uint8 else bool)) for f in (np.all, np.any)} | {
    "allclose": lambda input, other, rtol=1e-5, atol=1e-8, equal_nan=False: bool(
        np.allclose(input.data, other.data, rtol, atol, equal_nan)),
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


rows({"normal_": lambda self, mean=0.0, std=1.0: self.copy_(
          Tensor(creation._rng().normal(mean, std, self.shape))),
      "random_": lambda self, low, high=None: self.copy_(torch.randint(low, high, self.shape)),
      "uniform_": lambda self, low=0.0, high=1.0: self.copy_(
          Tensor(creation._rng().uniform(low, high, self.shape)))}, Tensor)
rows({"Generator": Generator, "normal": lambda mean=0.0, std=1.0, size=None: (
    mean + std * creation.randn(np.broadcast_shapes(np.shape(mean), np.shape(std))
                                if size is None else size))}, "")
rows({"multinomial": multinomial}, "", Tensor)

rows({"storage": lambda self: owner(self.data).ravel("K"),  # all numbers of the memory, in order
      "storage_offset": lambda self: (self.data_ptr() - owner(self.data).ctypes.data)
      // self.data.itemsize,
      **{f"{name}_as": lambda self, other, name=name: getattr(self, name)(*other.shape)
         for name in ("expand", "reshape", "view")},
      "detach_": lambda self: vars(self).update(requires_grad=False, grad_fn=None) or self,
      **{f"new_{name}": lambda self, *args, name=name, **options: getattr(torch, name)(
          *args, **{"dtype": self.dtype} | options)
         for name in "empty full ones tensor zeros".split()}}, Tensor)
rows({"concat": torch.cat, "meshgrid": meshgrid, "from_numpy": lambda ndarray: Tensor(ndarray),
      "einsum": einsum, "as_tensor": lambda data, dtype=None: (
          to(data if isinstance(data, Tensor) else Tensor(data), dtype=dtype)
          if isinstance(data, (Tensor, np.ndarray)) else torch.tensor(data, dtype)),
      "empty": creation.zeros, "empty_like": creation.zeros_like,  # PyTorch: what memory held
      "range": lambda start, end, step=1, dtype=np.float32: Tensor((start + step * creation.arange(
          math.floor((end - start) / step) + 1).data).astype(dtype))}, "")  # its end is included


def _kind(module, name):  # a class of Tensors or Modules that the script has by now
    kind = functools.reduce(lambda x, part: getattr(x, part, None), name.split("."),
                            sys.modules.get(module))
    if not (isinstance(kind, type) and issubclass(kind, (Tensor, nn.Module))):
        raise TypeError(f"{name}: no class that can be found: save the net's state_dict()")
    return kind


def _plan(x, arrays):
    if isinstance(x, (Tensor, nn.Module)):
        kind = type(x).__module__, type(x).__qualname__
        _kind(*kind)  # which refuses a class that load would not find
        holds = {k: v for k, v in vars(x).items() if k not in ("grad", "grad_fn", "_of", "_hooks")}
        return {"kind": kind, "holds": _plan(holds, arrays)}
    if isinstance(x, dict):  # JSON's keys are text: those of dicts are JSON themselves
        if odd := [k for k in x if not isinstance(k, (str, int, float, type(None)))]:
            raise TypeError(f"save: expected text or numbers as keys, got {odd[0]!r}")
        return {json.dumps(k): _plan(v, arrays) for k, v in x.items()}
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fiub":
        return {"array": arrays.setdefault(id(x), (len(arrays), x))[0]}  # a shared one once
    if isinstance(x, tuple):
        return {"tuple": _plan(list(x), arrays)}  # these keys lack a text's quotation marks
    return [_plan(v, arrays) for v in x] if isinstance(x, list) else x


def _built(x, arrays, made):  # from a dict whose values are built by now
    if "array" in x or "tuple" in x:
        return arrays[x["array"]] if "array" in x else tuple(x["tuple"])
    if "kind" not in x:
        return {json.loads(k): v for k, v in x.items()}
    kind, holds = _kind(*x["kind"]), x["holds"]
    new = object.__new__(kind)
    new = made.setdefault(id(holds["data"]), new) if issubclass(kind, Tensor) else new
    vars(new).update(holds)
    return new


@fuller(torch.save)
def save(obj, f):
    """Write Modules, dicts, lists and tuples of Tensors, numbers and text to f, a path or a file. A
    Module held twice comes back as two that share parameters. TypeError for anything else."""
    arrays, content = {}, io.BytesIO()
    plan = json.dumps(_plan(obj, arrays)).encode()
    np.savez(content, np.array(plan, "S"), *(np.asarray(x) for _, x in arrays.values()))
    write = lambda file: file.write(content.getvalue())
    write(f) if hasattr(f, "write") else replace(f, write)


@fuller(torch.load)
def load(f):
    """Read what save wrote, from a path or a file. Nothing in it is executed. Raises ValueError for
    anything else, and for an archive that declares more than it has bytes."""
    content = f.read() if hasattr(f, "read") else Path(f).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            if sum(member.file_size for member in archive.zip.infolist()) > len(content):
                raise ValueError("compressed, or larger than the file that holds it")
            plan, arrays, made = archive.get("arr_0"), list(archive.values())[1:], {}
            if plan is None or plan.dtype.kind != "S":  # a state_dict
                return {name: Tensor(array["number"]).item() if array.dtype.names else Tensor(array)
                        for name, array in archive.items()}
        return json.loads(plan.item(), object_hook=lambda x: _built(x, arrays, made))
    except Exception as error:
        raise ValueError(f"{f}: not a file of save's, or damaged: {error}") from error
