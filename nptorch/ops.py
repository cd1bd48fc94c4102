"""Built, step by step, in notebooks/02_operations.ipynb."""

import functools
import math
import operator
from collections import namedtuple

import numpy as np

from nptorch.tensor import Tensor, increment_version, no_grad, op, refuse_if_recorded, tensor


def _slopes(loss, array, eps):
    """d(loss())/d(array) by central differences: each element is moved by ±eps and put back."""
    slopes = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + eps
        above = loss()
        array[index] = kept - eps
        slopes[index] = (above - loss()) / (2 * eps)
        array[index] = kept
    return slopes


def gradcheck(f, inputs, eps=1e-6, atol=1e-5, rtol=1e-3):
    """True if backward through f gives the gradients that finite differences give.

    f takes the inputs (one Tensor or a sequence) to one Tensor. Every element of every input
    that requires grad is moved by ±eps, in float64. Raises AssertionError with the worst
    element, its index and both values; ValueError if no input requires grad.
    """
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    moving = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not moving:
        raise ValueError("gradcheck: at least one input must be a Tensor that requires grad")
    leaves = [Tensor(x.data.copy(), True) if i in moving else x for i, x in enumerate(inputs)]
    out = f(*leaves)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, out.shape)  # no error cancels another
    out.backward(weights)
    exact = [Tensor(x.data.astype(np.float64)) if i in moving else x for i, x in enumerate(inputs)]
    for i in moving:
        found = np.zeros(inputs[i].shape) if leaves[i].grad is None else leaves[i].grad.data
        with no_grad():
            expected = _slopes(lambda: np.sum(f(*exact).data * weights), exact[i].data, eps)
        excess = np.abs(found - expected) - (atol + rtol * np.abs(expected))
        if not np.all(excess <= 0):
            j = np.unravel_index(np.argmax(np.nan_to_num(excess, nan=np.inf)), excess.shape)
            raise AssertionError(f"input {i}, index {tuple(map(int, j))}: backward gives "
                                 f"{found[j]:.6g}, finite differences give {expected[j]:.6g}")
    return True


def _floats(a):
    """Integers and bools as float32, as PyTorch's functions of real numbers take them."""
    return a.astype(np.float32) if isinstance(a, np.ndarray) and a.dtype.kind != "f" else a


@op
def sub(a, b, /):
    """a - b, broadcast."""
    return a - b, lambda g: g, lambda g: -g


@op
def div(a, b, /):
    """a / b, broadcast; integers are divided as float32."""
    a, b = _floats(a), _floats(b)
    value = a / b
    return value, lambda g: g / b, lambda g: -g * value / b


@op
def pow(a, b, /):
    """a ** b, broadcast. d/da is 0 where b is 0, and d/db is 0 where a is 0 and b is not below."""
    value = a**b
    return (
        value,
        lambda g: g * b * a ** (b - (b != 0)),
        lambda g: g * value * np.log(np.where((a == 0) & (b >= 0), 1, a)),
    )


@op
def neg(a, /):
    """-a."""
    return -a, lambda g: -g


@op
def matmul(a, b, /):
    """The matrix product (..., n, k) @ (..., k, m) -> (..., n, m), its batches broadcast.

    A vector (k,) is one row on the left, one column on the right, and leaves no dimension
    behind. Raises ValueError with both shapes if they do not fit.
    """
    try:
        value = np.matmul(a, b)
    except ValueError:
        raise ValueError(f"matmul: expected shapes (..., n, k) and (..., k, m), "
                         f"got {np.shape(a)} and {np.shape(b)}") from None
    rows = a if a.ndim > 1 else a[None, :]
    columns = b if b.ndim > 1 else b[:, None]
    one_row, one_column = a.ndim == 1, b.ndim == 1

    def with_both(g):
        g = g[..., None] if one_column else g
        return g[..., None, :] if one_row else g

    def back_b(g):
        g = rows.swapaxes(-1, -2) @ with_both(g)
        return g[..., 0] if one_column else g

    # a vector a: unbroadcast sums the row in front away
    return value, lambda g: with_both(g) @ columns.swapaxes(-1, -2), back_b


def _reflected(f):
    return lambda self, other: f(other, self)


Tensor.__sub__, Tensor.__rsub__, Tensor.sub = sub, _reflected(sub), sub
Tensor.__truediv__, Tensor.__rtruediv__, Tensor.div = div, _reflected(div), div
Tensor.__pow__, Tensor.__rpow__, Tensor.pow = pow, _reflected(pow), pow
Tensor.__matmul__, Tensor.__rmatmul__, Tensor.matmul = matmul, _reflected(matmul), matmul
Tensor.__neg__ = Tensor.neg = neg


@op
def exp(a, /):
    """e to the power of a."""
    value = np.exp(_floats(a))
    return value, lambda g: g * value


@op
def log(a, /):
    """The natural logarithm."""
    a = _floats(a)
    return np.log(a), lambda g: g / a


@op
def sqrt(a, /):
    """The square root."""
    value = np.sqrt(_floats(a))
    return value, lambda g: g / (2 * value)


@op
def abs(a, /):
    """The absolute value; its gradient at 0 is 0."""
    return np.abs(a), lambda g: g * np.sign(a)


@op
def tanh(a, /):
    """The hyperbolic tangent."""
    value = np.tanh(_floats(a))
    return value, lambda g: g * (1 - value * value)


@op
def sigmoid(a, /):
    """1 / (1 + exp(-a)), without overflow at either end."""
    a = _floats(a)
    z = np.exp(-np.abs(a))
    value = np.where(a >= 0, 1, z) / (1 + z)
    return value, lambda g: g * value * (1 - value)


@op
def relu(a, /):
    """max(a, 0); its gradient at 0 is 0."""
    value = np.maximum(a, 0)
    return value, lambda g: g * (value > 0)


Tensor.exp, Tensor.log, Tensor.sqrt, Tensor.abs, Tensor.__abs__ = exp, log, sqrt, abs, abs
Tensor.tanh, Tensor.sigmoid, Tensor.relu = tanh, sigmoid, relu


def _winner(g, lost, tied):
    return np.where(lost, 0, np.where(tied, g / 2, g))


@op
def maximum(a, b, /):
    """The larger of a and b, broadcast; where they are equal each takes half the gradient."""
    return (np.maximum(a, b),
            lambda g: _winner(g, a < b, a == b), lambda g: _winner(g, a > b, a == b))


@op
def minimum(a, b, /):
    """The smaller of a and b, broadcast; where they are equal each takes half the gradient."""
    return (np.minimum(a, b),
            lambda g: _winner(g, a > b, a == b), lambda g: _winner(g, a < b, a == b))


@op
def clamp(a, /, min=None, max=None):
    """a, but no less than min and no more than max; no gradient where a was out of bounds."""
    if min is None and max is None:
        raise ValueError("clamp: expected min, max or both")
    if isinstance(min, float) or isinstance(max, float):
        a = _floats(a)
    try:
        value = np.clip(a, min, max).astype(a.dtype, copy=False)
    except TypeError:
        raise TypeError(f"clamp: expected numbers, got min={min!r} and max={max!r}") from None
    return value, lambda g: np.where(a == value, g, 0)


@op
def _where(a, b, /, condition):
    return (np.where(condition, a, b),
            lambda g: np.where(condition, g, 0), lambda g: np.where(condition, 0, g))


def where(condition, input, other):
    """input where condition is true, other elsewhere, broadcast. The branch that was not
    taken gets a gradient of exactly 0."""
    return _where(input, other, condition=np.asarray(condition, bool))


Tensor.maximum, Tensor.minimum, Tensor.clamp = maximum, minimum, clamp
Tensor.where = lambda self, condition, other: where(condition, self, other)


def _spread(g, shape, dim, keepdim):
    """Undo a reduction over dim: repeat g along the dimensions that it took away."""
    if dim is not None and not keepdim:
        g = np.expand_dims(g, dim)
    return np.full(shape, g)


def _dim(dim, ndim, name="dim"):
    """dim (an int, several, or None) of a Tensor with ndim dimensions, counted from the front.

    Raises IndexError if it is not there, TypeError if it is no int. A single number takes 0 and
    -1, as in PyTorch.
    """
    if dim is None:
        return None
    if isinstance(dim, (tuple, list)):
        return tuple(_dim(d, ndim, name) for d in dim)
    n = ndim or 1
    try:
        return range(n)[dim]
    except (IndexError, TypeError) as error:
        raise type(error)(f"{name}: expected an int from {-n} to {n - 1}, got {dim!r}") from None


@op
def sum(a, /, dim=None, keepdim=False):
    """The sum over dim (an int, a tuple, or None for all); that of integers is int64."""
    shape, dim = a.shape, _dim(dim, a.ndim)
    dtype = a.dtype if a.dtype.kind == "f" else np.int64
    value = a.sum(axis=dim, keepdims=keepdim, dtype=dtype)
    return value, lambda g: _spread(g, shape, dim, keepdim)


def _count(a, dim):
    """How many elements of a go into one mean over dim. Raises TypeError for integers."""
    if a.dtype.kind != "f":
        raise TypeError(f"mean and var: expected floats, got {a.dtype}: convert them first, as in "
                        "t.float().mean()")
    if dim is None or a.ndim == 0:
        return a.size
    return math.prod(a.shape[d] for d in ((dim,) if isinstance(dim, int) else dim))


@op
def mean(a, /, dim=None, keepdim=False):
    """The mean over dim. Raises TypeError for integers."""
    shape, dim = a.shape, _dim(dim, a.ndim)
    n = _count(a, dim)
    value = a.sum(axis=dim, keepdims=keepdim) / n
    return value, lambda g: _spread(g / n, shape, dim, keepdim)


@op
def var(a, /, dim=None, correction=1, keepdim=False):
    """The variance over dim: squared distances from the mean, summed and divided by
    n - correction, or by 0 where that is negative."""
    dim = _dim(dim, a.ndim)
    n = _count(a, dim) - correction
    n = n if n > 0 else 0
    centred = a - a.mean(axis=dim, keepdims=True)
    value = (centred * centred).sum(axis=dim, keepdims=keepdim) / n
    return value, lambda g: _spread(g * 2 / n, centred.shape, dim, keepdim) * centred


@op
def _root(a, /):
    value = np.sqrt(a)
    return value, lambda g: np.divide(g, 2 * value, where=value > 0, out=np.zeros_like(value))


def std(input, dim=None, correction=1, keepdim=False):
    """The square root of var; where it is 0, so is its gradient."""
    return _root(var(input, dim, correction, keepdim))


Tensor.sum, Tensor.mean, Tensor.var, Tensor.std = sum, mean, var, std


def _extreme(a, pick, dim, keepdim):
    dim = _dim(dim, a.ndim)
    best = pick(a, axis=dim, keepdims=True)

    def back(g):
        tied = a == best
        return np.where(tied, g.reshape(best.shape), 0) / tied.sum(axis=dim, keepdims=True,
                                                                   dtype=g.dtype)

    return best if keepdim or a.ndim == 0 else best.squeeze(dim), back


@op
def amax(a, /, dim=None, keepdim=False):
    """The largest element over dim; equal ones share the gradient."""
    return _extreme(a, np.max, dim, keepdim)


@op
def amin(a, /, dim=None, keepdim=False):
    """The smallest element over dim; equal ones share the gradient."""
    return _extreme(a, np.min, dim, keepdim)


@op
def argmax(a, /, dim=None, keepdim=False):
    """The index of the largest element over dim, the first of equals; with dim None, in the
    flattened input."""
    return (a.argmax(axis=_dim(dim, a.ndim), keepdims=keepdim),)


@op
def argmin(a, /, dim=None, keepdim=False):
    """The index of the smallest element over dim, the first of equals; with dim None, in the
    flattened input."""
    return (a.argmin(axis=_dim(dim, a.ndim), keepdims=keepdim),)


ValuesAndIndices = namedtuple("ValuesAndIndices", "values indices")


@op
def _pick(a, /, indices, dim, keepdim):
    shape = a.shape

    def back(g):
        spread = np.zeros(shape, g.dtype)
        np.put_along_axis(spread, indices, g if keepdim else np.expand_dims(g, dim), dim)
        return spread

    value = np.take_along_axis(a, indices, dim)
    return value if keepdim else value.squeeze(dim), back


def _best(input, dim, keepdim, find):
    indices = find(input, dim, keepdim=True)
    values = _pick(input, indices.data, dim, keepdim)
    return ValuesAndIndices(values, indices if keepdim else Tensor(indices.data.squeeze(dim)))


def max(input, dim=None, keepdim=False):
    """The largest element; over a dim, (values, indices), where only the first of equals gets
    the gradient; of two Tensors, maximum."""
    if isinstance(dim, Tensor):
        return maximum(input, dim)
    return amax(input) if dim is None else _best(input, dim, keepdim, argmax)


def min(input, dim=None, keepdim=False):
    """The smallest element; over a dim, (values, indices), where only the first of equals gets
    the gradient; of two Tensors, minimum."""
    if isinstance(dim, Tensor):
        return minimum(input, dim)
    return amin(input) if dim is None else _best(input, dim, keepdim, argmin)


Tensor.amax, Tensor.amin, Tensor.max, Tensor.min = amax, amin, max, min
Tensor.argmax, Tensor.argmin = argmax, argmin


@op
def logsumexp(a, /, dim, keepdim=False):
    """log(sum(exp(a))) over dim, with the largest element taken out first: no overflow."""
    a, dim = _floats(a), _dim(dim, a.ndim)
    top = a.max(axis=dim, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    powers = np.exp(a - top)
    total = powers.sum(axis=dim, keepdims=True)
    with np.errstate(divide="ignore"):  # log(0) is right where every element is -inf
        value = np.log(total) + top
    value = value if keepdim else value.squeeze(dim)
    return value, lambda g: _spread(g, powers.shape, dim, keepdim) * (powers / total)


@op
def softmax(a, /, dim):
    """exp(a) / sum(exp(a)) over dim, with the largest element taken out first."""
    a, dim = _floats(a), _dim(dim, a.ndim)
    powers = np.exp(a - a.max(axis=dim, keepdims=True))
    value = powers / powers.sum(axis=dim, keepdims=True)
    return value, lambda g: value * (g - (g * value).sum(axis=dim, keepdims=True))


@op
def log_softmax(a, /, dim):
    """log(softmax(a)) over dim, never the logarithm of 0."""
    a, dim = _floats(a), _dim(dim, a.ndim)
    a = a - a.max(axis=dim, keepdims=True)
    value = a - np.log(np.exp(a).sum(axis=dim, keepdims=True))
    return value, lambda g: g - np.exp(value) * g.sum(axis=dim, keepdims=True)


Tensor.logsumexp, Tensor.softmax, Tensor.log_softmax = logsumexp, softmax, log_softmax


def _ints(args, name="size"):
    """f(2, 3) and f((2, 3)) alike: the tuple (2, 3). Raises TypeError for what is no int."""
    args = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
    try:
        return tuple(map(operator.index, args))
    except TypeError:
        raise TypeError(f"{name}: expected ints, got {args}") from None


@op
def reshape(a, /, *shape):
    """The same elements in another shape, one length of which may be -1, to be worked out.
    The array is shared where its memory allows it, else copied."""
    before = a.shape
    return a.reshape(_ints(shape, "shape")), lambda g: g.reshape(before)


def flatten(input, start_dim=0, end_dim=-1):
    """The dimensions from start_dim to end_dim, both included, made one. Raises IndexError for
    a dimension that is not there, ValueError if the two are in the wrong order."""
    shape, n = input.shape, input.ndim
    start, end = _dim(start_dim, n, "start_dim"), _dim(end_dim, n, "end_dim")
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return reshape(input, *shape[:start], math.prod(shape[start:end + 1]), *shape[end + 1:])


@op
def permute(a, /, *dims):
    """The dimensions in the order dims. Raises ValueError unless each is there once."""
    dims = _ints(dims, "dims")
    try:
        value = a.transpose(dims)
    except ValueError:
        raise ValueError(f"dims: expected each of the {a.ndim} dimensions once, "
                         f"got {dims}") from None
    return value, lambda g: g.transpose(np.argsort([d % g.ndim for d in dims]))


@op
def transpose(a, /, dim0, dim1):
    """Two dimensions exchanged."""
    dim0, dim1 = _dim(dim0, a.ndim, "dim0"), _dim(dim1, a.ndim, "dim1")
    return a.swapaxes(dim0, dim1), lambda g: g.swapaxes(dim0, dim1)


@op
def squeeze(a, /, dim=None):
    """Without the dimensions of length 1, or without dim (an int, a tuple) where it has."""
    shape, dim = a.shape, _dim(dim, a.ndim)
    dims = range(a.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    return a.squeeze(tuple(d for d in dims if shape[d:d + 1] == (1,))), lambda g: g.reshape(shape)


@op
def unsqueeze(a, /, dim):
    """With a new dimension of length 1 at dim."""
    return np.expand_dims(a, _dim(dim, a.ndim + 1)), lambda g: g.squeeze(dim)


@op
def expand(a, /, *size):
    """Dimensions of length 1 stretched to size, without a copy; -1 keeps a length. The result
    can't be written to. Raises ValueError for a size that a can't be stretched to."""
    size = _ints(size)
    kept = (-1,) * (len(size) - a.ndim) + a.shape
    try:
        value = np.broadcast_to(a, [k if n == -1 else n for n, k in zip(size, kept)])
    except ValueError:
        raise ValueError(f"size: expected one that {a.shape} stretches to, got {size}") from None
    return value, lambda g: g


Tensor.reshape = Tensor.view = reshape
Tensor.flatten, Tensor.permute, Tensor.transpose = flatten, permute, transpose
Tensor.squeeze, Tensor.unsqueeze, Tensor.expand = squeeze, unsqueeze, expand
Tensor.T = property(lambda self: permute(self, *reversed(range(self.ndim))))


@op
def _cat(*arrays, dim):
    value = np.concatenate(arrays, dim)
    ends = np.cumsum([0] + [a.shape[dim] for a in arrays])

    def part(i):
        return lambda g: g.swapaxes(0, dim)[ends[i]:ends[i + 1]].swapaxes(0, dim)

    return value, *(part(i) for i in range(len(arrays)))


def cat(tensors, dim=0):
    """The tensors, a list of them, one after another along dim."""
    if isinstance(tensors, Tensor):
        raise TypeError("tensors: expected a list of Tensors, got one Tensor: cat([a, b])")
    return _cat(*tensors, dim=dim)


def stack(tensors, dim=0):
    """The tensors, all of one shape, side by side along a new dimension at dim."""
    return cat([unsqueeze(t, dim) for t in tensors], dim)


def _key(key):
    """An index with arrays in the place of Tensors, copies that nobody can change."""
    if isinstance(key, tuple):
        return tuple(_key(k) for k in key)
    return key.data.copy() if isinstance(key, Tensor) else key


def _steps(key):
    """Two indices that do, one after the other, what PyTorch does with key: where integers stand
    beside lists, the integers, then the rest of what they leave; else nothing, then key."""
    keys = key if isinstance(key, tuple) else (key,)
    arrays = [np.asarray(k) for k in keys]  # of a slice, None or ...: an object, no dimensions
    ints = [array.ndim == 0 and array.dtype.kind in "iu" for array in arrays]
    if not any(ints) or not any(array.ndim for array in arrays):
        return ..., key
    first = []
    for k, array, is_int in zip(keys, arrays, ints):
        if is_int:
            first.append(int(array))  # NumPy would count an array among the lists
        elif k is ...:
            first.append(k)
        elif k is not None:  # a mask takes as many dimensions as it has
            first += [slice(None)] * (array.ndim if array.dtype == bool else 1)
    return tuple(first), tuple(k for k, is_int in zip(keys, ints) if not is_int)


@op
def _getitem(a, /, key):
    first, then = _steps(key)
    value, shape = a[first][then], a.shape
    sliced = np.may_share_memory(value, a)  # then no element was taken twice

    def back(g):
        spread = np.zeros(shape, g.dtype)
        if sliced:
            spread[first][then] = g
        else:
            np.add.at(spread[first], then, g)
        return spread

    return value, back


def _setitem(self, key, value):
    refuse_if_recorded(self, value)
    first, then = _steps(_key(key))
    self.data[first][then] = value.data if isinstance(value, Tensor) else value
    increment_version(self)


Tensor.__getitem__ = lambda self, key: _getitem(self, _key(key))
Tensor.__setitem__ = _setitem
Tensor.__iter__ = lambda self: (self[i] for i in range(len(self)))


def _comparison(relation, sign):
    def compare(a, b, /):
        return (relation(a, b),)

    compare.__name__ = relation.__name__
    compare.__doc__ = f"a {sign} b, element by element, broadcast, as bools."
    return op(compare)


def _or_none(compare):
    """x == None is False in Python, whatever x is."""
    return lambda self, other: NotImplemented if other is None else compare(self, other)


eq, ne = _comparison(operator.eq, "=="), _comparison(operator.ne, "!=")
lt, le = _comparison(operator.lt, "<"), _comparison(operator.le, "<=")
gt, ge = _comparison(operator.gt, ">"), _comparison(operator.ge, ">=")
Tensor.__eq__, Tensor.__ne__, Tensor.eq, Tensor.ne = _or_none(eq), _or_none(ne), eq, ne
Tensor.__lt__, Tensor.__le__, Tensor.lt, Tensor.le = lt, le, lt, le
Tensor.__gt__, Tensor.__ge__, Tensor.gt, Tensor.ge = gt, ge, gt, ge


@op
def to(a, /, dtype):
    """The elements as another dtype; gradients pass from floats to floats."""
    try:
        value = a.astype(dtype)
    except TypeError:
        raise TypeError(f"dtype: expected one such as float32, got {dtype!r}") from None
    return (value, lambda g: g) if value.dtype.kind == "f" else (value,)


float32, float64, int64 = np.float32, np.float64, np.int64
Tensor.to = to
Tensor.float = lambda self: to(self, float32)
Tensor.double = lambda self: to(self, float64)
Tensor.long = lambda self: to(self, int64)


@functools.cache
def _rng():
    return np.random.default_rng()  # once, and not before it is needed: np.random loads slowly


def _natural(name, value):
    """value itself. Raises ValueError if it is no int, or one below 0."""
    if not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"{name}: expected an int, 0 or more, got {value!r}")
    return value


def manual_seed(seed):
    """Start the random numbers over: the same seed, the same numbers."""
    state = np.random.default_rng(_natural("seed", seed)).bit_generator.state
    _rng().bit_generator.state = state


def full(size, fill_value, dtype=None, requires_grad=False):
    """A Tensor of shape size with the same number everywhere."""
    number = tensor(np.asarray(fill_value).item(), dtype)
    return Tensor(np.full(_ints((size,)), number.data), requires_grad)


def zeros(*size, dtype=float32, requires_grad=False):
    """A Tensor of shape size full of zeros."""
    return Tensor(np.zeros(_ints(size), dtype), requires_grad)


def ones(*size, dtype=float32, requires_grad=False):
    """A Tensor of shape size full of ones."""
    return Tensor(np.ones(_ints(size), dtype), requires_grad)


def rand(*size, dtype=float32, requires_grad=False):
    """A Tensor of shape size, drawn evenly from [0, 1)."""
    return Tensor(_rng().random(_ints(size), dtype), requires_grad)


def randn(*size, dtype=float32, requires_grad=False):
    """A Tensor of shape size, drawn from the normal distribution (mean 0, variance 1)."""
    return Tensor(_rng().standard_normal(_ints(size), dtype), requires_grad)


def randint(low, high=None, size=None, dtype=int64):
    """A Tensor of shape size, drawn evenly from the integers low ... high - 1; randint(high,
    size) starts at 0."""
    if high is None or size is None:
        low, high, size = 0, low, high if size is None else size
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"size: expected a tuple of ints, got {size!r}")
    return Tensor(_rng().integers(*_ints((low, high), "low and high"), size, dtype))


def randperm(n):
    """The integers 0 ... n - 1 in a random order."""
    return Tensor(_rng().permutation(_natural("n", n)))


def arange(start, end=None, step=1, dtype=None, requires_grad=False):
    """start, start + step, ... below end; arange(end) starts at 0."""
    if step == 0:
        raise ValueError(f"step: expected a number other than 0, got {step}")
    start, end = (0, start) if end is None else (start, end)
    array = np.arange(start, end, step)
    return Tensor(array.astype(dtype or (float32 if array.dtype.kind == "f" else int64)),
                  requires_grad)


def linspace(start, end, steps, dtype=float32, requires_grad=False):
    """Numbers at equal distances from start to end, both included."""
    return Tensor(np.linspace(start, end, steps, dtype=dtype), requires_grad)


def eye(n, m=None, dtype=float32, requires_grad=False):
    """The n x m matrix (n x n without m) with ones on its diagonal, zeros elsewhere."""
    return Tensor(np.eye(n, m, dtype=dtype), requires_grad)


def full_like(input, fill_value, dtype=None, requires_grad=False):
    """full, with the shape of input, and its dtype unless told otherwise."""
    return full(input.shape, fill_value, dtype or input.dtype, requires_grad)


def _like(make):
    def make_like(input, dtype=None, requires_grad=False):
        return make(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)

    make_like.__name__ = f"{make.__name__}_like"
    make_like.__doc__ = f"{make.__name__}, with the shape of input, and by default its dtype."
    return make_like


zeros_like, ones_like, rand_like, randn_like = map(_like, (zeros, ones, rand, randn))
