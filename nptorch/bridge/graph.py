"""Modes, autograd.grad, ops as classes, changes in place (notebooks/18_names.ipynb)."""

import contextlib
import weakref

import numpy as np

from nptorch import autograd, inplace, shapes
from nptorch.attributes import owner
from nptorch.autograd import Node, Tensor, no_grad, op
from nptorch.bridge.elementwise import ROWS, STEPS
from nptorch.bridge.words import fuller, plain, rows
from nptorch.creation import to
from nptorch.versions import written


class set_grad_enabled:
    """Record from here on, or no longer; as a context manager, inside it alone."""

    def __init__(self, mode):
        self.mode, self.before = mode, autograd._mode.quiet
        self.__enter__()

    def __enter__(self):
        autograd._mode.quiet = 0 if self.mode else self.before or 1

    def __exit__(self, *error):
        autograd._mode.quiet = self.before


no_grad.__exit__ = lambda self, *error: setattr(  # also if the mode was set inside
    autograd._mode, "quiet", max(autograd._mode.quiet - 1, 0))
rows({"set_grad_enabled": set_grad_enabled, "enable_grad": lambda: set_grad_enabled(True),
      "inference_mode": lambda mode=True: no_grad(mode) if callable(mode) else (
          no_grad() if mode else contextlib.nullcontext())}, "", "autograd")


def grad(outputs, inputs, grad_outputs=None, retain_graph=False):
    """d(outputs)/d(input) for each of inputs, which are leaves, as a tuple; outputs is one Tensor.
    No grad attribute changes. Raises RuntimeError if outputs was not made from one of inputs."""
    inputs = [inputs] if isinstance(inputs, Tensor) else inputs
    one = grad_outputs is None and outputs.data.size == 1
    start = np.ones_like(outputs.data) if one else np.asarray(grad_outputs, outputs.dtype)
    if start.shape != outputs.shape:
        raise RuntimeError(f"grad: expected grad_outputs of shape {outputs.shape}")
    found = autograd._walk(outputs, start, retain_graph)
    if not outputs.requires_grad or any(x not in found for x in inputs):
        raise RuntimeError("grad: expected leaves that outputs was made from, and a graph")
    return tuple(Tensor(np.array(found[x])) for x in inputs)


class Function:
    """An op as a class: forward(ctx, *args) computes on Tensors, backward(ctx, grad) takes the
    gradient of the result to one for each of args, or None. It is called by apply."""

    saved_tensors = ()
    save_for_backward = lambda self, *tensors: setattr(self, "saved_tensors", tensors)

    @classmethod
    def apply(cls, *args):
        """The result of forward, recorded."""
        ctx, last = cls(), [None, ()]
        with no_grad():
            result = cls.forward(ctx, *args)

        def back(g, i):
            if last[0] is not g:  # one call serves all inputs
                found = cls.backward(ctx, Tensor(g))
                last[:] = g, found if isinstance(found, tuple) else (found,)
            return 0 * g if last[1][i] is None else np.asarray(last[1][i])

        node = lambda *inputs: (result.data, *(
            lambda g, i=i: back(g, i) for i, x in enumerate(args) if isinstance(x, Tensor)))
        node.__name__ = cls.__name__
        return op(node)(*(x for x in args if isinstance(x, Tensor)))


Node.next_functions = property(lambda self: tuple(
    (x.grad_fn or Node("AccumulateGrad", []), 0) for x, _ in self.edges or ()))
rows({"grad": grad, "Function": Function, "Variable": lambda data, requires_grad=False:
      data.requires_grad_(requires_grad)}, "autograd")

_changes = weakref.WeakSet()  # the nodes of changes in place


def _check(self, before=Node.check):
    """What made an input is what had made it when this node was born."""
    for i, (x, back) in enumerate(self.edges or ()):
        while x.grad_fn is not None and x.grad_fn.born > self.born:
            x = x.grad_fn.before
        if x.grad_fn is not None and any(x.grad_fn.born < change.born < self.born
                                         and change.memory is owner(x.data) for change in _changes):
            raise RuntimeError(f"backward: {self} used a view of a Tensor that was changed in "
                               "place after the view was made: take the view again")
        self.edges[i] = x, back
    before(self)


def _record(self, before, node):
    """Make self the result of node, unless others look at its memory."""
    made, memory = self.grad_fn, owner(self.data)
    shared = self.data.base is not None if made is None else any(
        owner(x.data) is memory for x, _ in made.edges or ())
    if shared or (made is None and self.requires_grad):
        inplace.check_inplace(self)  # knows more of leaves
        raise RuntimeError("a change in place of a view is not recorded: make a new Tensor, as in "
                           "h = h + y, or with where, cat or stack")
    node.before, node.memory, Node.check = before, memory, _check
    self.__dict__.update(requires_grad=True, grad_fn=node)
    _changes.add(node)


def change(self, compute, *args, **options):
    """self becomes compute(self, *args, **options), in its own memory, and that is recorded."""
    before = Tensor(self.data.copy())  # what self was until now
    before.__dict__.update(requires_grad=self.requires_grad, grad_fn=self.grad_fn)
    args = [x.clone() if isinstance(x, Tensor) and owner(x.data) is owner(self.data) else x
            for x in args]
    result = compute(before, *args, **options)
    if result.shape != self.shape or not np.can_cast(result.dtype, self.dtype, "same_kind"):
        raise ValueError(f"in place: expected {self.shape} of {self.dtype}, got {result.shape} of "
                         f"{result.dtype}")
    if result.grad_fn is None:
        inplace.check_inplace(self)
    else:
        _record(self, before, result.grad_fn)
    np.copyto(self.data, result.data, casting="same_kind")
    written(self.data)
    if result.grad_fn is not None:
        result.grad_fn.born = next(Node.clock)
    return self


@op
def _assigned(a, b, /, keys):
    at = lambda array: array[keys[0]] if keys[1:] else array

    def back(g):
        at(g := g.copy())[keys[-1]] = 0
        return g

    at(value := a.copy())[keys[-1]] = b
    return value, back, lambda g: at(g)[keys[-1]].copy()


def _write(self, key, value):
    value = value if isinstance(value, Tensor) else Tensor(np.asarray(value, self.dtype))
    return change(self, _assigned, to(value, self.dtype), keys=shapes._split_key(key))


_changing = lambda f: lambda self, *args, **options: change(self, f, *args, **options)
fuller(Tensor.__array_ufunc__)(plain(Tensor.__array_ufunc__))  # more names are there by now
fuller(Tensor.__setitem__)(_write)
fuller(Tensor.zero_)(lambda self: _write(self, ..., 0))
fuller(Tensor.copy_)(lambda self, source: _write(self, ..., source))  # which is fill_, too
for _name in ("add", "sub", "mul", "div", "pow"):
    fuller(getattr(Tensor, f"{_name}_"))(_changing(getattr(Tensor, _name)))
for _name in (*ROWS, *STEPS, *"exp sqrt abs neg tanh sigmoid relu clamp masked_fill".split()):
    rows({f"{_name}_": _changing(getattr(Tensor, _name))}, *[""] * (_name in ROWS), method=True)
rows({f"{name}_": lambda self, *args, name=name: inplace.check_inplace(self) or setattr(
    self, "data", getattr(self, name)(*args).data) or self
    for name in ("unsqueeze", "squeeze", "t", "transpose")}, method=True)
