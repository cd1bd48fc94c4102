"""Built, step by step, in notebooks/01_tensor.ipynb."""

import functools
import heapq
import itertools
import sys
import threading
from contextlib import contextmanager

import numpy as np


def _float_format(array):
    """PyTorch's way to print these floats: whole ones as 2., others with 4 digits after the
    point, as powers of ten where the largest is far from the smallest."""
    finite = array[np.isfinite(array)].astype(np.float64)
    sizes = np.abs(finite[finite != 0])
    big, small = (sizes.max(), sizes.min()) if sizes.size else (1, 1)
    whole = np.array_equal(finite, np.round(finite))
    if big > 1e8 or big > 1000 * small or (small < 1e-4 and not whole):
        form = "{:.4e}"
    else:
        form = "{:.0f}." if whole else "{:.4f}"
    width = max(len(form.format(x)) for x in (finite.min(initial=0), finite.max(initial=0)))
    return lambda x: (form.format(x) if np.isfinite(x) else str(x)).rjust(width)


class Tensor:
    """An array that remembers how it was made, so that gradients find their way back.

    data is an array, shared and with its dtype, or numbers or lists, which become float32: so
    Tensor(3) is the number 3. Ask for a gradient here or by requires_grad_(). Raises TypeError
    if data are not real numbers, or if integers are to require grad.
    """

    __slots__ = ("data", "requires_grad", "grad", "grad_fn", "_retains_grad", "__weakref__")
    __array_ufunc__ = None  # lets array + tensor reach Tensor.__radd__

    def __init__(self, data, requires_grad=False):
        array = np.asarray(data)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"data: expected real numbers, got dtype {array.dtype}")
        of_python = not isinstance(data, (np.ndarray, np.generic, Tensor))
        self.data = array.astype(np.float32) if of_python else array
        self.grad = self.grad_fn = None
        self._retains_grad = self.requires_grad = False
        if requires_grad:
            self.requires_grad_()

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    dtype = property(lambda self: self.data.dtype)
    is_leaf = property(lambda self: self.grad_fn is None)

    def requires_grad_(self, requires_grad=True):
        """Ask for a gradient, or no longer; only a leaf of floats can change its mind."""
        if requires_grad and self.data.dtype.kind != "f":
            raise TypeError(f"only floats can require grad, got dtype {self.dtype}")
        if not requires_grad and not self.is_leaf:
            raise RuntimeError("only a leaf can stop to require grad: use detach()")
        self.requires_grad = requires_grad
        return self

    def retain_grad(self):
        """Keep the gradient of a Tensor that an op made, as if it were a leaf."""
        if not self.requires_grad:
            raise RuntimeError("this Tensor does not require grad, it will never get one")
        self._retains_grad = not self.is_leaf

    def detach(self):
        """The same numbers, shared, without their history."""
        return Tensor(self.data)

    def numpy(self):
        """The array itself, shared. Raises RuntimeError where a gradient would be lost."""
        if self.requires_grad:
            raise RuntimeError("this Tensor requires grad: use detach().numpy()")
        return self.data

    def __array__(self, dtype=None, copy=None):
        """What np.asarray and a plot see: the elements, without their history."""
        return np.array(self.data, dtype) if copy else np.asarray(self.data, dtype)

    def item(self):
        """The only element as a Python number. Raises ValueError if there are more, or none."""
        if self.data.size != 1:
            raise ValueError(f"expected exactly one element, got shape {self.shape}")
        return self.data.item()

    def tolist(self):
        """The elements as Python numbers, in nested lists."""
        return self.data.tolist()

    def size(self, dim=None):
        """The shape, or the length of one dimension."""
        return self.shape if dim is None else self.shape[dim]

    def numel(self):
        """The number of elements."""
        return self.data.size

    def dim(self):
        """The number of dimensions."""
        return self.data.ndim

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("a Tensor without dimensions has no length")
        return len(self.data)

    def __bool__(self):
        return bool(self.item())

    def __int__(self):
        return int(self.item())

    def __float__(self):
        return float(self.item())

    def __format__(self, spec):
        return format(self.item() if self.ndim == 0 else str(self), spec)

    def __repr__(self):
        parts = [np.array2string(self.data, formatter={"float_kind": _float_format(self.data)},
                                 separator=", ", prefix="tensor(", max_line_width=80)]
        if self.data.size == 0 and self.ndim > 1:
            parts.append(f"size={self.shape}")
        if self.dtype not in (np.float32, np.int64, np.bool_):
            parts.append(f"dtype={self.dtype}")
        if self.grad_fn is not None:
            parts.append(f"grad_fn={self.grad_fn}")
        elif self.requires_grad:
            parts.append("requires_grad=True")
        return f"tensor({', '.join(parts)})"


def tensor(data, dtype=None, requires_grad=False):
    """A Tensor with a copy of data: Python floats become float32, ints int64, bools bool."""
    array = np.array(data, dtype)
    of_python = not isinstance(data, (Tensor, np.ndarray, np.generic))
    if dtype is None and of_python and array.dtype == np.float64:
        array = array.astype(np.float32)
    return Tensor(array, requires_grad)


class _Mode(threading.local):
    recording = True  # each thread has its own, as in PyTorch


_mode = _Mode()


def is_grad_enabled():
    """True unless inside no_grad."""
    return _mode.recording


@contextmanager
def no_grad():
    """Ops inside are not recorded: `with no_grad():`, or `@no_grad()` above a function (not above
    a generator, whose body runs after the call)."""
    before, _mode.recording = _mode.recording, False
    try:
        yield
    finally:
        _mode.recording = before


class Node:
    """How a Tensor was made: its op, its age and, for each input that wants a gradient,
    the pair (input, back)."""

    __slots__ = ("name", "age", "edges")
    _clock = itertools.count()

    def __init__(self, name, edges):
        self.name, self.edges, self.age = name, edges, next(Node._clock)

    def __repr__(self):
        return f"<{self.name}>"


def _common_dtype(values):
    """PyTorch's rule: floats outrank ints outrank bools; among the highest, arrays with
    dimensions outrank those without, and these outrank Python numbers."""
    kinds = [np.asarray(v).dtype.kind.replace("u", "i") for v in values]
    if not set(kinds) <= set("bif"):
        raise TypeError(f"expected real numbers, got {[str(np.asarray(v).dtype) for v in values]}")
    top = [v for v, kind in zip(values, kinds) if kind == max(kinds, key="bif".index)]
    arrays = [v for v in top if isinstance(v, np.ndarray)]
    shaped = [v for v in arrays if v.ndim]
    if arrays:
        return np.result_type(*[v.dtype for v in shaped or arrays])
    return np.float32 if isinstance(top[0], float) else np.result_type(type(top[0]))


def _arrays(inputs):
    """The arrays and numbers behind the inputs of an op, fit to give PyTorch's dtype."""
    values, dtype, alike, numbers = [], None, True, False
    for x in inputs:
        if isinstance(x, Tensor):
            x = x.data
        elif isinstance(x, np.generic):
            x = x.item()
        if isinstance(x, np.ndarray):
            alike = alike and (dtype is None or dtype is x.dtype)
            dtype = x.dtype
        elif isinstance(x, (int, float)):
            numbers = True
        else:
            held = "a Tensor whose data is a " if isinstance(x, Tensor) else ""
            raise TypeError("expected a Tensor, an array or a number, got "
                            f"{held}{type(x).__name__}")
        values.append(x)
    if not alike or (numbers and (dtype is None or dtype.kind != "f")):
        dtype = _common_dtype(values)
        values = [np.asarray(v, dtype) for v in values]
    return values


def op(f):
    """Lift f from arrays to Tensors, and record the way back.

    f returns its value and, for each input, a function that takes the gradient of the value
    to the gradient of that input. The inputs of f stand before the slash in its signature;
    without a slash, all positional arguments are inputs.
    """
    n_inputs = f.__code__.co_posonlyargcount or sys.maxsize
    name = f.__name__.strip("_").title().replace("_", "") + "Backward0"

    @functools.wraps(f)
    def lifted(*args, **kwargs):
        inputs, options = args[:n_inputs], args[n_inputs:]
        value, *backs = f(*_arrays(inputs), *options, **kwargs)
        out = Tensor(value)
        if _mode.recording:
            edges = [(x, back) for x, back in zip(inputs, backs)
                     if isinstance(x, Tensor) and x.requires_grad]
            if edges:
                out.requires_grad, out.grad_fn = True, Node(name, edges)
        return out

    return lifted


@op
def add(a, b, /):
    """a + b, broadcast."""
    return a + b, lambda g: g, lambda g: g


@op
def mul(a, b, /):
    """a * b, broadcast."""
    return a * b, lambda g: g * b, lambda g: g * a


@op
def clone(a, /):
    """A copy of a that gradients pass through."""
    return a.copy(order="K"), lambda g: g


Tensor.add = Tensor.__add__ = Tensor.__radd__ = add
Tensor.mul = Tensor.__mul__ = Tensor.__rmul__ = mul
Tensor.clone = clone


def unbroadcast(g, like):
    """Sum the gradient g over all that broadcasting repeated, back to the array `like`."""
    if g.ndim > like.ndim:  # dimensions that were added in front
        g = np.add.reduce(g, tuple(range(g.ndim - like.ndim)))
    if g.shape != like.shape:  # dimensions of length 1 that were stretched
        ones = tuple(i for i, n in enumerate(like.shape) if n == 1)
        g = np.add.reduce(g, ones, keepdims=True)
    return g if g.dtype == like.dtype else g.astype(like.dtype)


_written = {None: 0}  # the date of the last write, by the id of the memory's owner; None: of any


def _owner(array):
    """What owns the memory of an array, which may be a view."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


_alone = Tensor(0.0)
_ALONE = sys.getrefcount(_alone.data)  # for an array that only its Tensor holds


def increment_version(t):
    """Tell backward that t's array has been written to, if anything else holds it. In-place
    methods and optimizers do so themselves; do it after writing into t.data with NumPy."""
    if sys.getrefcount(t.data) > _ALONE or t.data.base is not None:
        _written[None] = _written[id(_owner(t.data))] = next(Node._clock)


def _refuse_if_written(node, saved):
    """Raise RuntimeError if any of what node's ways back saved was written to after the op:
    arrays, functions with their closures, and lists of such."""
    for x in saved:
        if isinstance(x, np.ndarray):
            if _written.get(id(_owner(x)), 0) > node.age:
                raise RuntimeError(f"backward: {node} saved a Tensor of shape {x.shape}, which was "
                                   "changed in place afterwards: do that after backward(), or "
                                   "make a new Tensor, as in h = h + y")
        elif isinstance(x, (list, tuple)):
            _refuse_if_written(node, x)
        elif closure := getattr(x, "__closure__", None):
            _refuse_if_written(node, [cell.cell_contents for cell in closure])


def _seed(root, gradient):
    """The gradient that a walk from root starts with: 1 for a single number, else the given."""
    if not root.requires_grad:
        raise RuntimeError("backward: this Tensor does not require grad, so it has no graph: was "
                           "it made inside no_grad(), or from nothing that requires grad?")
    if gradient is None:
        if root.data.size != 1:
            raise RuntimeError(f"backward: only a single number has an implied gradient, not shape "
                               f"{root.shape}: reduce it, as in t.sum(), or pass gradient")
        return np.ones_like(root.data)
    g = np.asarray(gradient, root.dtype)
    if g.shape != root.shape:
        raise ValueError(f"gradient: expected shape {root.shape}, got {g.shape}")
    return g


def _walk(root, g, retain_graph):
    """{tensor: gradient} for every leaf, and every Tensor that retains its gradient, under root."""
    grads, retained, waiting = {root: g}, {}, []
    if root.grad_fn is not None:
        waiting.append((-root.grad_fn.age, root))
    while waiting:
        x = heapq.heappop(waiting)[1]  # the youngest: nothing made from it is still to come
        node, g = x.grad_fn, grads.pop(x)
        if node.edges is None:
            raise RuntimeError(f"backward: {node} was walked before and its graph is gone; "
                               "to walk twice, say retain_graph=True the first time")
        if node.age < _written[None]:
            _refuse_if_written(node, [back for _, back in node.edges])
        if x._retains_grad:
            retained[x] = g
        for parent, back in node.edges:
            arriving = unbroadcast(back(g), parent.data)
            if parent in grads:
                grads[parent] = grads[parent] + arriving
            else:
                grads[parent] = arriving
                if parent.grad_fn is not None:
                    heapq.heappush(waiting, (-parent.grad_fn.age, parent))
        if not retain_graph:
            node.edges = None
    return retained | grads  # only the leaves are left in grads


def backward(self, gradient=None, retain_graph=False):
    """Add d(self)/d(leaf) · gradient to the grad of every leaf that self was made from.

    gradient has self's shape; for a single number it is 1. The graph is dropped on the way
    unless retain_graph. Raises RuntimeError without a graph, for one dropped before, for one that
    saved what was changed in place and for a missing gradient, ValueError for one of the wrong
    shape; no grad has changed then.
    """
    for x, g in _walk(self, _seed(self, gradient), retain_graph).items():
        if x.grad is None:
            x.grad = Tensor(np.array(g))  # a copy: a gradient shares its array with nothing
        else:
            x.grad.data += g
            increment_version(x.grad)


Tensor.backward = backward


def refuse_if_recorded(self, *others):
    """Raise RuntimeError, while recording, if self or one of the others requires grad."""
    if not _mode.recording:
        return
    if self.requires_grad and self.is_leaf:
        raise RuntimeError("a leaf that requires grad can't be changed in place while recording: "
                           "do it inside no_grad()")
    for x in (self, *others):
        if isinstance(x, Tensor) and x.requires_grad:
            raise RuntimeError("in-place changes are not recorded: make a new Tensor, as in "
                               "h = h + y")


def _in_place(ufunc):
    def change(self, other):
        refuse_if_recorded(self, other)
        ufunc(self.data, other.data if isinstance(other, Tensor) else other, out=self.data)
        increment_version(self)
        return self

    return change


Tensor.__iadd__, Tensor.__isub__ = _in_place(np.add), _in_place(np.subtract)
Tensor.__imul__, Tensor.__itruediv__ = _in_place(np.multiply), _in_place(np.divide)
Tensor.__ipow__ = _in_place(np.power)


def copy_(self, source):
    """Overwrite the elements with those of source, broadcast and cast to self's dtype."""
    refuse_if_recorded(self, source)
    np.copyto(self.data, source.data if isinstance(source, Tensor) else source, casting="unsafe")
    increment_version(self)
    return self


def fill_(self, value):
    """Overwrite every element with one number."""
    return copy_(self, value)


def zero_(self):
    """Overwrite every element with 0."""
    refuse_if_recorded(self)
    self.data.fill(0)
    increment_version(self)
    return self


Tensor.copy_, Tensor.fill_, Tensor.zero_ = copy_, fill_, zero_
