"""Tensors that remember how they were made, and the walk back (notebooks/01_tensor.ipynb)."""

import contextlib
import functools
import heapq
import itertools
import math
import threading

import numpy as np


class Tensor:
    """An array that remembers how it was made, so that gradients find their way back.

    data is an array, shared and with its dtype, or numbers or lists, which become float32.
    requires_grad asks for a gradient: after backward it is in grad, a Tensor of the same shape.
    Raises TypeError if data are not real numbers."""

    __array_ufunc__ = None  # lets array + tensor reach Tensor.__radd__
    requires_grad, grad, grad_fn, _retains_grad = False, None, None, False

    def __init__(self, data, requires_grad=False):
        self.data = real_array(data)
        if requires_grad:
            self.requires_grad = requires_grad

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    dtype = property(lambda self: self.data.dtype)
    is_leaf = property(lambda self: self.grad_fn is None)

    def detach(self):
        """The same numbers, shared, without their history."""
        return Tensor(self.data)


def real_array(data):
    """data as an array of real numbers, shared; what is Python's becomes float32."""
    array = np.asarray(data)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"data: expected real numbers, got dtype {array.dtype}")
    of_python = not isinstance(data, (np.ndarray, np.generic, Tensor))
    return array.astype(np.float32) if of_python else array


class _Mode(threading.local):
    def __init__(self):  # in each thread anew, as in PyTorch
        self.quiet, self.before = False, []  # inside no_grad? and what held outside


_mode = _Mode()


class Node:
    """How a Tensor was made: the name of its op, when it was born and, for each input that
    wants a gradient, the pair (input, back)."""

    clock = itertools.count(1)

    def __init__(self, name, edges):
        self.name, self.edges, self.born = name, edges, next(Node.clock)

    def check(self):
        """What must hold before the walk uses this node: nothing, until versions.py says more."""

    def __repr__(self):
        return f"<{self.name}>"


def arrays(inputs):
    """The arrays and numbers behind the inputs of an op; dtypes.py binds PyTorch's rules here."""
    return [x.data if isinstance(x, Tensor) else x for x in inputs]


def op(f):
    """Lift f from arrays to Tensors, and record the way back.

    f returns its value and, for each input, a function that takes the gradient of the value
    to the gradient of that input. The inputs of f stand before the slash in its signature;
    without a slash, all positional arguments are inputs."""
    before_slash = f.__code__.co_posonlyargcount or None
    name = f.__name__.strip("_").title().replace("_", "") + "Backward0"

    @functools.wraps(f)
    def lifted(*args, **options):
        inputs, rest = args[:before_slash], args[before_slash:] if before_slash else ()
        value, *backs = f(*arrays(inputs), *rest, **options)
        edges = [] if _mode.quiet else [(x, back) for x, back in zip(inputs, backs)
                                        if isinstance(x, Tensor) and x.requires_grad]
        out = Tensor(value, bool(edges))
        if edges:
            out.grad_fn = Node(name, edges)
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


Tensor.add = Tensor.__add__ = Tensor.__radd__ = add
Tensor.mul = Tensor.__mul__ = Tensor.__rmul__ = mul


def total(a, axis=None, keepdims=False, n=1):
    """The sum of a over axis, divided by n. Long sums of floats are added up in float64, since a
    float32 stops growing at 2**24, and rounded back."""
    axes = range(a.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    terms = math.prod([a.shape[i] for i in axes]) if a.size > 1000 else 1
    long = a.dtype.kind == "f" and (terms > 256 or a.dtype.itemsize < 4)
    value = np.add.reduce(a, axis, np.float64 if long else None, keepdims=keepdims)
    value = value if n == 1 else value / n
    return value.astype(a.dtype) if long else value


def unbroadcast(g, like):
    """Sum the gradient g over all that broadcasting repeated; shape and dtype are those of like."""
    if g.shape != like.shape:
        if g.ndim > like.ndim:  # dimensions that were added in front
            g = total(g, tuple(range(g.ndim - like.ndim)))
        if g.shape != like.shape:  # dimensions of length 1 that were stretched
            g = total(g, tuple(i for i, n in enumerate(like.shape) if n == 1), keepdims=True)
    return g if g.dtype == like.dtype else g.astype(like.dtype)


def _walk(root, g, retain_graph):
    """{tensor: gradient} for every leaf, and every Tensor that retains its gradient, under root."""
    start = Node("start", [(root, lambda g: g)])  # younger than all others
    grads, found, waiting = {start: g}, {}, [(-start.born, start)]
    while waiting:
        node = heapq.heappop(waiting)[1]  # the youngest: nothing made from it is still to come
        g = grads.pop(node)
        if node.edges is None:
            raise RuntimeError(f"backward: {node} was walked before and its graph is gone; "
                               "to walk twice, say retain_graph=True the first time")
        node.check()
        for x, back in node.edges:
            arriving, maker = unbroadcast(back(g), x.data), x.grad_fn
            if x.requires_grad and (maker is None or x._retains_grad):
                found[x] = found[x] + arriving if x in found else arriving
            if maker in grads:
                grads[maker] = grads[maker] + arriving
            elif maker is not None:
                grads[maker] = arriving
                heapq.heappush(waiting, (-maker.born, maker))
        if not retain_graph:
            node.edges = None
    return found


def backward(self, gradient=None, retain_graph=False):
    """Add d(self)/d(leaf) · gradient to the grad of every leaf that self was made from.

    gradient has self's shape, or is 1 for a single number. Drops the graph unless retain_graph.
    Raises RuntimeError without graph or gradient, ValueError for a wrong shape: no grad changes."""
    if not self.requires_grad:
        raise RuntimeError("backward: this Tensor does not require grad, so it has no graph: was "
                           "it made inside no_grad(), or from nothing that requires grad?")
    if gradient is None and self.data.size != 1:
        raise RuntimeError(f"backward: only a single number has an implied gradient, not shape "
                           f"{self.shape}: reduce it, as in t.sum(), or pass gradient")
    start = np.ones_like(self.data) if gradient is None else np.asarray(gradient, self.dtype)
    if start.shape != self.shape:
        raise ValueError(f"gradient: expected shape {self.shape}, got {start.shape}")
    for x, g in _walk(self, start, retain_graph).items():
        if x.grad is None:
            x.grad = Tensor(np.array(g))  # a copy: a gradient shares its array with nothing
        else:
            x.grad.data += g


Tensor.backward = backward


def is_grad_enabled():
    """True unless inside no_grad."""
    return not _mode.quiet


class no_grad(contextlib.ContextDecorator):
    """Ops inside are not recorded: `with no_grad():`, or `@no_grad` above a function."""

    def __new__(cls, function=None):
        self = super().__new__(cls)
        return self if function is None else self(function)

    def __enter__(self):
        _mode.before.append(_mode.quiet)
        _mode.quiet = True

    def __exit__(self, *error):
        _mode.quiet = _mode.before.pop()


def item(self):
    """The only element as a Python number. Raises ValueError if there are more, or none."""
    if self.data.size != 1:
        raise ValueError(f"expected exactly one element, got shape {self.shape}")
    return self.data.item()


def requires_grad_(self, requires_grad=True):
    """Ask for a gradient, or no longer."""
    self.requires_grad = requires_grad
    return self


def _array(self, dtype=None, copy=None):
    return np.array(self.data, dtype, copy=copy)


def _repr(self):
    numbers = np.array2string(self.data, precision=4, separator=", ", prefix="tensor(")
    made = f", grad_fn={self.grad_fn}" if self.grad_fn else ""
    return f"tensor({numbers}{made or ', requires_grad=True' * self.requires_grad})"


Tensor.item, Tensor.requires_grad_ = item, requires_grad_
Tensor.__array__, Tensor.__repr__ = _array, _repr
