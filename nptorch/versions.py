"""A record of writes in place, by which backward refuses (notebooks/14_manners.ipynb)."""

import gc
import sys
import types
import weakref

import numpy as np

from nptorch import attributes
from nptorch.attributes import owner
from nptorch.autograd import Node, Tensor

_newest = 0  # when any array was last written to
_written = {}  # {id of what owns an array's memory: when it was last written to}


def written(array):
    """Record that array, which may be a view, has just been written to."""
    global _newest
    key = id(array) if id(array) in _written else _key(array)
    _newest = _written[key] = next(Node.clock)


def increment_version(tensor):
    """Tell backward that NumPy has written into tensor.data."""
    written(tensor.data)


_PLAIN = int, float, str, bytes, type(None), type, types.ModuleType, types.FrameType, Node


def check(self):
    """Raise RuntimeError if an array that this node's ways back saved was written to after it."""
    if self.born > _newest:
        return
    pending, seen = [back for _, back in self.edges], set()
    while pending:
        x = pending.pop()
        if isinstance(x, np.ndarray):
            if _written.get(id(owner(x)), 0) > self.born:
                raise RuntimeError(f"backward: {self} saved a Tensor of shape {x.shape}, which was "
                                   "changed in place afterwards: do that after backward(), or "
                                   "make a new Tensor, as in h = h + y")
        elif id(x) not in seen and not isinstance(x, _PLAIN):
            seen.add(id(x))
            pending.extend(_kept(x))


Node.check, attributes.written = check, written


def _kept(x):
    """What x keeps: a container's parts, an object's attributes, a function's own variables."""
    if isinstance(x, types.FunctionType):
        return [x.__closure__, x.__defaults__, x.__kwdefaults__, x.__dict__]
    return [x.data] if isinstance(x, Tensor) else gc.get_referents(x)


def _key(array):
    """The id of what owns the memory of array, to be forgotten when the owner dies."""
    base = owner(array)
    if id(base) not in _written:
        weakref.finalize(base, _written.pop, id(base), None)
    return id(base)


_dead = []  # the edges of nodes that nobody needs any more


def free(self):
    """Drop the graph below a node in a loop. Without it, a long chain of nodes, each freed inside
    the one above, overflows the stack where that is small, as in a browser."""
    _dead.append(self.edges)
    self.edges = None
    if len(_dead) == 1:  # else a loop further out comes to it
        _dead[0] = None
        while len(_dead) > 1:
            _dead.pop()
        _dead.clear()


if sys.platform == "emscripten":  # pragma: no cover
    Node.__del__ = free
