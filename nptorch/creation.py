"""Making Tensors, and reading them (notebooks/02_operations.ipynb)."""

import functools

import numpy as np

from nptorch.autograd import Tensor, is_grad_enabled, op
from nptorch.checks import dimension, integer, integers

float32, float64, int64 = map(np.dtype, (np.float32, np.float64, np.int64))
_PYTHON = {float: float32, int: int64, bool: np.dtype(bool)}


def tensor(data, dtype=None, requires_grad=False):
    """A Tensor with a copy of data. In a list floats outrank ints, and the widest dtype counts;
    Python's floats are float32, its ints int64. Raises OverflowError for ints beyond int64."""
    if dtype is None:
        held = _dtypes(data) or {float32}
        dtype = np.result_type(*{d for d in held if d.kind not in "iub"} or held)
    return Tensor(np.array(data, dtype), requires_grad)


def _dtypes(data):
    """The dtypes of all that stands in data, a list of lists, say."""
    if not isinstance(data, (list, tuple)):
        return {_PYTHON.get(type(data)) or np.asarray(data).dtype}
    kinds = set(map(type, data))
    if kinds <= _PYTHON.keys():  # the usual case, decided fast
        return {_PYTHON[kind] for kind in kinds}
    return set().union(*map(_dtypes, data))


@op
def _cast(a, /, dtype):
    value = a.astype(dtype)
    return (value, lambda g: g) if value.dtype.kind == "f" else (value,)


def to(input, dtype):
    """input as another dtype, or input itself where it has it already; gradients pass from floats
    to floats. Raises TypeError for what is not a dtype."""
    try:
        dtype = np.dtype(input.dtype if dtype is None else dtype)
    except TypeError:
        raise TypeError(f"dtype: expected one such as float32, no device, got {dtype!r}") from None
    return input if input.dtype == dtype else _cast(input, dtype)


@functools.cache
def _rng():
    return np.random.default_rng()  # once, and not before it is needed: np.random loads slowly


def manual_seed(seed):
    """Start the random numbers over: the same seed, the same numbers."""
    _rng().bit_generator.state = np.random.default_rng(integer("seed", seed)).bit_generator.state


def rand(*size, dtype=float32, requires_grad=False):
    """A Tensor of shape size, drawn evenly from [0, 1)."""
    return Tensor(_rng().random(integers("size", size), dtype or float32), requires_grad)


def randn(*size, dtype=float32, requires_grad=False):
    """A Tensor of shape size, drawn from the normal distribution (mean 0, variance 1)."""
    return Tensor(_rng().standard_normal(integers("size", size), dtype or float32), requires_grad)


def randint(low=0, high=None, size=None, dtype=int64):
    """A Tensor of shape size, drawn evenly from low ... high - 1; randint(high, size): from 0."""
    if high is None or size is None:
        low, high, size = 0, low, high if size is None else size
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"size: expected a tuple of ints, got {size!r}")
    low, high = integers("low and high", (low, high))
    return Tensor(_rng().integers(low, high, size).astype(dtype or int64))


def randperm(n):
    """The integers 0 ... n - 1 in a random order."""
    return Tensor(_rng().permutation(integer("n", n)).astype(int64))


def full(size, fill_value, dtype=None, requires_grad=False):
    """A Tensor of shape size with the same number everywhere."""
    number = tensor(np.asarray(fill_value).item(), dtype)
    return Tensor(np.full(integers("size", (size,)), number.data), requires_grad)


def zeros(*size, dtype=float32, requires_grad=False):
    """A Tensor of shape size full of zeros."""
    return Tensor(np.zeros(integers("size", size), dtype or float32), requires_grad)


def ones(*size, dtype=float32, requires_grad=False):
    """A Tensor of shape size full of ones."""
    return Tensor(np.ones(integers("size", size), dtype or float32), requires_grad)


def eye(n, m=None, dtype=float32, requires_grad=False):
    """The n x m matrix (n x n without m) with ones on its diagonal, zeros elsewhere."""
    return Tensor(np.eye(n, m, dtype=dtype or float32), requires_grad)


def arange(start, end=None, step=1, dtype=None, requires_grad=False):
    """start, start + step, ... below end; arange(end) starts at 0."""
    start, end = (0, start) if end is None else (start, end)
    if dtype is not None and np.dtype(dtype).kind in "iu":
        start, end, step = int(start), int(end), int(step)
    if step == 0:
        raise ValueError(f"step: expected a number other than 0, got {step}")
    if (end - start) * step < 0:
        raise ValueError(f"arange: no way from {start} to {end} in steps of {step}")
    array = np.arange(start, end, step)
    dtype = dtype or (float32 if array.dtype.kind == "f" else int64)
    return Tensor(array.astype(dtype), requires_grad)


def linspace(start, end, steps, dtype=float32, requires_grad=False):
    """Numbers at equal distances from start to end, both included."""
    array = np.linspace(float(start), float(end), steps).astype(dtype or float32)
    return Tensor(array, requires_grad)


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


@op
def clone(a, /):
    """A copy of a that gradients pass through."""
    return a.copy(order="K"), lambda g: g


def numpy(self):
    """The array itself, shared. Raises RuntimeError where a gradient would be lost."""
    if self.requires_grad and is_grad_enabled():
        raise RuntimeError("this Tensor requires grad: use detach().numpy()")
    return self.data


def retain_grad(self):
    """Keep the gradient of a Tensor that an op made, as if it were a leaf."""
    if not self.requires_grad:
        raise RuntimeError("this Tensor does not require grad, it will never get one")
    self._retains_grad = not self.is_leaf


def _length(self):
    if self.ndim == 0:
        raise TypeError("a Tensor without dimensions has no length")
    return len(self.data)


def _as_index(self):
    if self.data.size != 1 or self.dtype.kind == "f":
        raise TypeError(f"only a single integer is an index, got {self.shape} of {self.dtype}")
    return int(self.item())


Tensor.clone, Tensor.numpy, Tensor.retain_grad, Tensor.__len__ = clone, numpy, retain_grad, _length
Tensor.size = lambda self, dim=None: (
    self.shape if dim is None else self.shape[dimension(dim, self.ndim)])
Tensor.numel = Tensor.nelement = lambda self: self.data.size
Tensor.dim, Tensor.tolist = lambda self: self.data.ndim, lambda self: self.data.tolist()

Tensor.to, Tensor.float = to, lambda self: to(self, float32)
Tensor.double, Tensor.long = lambda self: to(self, float64), lambda self: to(self, int64)
Tensor.__bool__, Tensor.__int__ = lambda self: bool(self.item()), lambda self: int(self.item())
Tensor.__float__, Tensor.__index__ = lambda self: float(self.item()), _as_index
Tensor.__contains__ = lambda self, x: bool(np.any(self.data == np.asarray(x)))
Tensor.__format__ = lambda self, spec: format(self.item() if self.ndim == 0 else str(self), spec)
