"""Arithmetic, functions, reductions, comparisons (notebooks/02_operations.ipynb)."""

import math
from collections import namedtuple

import numpy as np

from nptorch import autograd
from nptorch.autograd import Tensor, add, mul, op, total
from nptorch.checks import axis, dimension


def floats(a):
    """Integers and bools as float32, as PyTorch's functions of real numbers take them."""
    return a.astype(np.float32) if isinstance(a, np.ndarray) and a.dtype.kind != "f" else a


@op
def _sub(a, b, /):
    return a - b, lambda g: g, lambda g: -g


@op
def _div(a, b, /):
    a, b = floats(a), floats(b)
    value = a / b
    return value, lambda g: g / b, lambda g: -g * value / b


@op
def pow(a, b, /):
    """a ** b, broadcast. d/da is 0 where b is 0; d/db is 0 where a is 0 and b at least 0."""
    if np.result_type(a, b).kind == "i" and np.any(b < 0):  # 1 / a, rounded towards 0
        value = a ** np.abs(b)
        return (np.where((b < 0) & (np.abs(value) != 1), 0, value),)
    value = a**b
    return (value, lambda g: g * b * a ** (b - (b != 0)),  # not 0 * 0 ** -1, which is nan
            lambda g: g * value * np.log(np.where((a == 0) & (b >= 0), 1, a)))


@op
def matmul(a, b, /):
    """(..., n, k) @ (..., k, m) -> (..., n, m), batches broadcast. A vector (k,) is one row on the
    left, one column on the right, and leaves no dimension behind. Raises ValueError for misfits."""
    try:
        rows, columns = a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b
        value = np.matmul(rows, columns)
    except (AttributeError, ValueError):  # a number has no ndim
        raise ValueError(f"matmul: expected shapes (..., n, k) and (..., k, m), "
                         f"got {np.shape(a)} and {np.shape(b)}") from None
    shape, vector = value.shape, b.ndim == 1
    value = value[..., 0, :] if a.ndim == 1 else value
    value = value[..., 0] if vector else value

    def back_a(g):  # of a vector: unbroadcast sums the row in front away
        return g.reshape(shape) @ columns.swapaxes(-1, -2)

    def back_b(g):
        g = rows.swapaxes(-1, -2) @ g.reshape(shape)
        return g[..., 0] if vector else g

    return value, back_a, back_b


@op
def neg(a, /):
    """-a."""
    return -a, lambda g: -g


@op
def exp(a, /):
    """e to the power of a."""
    value = np.exp(floats(a))
    return value, lambda g: g * value


@op
def log(a, /):
    """The natural logarithm."""
    a = floats(a)
    return np.log(a), lambda g: g / a


@op
def sqrt(a, /):
    """The square root."""
    value = np.sqrt(floats(a))
    return value, lambda g: g / (2 * value)


@op
def square(a, /):
    """a * a; that of bools is int64."""
    a = a.astype(np.int64) if a.dtype.kind == "b" else a
    return a * a, lambda g: g * (2 * a)


@op
def abs(a, /):
    """The absolute value; its gradient at 0 is 0."""
    return np.abs(a), lambda g: g * np.subtract(a > 0, a < 0, dtype=g.dtype)


@op
def tanh(a, /):
    """The hyperbolic tangent."""
    value = np.tanh(floats(a))
    return value, lambda g: g * (1 - value * value)


@op
def sigmoid(a, /):
    """1 / (1 + exp(-a)), without overflow, and precise at either end."""
    a = floats(a)
    z = np.exp(-np.abs(a))
    value = np.where(a >= 0, 1, z) / (1 + z)
    return value, lambda g: g * value * (1 - value)


@op
def relu(a, /):
    """max(a, 0); its gradient at 0 is 0."""
    large = a.size > 4000 and a.dtype.kind == "f"  # where clip takes less, down to a third
    value = a.clip(0, np.inf) if large else np.maximum(a, 0)
    # g * (value != 0), on the bits of g, as inf * 0 is nan; a nan lets g pass, as in PyTorch
    return value, lambda g: np.where(value != 0, g, 0) if g.itemsize > 8 else (
        g.view(f"i{g.itemsize}") * (value != 0)).view(g.dtype)


def _expand(g, shape, dim, keepdim):
    """Undo a reduction over dim: repeat g along the dimensions that it took away."""
    return np.full(shape, g if dim is None or keepdim else np.expand_dims(g, dim))


@op
def sum(a, /, dim=None, keepdim=False):
    """The sum over dim (an int, a tuple, or None for all); that of integers is int64."""
    shape, dim = a.shape, axis(dim, a.ndim)
    a = a if a.dtype.kind == "f" else a.astype(np.int64)
    return total(a, dim, keepdim), lambda g: _expand(g, shape, dim, keepdim)


def _count(a, dim):
    """How many elements of a go into one mean over dim. Raises TypeError for integers."""
    if a.dtype.kind != "f":
        raise TypeError(f"mean and var: expected floats, got {a.dtype}: convert them first, as in "
                        "t.float().mean()")
    return a.size if dim is None else math.prod(a.shape[d] for d in np.atleast_1d(dim))


@op
def mean(a, /, dim=None, keepdim=False):
    """The mean over dim. Raises TypeError for integers."""
    shape, dim = a.shape, axis(dim, a.ndim)
    n = _count(a, dim)
    return total(a, dim, keepdim, n), lambda g: _expand(g / n, shape, dim, keepdim)


def _less_largest(a, dim):
    """a as floats, of float32 or more, less its largest over dim: no power of e overflows then."""
    a = a.astype(np.promote_types(floats(a).dtype, np.float32), copy=False)
    return a - a.max(axis=dim, keepdims=True, initial=-np.inf)


@op
def softmax(a, /, dim):
    """exp(a) / sum(exp(a)) over dim, with the largest element taken out first."""
    dim = axis(dimension(dim, a.ndim), a.ndim)
    powers = np.exp(_less_largest(a, dim))
    value = powers / total(powers, dim, True)
    return np.asarray(value, floats(a).dtype), lambda g: value * (g - total(g * value, dim, True))


@op
def log_softmax(a, /, dim):
    """log(softmax(a)) over dim, never the logarithm of 0."""
    dim = axis(dimension(dim, a.ndim), a.ndim)
    less = _less_largest(a, dim)
    value = less - np.log(total(np.exp(less), dim, True))
    return np.asarray(value, floats(a).dtype), lambda g: g - np.exp(value) * total(g, dim, True)


def sub(a, b, /):
    """a - b, broadcast. Raises TypeError for bools, as in PyTorch."""
    if "b" in [x.dtype.kind for x in (a, b) if isinstance(x, (Tensor, np.ndarray))]:
        raise TypeError("sub: expected numbers, got bools: use ^ or ~, or convert them "
                        "with .long()")
    return _sub(a, b)


def div(a, b, /):
    """a / b, broadcast; integers are divided as float32, so 300 may stand beside a uint8."""
    return _div(float(a) if isinstance(a, int) else a, float(b) if isinstance(b, int) else b)


@op
def remainder(a, b, /):
    """a - floor(a / b) · b, broadcast: it has the sign of b."""
    return np.remainder(a, b), lambda g: g, lambda g: -g * np.floor_divide(a, b)


def _no_slope(name, ufunc, doc, exact=False):
    """ufunc for all inputs of an op; exact: Python's ints keep their value beside small ones."""
    def f(*inputs):
        keep = exact and any(isinstance(x, int) for x in inputs)
        return Tensor(ufunc(*(map(np.asarray, inputs) if keep else autograd.arrays(inputs))))

    f.__name__, f.__doc__ = name, doc
    return f


def _operator(f):
    """f(a, b) as an operator, which leaves what it does not know to the other operand."""
    known = Tensor, np.ndarray, np.generic, int, float
    return lambda self, other: f(self, other) if isinstance(other, known) else NotImplemented


floor_divide = _no_slope("floor_divide", np.floor_divide, "floor(a / b), broadcast.")
bitwise_and = _no_slope("bitwise_and", np.bitwise_and, "a & b of bools or integers, broadcast.")
bitwise_or = _no_slope("bitwise_or", np.bitwise_or, "a | b of bools or integers, broadcast.")
bitwise_xor = _no_slope("bitwise_xor", np.bitwise_xor, "a ^ b of bools or integers, broadcast.")
bitwise_not = _no_slope("bitwise_not", np.bitwise_not, "~a of bools or integers.")
eq = _no_slope("eq", np.equal, "a == b, elementwise, broadcast, as bools.", exact=True)
ne = _no_slope("ne", np.not_equal, "a != b, elementwise, broadcast, as bools.", exact=True)
lt = _no_slope("lt", np.less, "a < b, elementwise, broadcast, as bools.", exact=True)
le = _no_slope("le", np.less_equal, "a <= b, elementwise, broadcast, as bools.", exact=True)
gt = _no_slope("gt", np.greater, "a > b, elementwise, broadcast, as bools.", exact=True)
ge = _no_slope("ge", np.greater_equal, "a >= b, elementwise, broadcast, as bools.", exact=True)

for _name, _f in {"add": add, "sub": sub, "mul": mul, "truediv": div, "pow": pow, "matmul": matmul,
                  "floordiv": floor_divide, "mod": remainder, "and": bitwise_and, "or": bitwise_or,
                  "xor": bitwise_xor}.items():  # and each turned round, as its reflection
    setattr(Tensor, f"__{_name}__", _operator(_f))
    setattr(Tensor, f"__r{_name}__", _operator(lambda a, b, f=_f: f(b, a)))
for _f in (eq, ne, lt, le, gt, ge):
    setattr(Tensor, f"__{_f.__name__}__", _operator(_f))
Tensor.__neg__, Tensor.__invert__, Tensor.__abs__, Tensor.__pos__ = (
    neg, bitwise_not, abs, lambda self: self)


def _share(g, a, b):
    """g where a is the larger of a and b, half of it where they are equal."""
    return np.where(a < b, 0, np.where(a == b, g / 2, g))


@op
def maximum(a, b, /):
    """The larger of a and b, broadcast; where they are equal each takes half the gradient."""
    return np.maximum(a, b), lambda g: _share(g, a, b), lambda g: _share(g, b, a)


@op
def minimum(a, b, /):
    """The smaller of a and b, broadcast; where they are equal each takes half the gradient."""
    return np.minimum(a, b), lambda g: _share(g, b, a), lambda g: _share(g, a, b)


@op
def clamp(a, /, min=None, max=None):
    """a, but no less than min and no more than max; no gradient where a was out of bounds."""
    if min is None and max is None:
        raise ValueError("clamp: expected min, max or both")
    if isinstance(min, float) or isinstance(max, float):
        a = floats(a)
    try:
        value = np.clip(a, min, max).astype(a.dtype, copy=False)
    except TypeError:
        raise TypeError(f"clamp: expected numbers, got min={min!r} and max={max!r}") from None
    return value, lambda g: np.where(a == value, g, 0)


@op
def _where(a, b, /, mask):
    return np.where(mask, a, b), lambda g: np.where(mask, g, 0), lambda g: np.where(mask, 0, g)


def where(condition, input, other):
    """input where condition is true, else other, broadcast; what is not taken gets a gradient of
    exactly 0. Raises TypeError unless condition holds bools."""
    condition = np.asarray(condition)
    if condition.dtype != bool:
        raise TypeError(f"condition: expected bools, got {condition.dtype}: compare, as in x > 0")
    return _where(input, other, condition)


def _amax_amin(a, pick, dim, keepdim):
    dim = axis(dim, a.ndim)
    best = pick(a, axis=dim, keepdims=True)

    def back(g):
        tied = (a == best) | (np.isnan(a) & np.isnan(best))
        shares = np.where(tied, g.reshape(best.shape), 0)
        return shares / tied.sum(axis=dim, keepdims=True, dtype=g.dtype)

    return best if keepdim else best.squeeze(dim), back


@op
def amax(a, /, dim=None, keepdim=False):
    """The largest element over dim; equal ones share the gradient."""
    return _amax_amin(a, np.max, dim, keepdim)


@op
def amin(a, /, dim=None, keepdim=False):
    """The smallest element over dim; equal ones share the gradient."""
    return _amax_amin(a, np.min, dim, keepdim)


@op
def argmax(a, /, dim=None, keepdim=False):
    """The index of the first largest element over dim, or in the flattened input."""
    return (np.asarray(a.argmax(axis=axis(dim, a.ndim), keepdims=keepdim), np.int64),)


@op
def argmin(a, /, dim=None, keepdim=False):
    """The index of the first smallest element over dim, or in the flattened input."""
    return (np.asarray(a.argmin(axis=axis(dim, a.ndim), keepdims=keepdim), np.int64),)


def _variance(a, dim, correction, keepdim):
    """var in float64, since squares of float32 may overflow, and its way back."""
    dim, correction = (None, int(dim)) if isinstance(dim, bool) else (axis(dim, a.ndim), correction)
    n = _count(a, dim)
    rest = n - correction if n > correction else 0
    centred = a - total(a.astype(np.promote_types(a.dtype, np.float64)), dim, True, n)
    value = total(centred * centred, dim, keepdim, rest)
    return value, lambda g: _expand(g, centred.shape, dim, keepdim) * centred * 2 / rest


@op
def var(a, /, dim=None, correction=1, keepdim=False):
    """The variance over dim: squared distances from the mean, summed and divided by n - correction,
    or 0 where that is negative. var(a, False) is PyTorch's older way to say correction=0."""
    value, back = _variance(a, dim, correction, keepdim)
    return value.astype(a.dtype), back


@op
def _take(a, /, indices, dim, keepdim):
    shape = a.shape

    def back(g):
        spread = np.zeros(shape, g.dtype)
        np.put_along_axis(spread, indices, g if keepdim else np.expand_dims(g, dim), dim)
        return spread

    value = np.take_along_axis(a, indices, dim)
    return value if keepdim else value.squeeze(dim), back


ValuesAndIndices = namedtuple("ValuesAndIndices", "values indices")


def _max_min(input, dim, keepdim, whole, two, find):
    """PyTorch's max and min, which are three functions: of all, of two, over a dim."""
    if isinstance(dim, Tensor):
        return two(input, dim)
    if dim is None:
        return whole(input)
    indices = find(input, dim, keepdim=True).data
    if indices.ndim == 0:  # a single number is its own largest and smallest
        return ValuesAndIndices(whole(input), Tensor(indices))
    values = _take(input, indices, dim, keepdim)
    return ValuesAndIndices(values, Tensor(indices if keepdim else indices.squeeze(dim)))


def max(input, dim=None, keepdim=False):
    """The largest element; over a dim, (values, indices), where only the first of equals gets
    the gradient; of two Tensors, maximum."""
    return _max_min(input, dim, keepdim, amax, maximum, argmax)


def min(input, dim=None, keepdim=False):
    """As max, for the smallest element; of two Tensors, minimum."""
    return _max_min(input, dim, keepdim, amin, minimum, argmin)


@op
def std(a, /, dim=None, correction=1, keepdim=False):
    """The square root of var; where it is 0, so is its gradient."""
    value, back = _variance(a, dim, correction, keepdim)
    root = np.sqrt(value)
    return root.astype(a.dtype), lambda g: back(g / np.where(root > 0, 2 * root, np.inf))


@op
def logsumexp(a, /, dim, keepdim=False):
    """log(sum(exp(a))) over dim, with the largest element taken out first: no overflow."""
    a, dim = floats(a), axis(dim, a.ndim)
    top = a.max(axis=dim, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    powers = np.exp(a - top)
    sums = total(powers, dim, True)
    with np.errstate(divide="ignore"):  # log(0) is right where every element is -inf
        value = np.log(sums) + top
    value = value if keepdim else value.squeeze(dim)
    return value, lambda g: _expand(g, powers.shape, dim, keepdim) * (powers / sums)


for _f in (sub, div, pow, matmul, neg, exp, log, sqrt, square, abs, tanh, sigmoid, relu, sum, mean,
           softmax, log_softmax, remainder, floor_divide, bitwise_and, bitwise_or, bitwise_xor,
           bitwise_not, eq, ne, lt, le, gt, ge, maximum, minimum, clamp, amax, amin, argmax,
           argmin, max, min, std, logsumexp, var):
    setattr(Tensor, _f.__name__, _f)  # all of these are methods, too
Tensor.where = lambda self, condition, other: where(condition, self, other)
