"""Products, norms, matrices (notebooks/18_names.ipynb)."""

import functools
import math
from collections import namedtuple

import numpy as np

import nptorch as torch
from nptorch.autograd import Tensor, op
from nptorch.bridge.graph import viewing
from nptorch.bridge.tensors import placed
from nptorch.bridge.words import rows
from nptorch.checks import axis, dimension, number
from nptorch.ops import floats


@viewing
@op
def _einsum(*arrays, inputs, output):  # here "~" stands for "..."
    every, dtype = "".join([output, *inputs]), arrays[0].dtype

    def product(parts, factors, output):
        if any(every.count(letter) == 1 for letter in every):  # a sum, which may be long
            factors = [a.astype(np.float64 if dtype.kind == "f" else np.int64) for a in factors]
        equation = f"{','.join(parts)}->{output}".replace("~", "...")
        return np.einsum(equation, *factors, optimize=True)

    def back(g, own, others):
        own = own if "~" in own or "~" not in every else "~" + own
        return product([output, *inputs], [g, *others], own)

    value = product(inputs, arrays, output)
    return value.astype(dtype, copy=False) if dtype.kind == "f" else value, *(
        functools.partial(back, own=inputs[i], others=[  # a shape is all that is needed of a
            *arrays[:i], np.broadcast_to(np.ones(1, a.dtype), a.shape), *arrays[i + 1:]])
        for i, a in enumerate(arrays))


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
    operands = [x if part == own else placed(lambda a, way=f"{part}->{own}": np.einsum(
        way.replace("~", "..."), a))(x) for part, own, x in zip(parts, inputs, operands)]
    return _einsum(*operands, inputs=inputs, output=output if arrow else "".join(
        ["~"] * ("~" in left) + once))


@op
def cumsum(a, /, dim):
    """The sum of all elements up to each along dim."""
    dim, a = dimension(dim, a.ndim), a if a.dtype.kind == "f" else a.astype(np.int64)
    wide = np.promote_types(a.dtype, np.float32) if a.dtype.kind == "f" else a.dtype  # than halves
    value = np.cumsum(np.atleast_1d(a), dim, wide).reshape(a.shape).astype(a.dtype, copy=False)
    return value, lambda g: np.flip(
        np.cumsum(np.flip(np.atleast_1d(g), dim), dim, wide), dim).reshape(g.shape)


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
    if input.dtype == np.float16:  # whose squares may be too large
        return norm(input.float(), p, dim, keepdim).half()
    if p in (math.inf, -math.inf):
        return (torch.amax if p > 0 else torch.amin)(abs(input), dim, keepdim)
    p = 2 if p in ("fro", None) else number("p", p, -math.inf)
    size, none = abs(input), 0.0 if p > 0 else math.inf  # what a 0 adds to the sum
    powers = torch.where(size == 0, none if p else 0.0, torch.where(size == 0, 1.0, size) ** p)
    total = torch.sum(powers, dim, keepdim)
    return torch.where(total == 0, 1.0, total) ** (1 / (p or 1)) * (total != 0)


def _product(name, *dims):
    def product(input, other, /):
        if (input.ndim, other.ndim) != dims or input.shape[:-2] != other.shape[:-2]:
            raise ValueError(f"{name}: expected Tensors of {dims[0]} and {dims[1]} dimensions, got "
                             f"shapes {input.shape} and {other.shape}")
        return torch.matmul(input, other)

    return product


rows({
    f"{f.__name__}_mean": lambda input, dim=None, correction=1, keepdim=False, f=f: (
        f(input, dim, correction, keepdim), input.mean(dim, keepdim))
    for f in (torch.std, torch.var)}, "")

rows({name: _product(name, *dims) for name, dims in {
    "mm": (2, 2), "mv": (2, 1), "dot": (1, 1), "bmm": (3, 3)}.items()} | {
    "outer": lambda input, vec2: einsum("i,j->ij", input, vec2),
    "cumsum": cumsum, "prod": prod, "norm": norm}, "", Tensor)
rows({"einsum": einsum}, "")


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
    return value, lambda g: -(turned := np.swapaxes(value, -1, -2)) @ g @ turned


@op
def det(a, /):
    """The determinant of each matrix of a; its slope is right where that is 0, too."""
    def back(g):  # to the cofactors, by the products of all singular values but one
        u, s, vh = np.linalg.svd(a)
        others = np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(-1)
        return (g * np.linalg.det(u @ vh))[..., None, None] * (u * others[..., None, :]) @ vh

    return np.linalg.det(floats(a)), back


def svd(A, full_matrices=True):
    """(U, S, Vh), with A = U · diag(S) · Vh and the largest of S in front; signs are LAPACK's.
    RuntimeError for what is recorded, since there is no way back, and for other than floats."""
    if A.dtype.kind != "f" or (A.requires_grad and torch.is_grad_enabled()):
        raise RuntimeError("svd: expected floats that don't require grad: use A.detach()")
    return namedtuple("svd", "U S Vh")(*map(Tensor, np.linalg.svd(A.data, full_matrices)))


rows({"cross": cross, "inverse": inverse, "det": det, "svd": lambda input, some=True: namedtuple(
    "svd", "U S V")(*(found := svd(input, not some))[:2], found.Vh.transpose(-2, -1))}, "", Tensor)
rows({"cross": lambda input, other, dim=-1: cross(input, other, dim), "svd": svd,
      "inv": inverse, "det": det}, "linalg")


def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False):
    """The norms of the matrices in two dimensions of A: the largest sum of sizes in a column (1) or
    a row (inf), the largest singular value (2), with a minus the smallest, or the sum of the last
    ("nuc"); "fro" as in norm. ValueError for others, RuntimeError where svd raises it."""
    dims = down, across = [dimension(d, max(A.ndim, 2)) for d in dim] if len(dim) == 2 else (0, 0)
    if A.dtype.kind != "f" or A.ndim < 2 or down == across or ord not in (
            "fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise ValueError(f"norm: expected matrices of floats, two dimensions, and 'fro', 'nuc', 1, "
                         f"2, inf, or one of these with a minus, got {A.shape}, {dim}, {ord!r}")
    rest = [d for d in range(A.ndim) if d not in dims]
    most = torch.sum if ord == "nuc" else torch.amax if ord == "fro" or ord > 0 else torch.amin
    if ord == "fro":
        value = norm(A, 2, dims)
    elif ord in ("nuc", 2, -2):
        value = most(svd(A.permute(*rest, down, across), False).S, -1)
    else:
        first, second = (down, across) if abs(ord) == 1 else (across, down)
        value = most(torch.sum(abs(A), first, True), second)
    return value.reshape(*(n if d in rest else 1 for d, n in enumerate(A.shape)
                           if d in rest or keepdim))


rows({"matrix_norm": matrix_norm, "norm": lambda A, ord=None, dim=None, keepdim=False: (
    norm(A, ord, dim, keepdim) if ord is None or (A.ndim if dim is None else np.size(dim)) == 1
    else matrix_norm(A, ord, range(A.ndim) if dim is None else dim, keepdim))}, "linalg")
