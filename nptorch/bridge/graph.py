"""Modes, autograd.grad, ops as classes, changes in place (notebooks/18_names.ipynb)."""

import contextlib
import functools
import gc
import sys
import types
import weakref

import numpy as np

import nptorch as torch
from nptorch import autograd, inplace, shapes, versions
from nptorch.attributes import owner
from nptorch.autograd import Node, Tensor, is_grad_enabled, no_grad, op
from nptorch.bridge.elementwise import ROWS
from nptorch.bridge.words import WORDS, fuller, plain, rows
from nptorch.lookup import BOTH, Waiting, chance

_quiet = lambda quiet: setattr(autograd._mode, "quiet", quiet)


class set_grad_enabled:
    """Record from here on, or no longer; as a context manager, inside it alone."""

    def __init__(self, mode):
        self.mode, self.before = mode, autograd._mode.quiet
        self.__enter__()

    __enter__ = lambda self: _quiet(not self.mode)
    __exit__ = lambda self, *error: _quiet(self.before)

    def __call__(self, function):
        self.__exit__()  # only inside of function
        return _recording(self.mode)(function)


@contextlib.contextmanager
def _recording(mode=True):
    with set_grad_enabled(mode):
        yield


rows({"set_grad_enabled": set_grad_enabled,
      "enable_grad": lambda function=None: _recording()(function) if function else _recording(),
      "inference_mode": lambda mode=True: no_grad(mode) if callable(mode) else (
          no_grad() if mode else contextlib.nullcontext())}, "", "autograd")


def _root(outputs, starts):
    """A Tensor whose gradient gives each of outputs its start, a 1 where that is None."""
    outputs, starts = ([x] if isinstance(x, Tensor) else x for x in (outputs, starts))
    starts = [np.ones_like(y.data) if start is None and y.data.size == 1
              else np.asarray(start, y.dtype)
              for y, start in zip(outputs, starts or [None] * len(outputs), strict=True)]
    if not all(y.requires_grad and y.shape == g.shape for y, g in zip(outputs, starts)):
        raise RuntimeError("grad: expected outputs that require grad, and grad_outputs like them")
    root = Tensor(0.0, requires_grad=True)
    root.grad_fn = Node("grad", [(y, lambda g, start=g: start) for y, g in zip(outputs, starts)])
    return root


def grad(outputs, inputs, grad_outputs=None, retain_graph=False, *, allow_unused=False):
    """d(outputs)/d(input) for each of inputs, as a tuple; of several outputs, the sum times their
    grad_outputs. RuntimeError if an input was not used, which has None with allow_unused."""
    root, inputs = _root(outputs, grad_outputs), [inputs] if isinstance(inputs, Tensor) else inputs
    asked = [x for x in inputs if not x._retains_grad]
    try:
        for x in asked:
            x._retains_grad = True
        found = autograd._walk(root, root.data, retain_graph)
    finally:
        for x in asked:
            x._retains_grad = False
    if not all(x in found or (allow_unused and x.requires_grad) for x in inputs):
        raise RuntimeError("grad: expected inputs that outputs were made from, or allow_unused")
    return tuple(Tensor(np.array(found[x])) if x in found else None for x in inputs)


class _Hooks(dict):
    """Functions that see a gradient; each may change it, or return another."""

    __reduce__ = lambda self: (_Hooks, ())  # a copy has none, as in PyTorch

    def __call__(self, g, first=True):
        if first:  # one call serves all edges
            shown = Tensor(g.copy())
            for hook in [*self.values()]:
                given = hook(shown)
                shown = shown if given is None else given
            self.last = np.asarray(shown, g.dtype).reshape(g.shape)
        return self.last


def _walk(*args, walk=autograd._walk):
    found = walk(*args)
    for x in found:
        if hooks := getattr(x.grad_fn or x, "_hooks", None):
            found[x] = hooks(found[x]) if x.is_leaf else hooks.last
    return found


def register_hook(self, hook):
    """Show hook the gradient of self in each backward, those of leaves at its end, until the handle
    that is returned is asked to remove() it. What hook returns, unless None, takes its place."""
    if not self.requires_grad:
        raise RuntimeError("register_hook: this Tensor does not require grad")
    place, key = self.grad_fn or self, object()
    if not hasattr(place, "_hooks"):
        place._hooks = _Hooks()
        hooks = weakref.ref(place._hooks)  # nothing that an edge saves for its way back
        if place is not self:
            place.edges = place.edges and [(x, lambda g, i=i, back=back: back(hooks()(g, not i)))
                                           for i, (x, back) in enumerate(place.edges)]
    place._hooks[key], autograd._walk = hook, _walk
    return types.SimpleNamespace(remove=lambda kept=place._hooks: kept.pop(key, None))


class Function:
    """An op as a class: forward(ctx, *args) computes on Tensors, backward(ctx, grad) takes the
    gradient of the result to one for each of args, or None. It is called by apply."""

    saved_tensors = ()
    save_for_backward = lambda self, *tensors: setattr(self, "saved_tensors", tensors)

    @classmethod
    def apply(cls, *args):
        """The result of forward, recorded."""
        ctx, last = cls(), []
        sizes = {i: x.shape for i, x in enumerate(args) if isinstance(x, Tensor)}
        ctx.needs_input_grad = tuple(i in sizes and x.requires_grad for i, x in enumerate(args))
        with no_grad():
            result = cls.forward(ctx, *args)
        if not isinstance(result, Tensor):
            raise TypeError(f"forward: expected one Tensor, got {type(result).__name__}")

        def back(g, i):
            if i == ctx.needs_input_grad.index(True):  # one call serves all inputs
                found = cls.backward(ctx, Tensor(g.copy()))
                last[:] = found if isinstance(found, tuple) else (found,)
            return np.zeros(sizes[i]) if last[i] is None else np.asarray(last[i])

        backs = [functools.partial(back, i=i) for i in sizes]
        result = op(lambda *inputs: (result.data.copy(), *backs))(*(args[i] for i in sizes))
        if result.requires_grad:
            result.grad_fn.name = f"{cls.__name__}Backward"
        return result


Node.next_functions = property(lambda self: tuple(
    (x.grad_fn or Node("AccumulateGrad", []), 0) for x, _ in self.edges or ()))
rows({"grad": grad, "Function": Function, "Variable": lambda data, requires_grad=False:
      data.detach().requires_grad_(requires_grad),
      "backward": lambda tensors, grad_tensors=None, retain_graph=False:
      _root(tensors, grad_tensors).backward(retain_graph=retain_graph)}, "autograd")


def _check(self, before=Node.check):
    """What made an input is what had made it when this node was born."""
    for i, (x, back) in enumerate(self.edges):
        while vars(x).get("_was", (0,))[0] >= self.born:
            x = x._was[1]
        self.edges[i] = x, back
    before(self)


def _past(x, data):
    past, gone = Tensor(data, x.requires_grad), x.grad_fn is not None and x.grad_fn.edges is None
    vars(past).update(grad_fn=x.grad_fn, _was=(0,) if gone else vars(x).get("_was", (0,)))
    return past


_views = weakref.WeakValueDictionary({  # {id of a view: the view}; here all Tensors that are older
    id(x): x for x in gc.get_objects() if issubclass(type(x), Tensor) and "data" in vars(x)})
_way = lambda x: vars(x).get("_way", (x,))  # the whole whose memory x shows, and the steps to x
_taken = lambda x, whole: functools.reduce(lambda y, step: step(y), _way(x)[1:], whole)
_turned = lambda x: _taken(x, _way(x)[0]).data.__array_interface__ != x.data.__array_interface__
_places = lambda x: Tensor(np.arange(x.data.size).reshape(x.shape))
Tensor.__getstate__ = lambda x: {k: v for k, v in vars(x).items() if k not in ("_way", "_was")}


def _view(f, self, *args, **options):
    result = f(self, *args, **options)
    if is_grad_enabled() and owner(result.data) is owner(self.data):
        vars(result)["_way"] = *_way(self), lambda x: f(x, *args, **options)
        _views[id(result)] = result
    return result


viewing = lambda f: functools.wraps(f)(functools.partial(_view, f))
for _name in "_getitem", "reshape", "permute", "transpose", "squeeze", "unsqueeze", "expand":
    _f = vars(shapes)[_name]
    vars(shapes)[_name] = chance(_f).refusing = viewing(_f)


@op
def _put(a, b, /, at):
    def put(array, value):
        array = np.array(array, order="C")
        array.reshape(-1)[at, ...] = value
        return array

    return put(a, b), lambda g: put(g, 0), lambda g, n=b.ndim: np.array(g.reshape(-1)[at], ndmin=n)


def change(self, compute, *args, **options):
    """self becomes compute(self, *args, **options), in its own memory, and that is recorded."""
    whole, store = _way(self)[0], owner(self.data)
    past = _past(whole, whole.data.copy())
    args = [_taken(x, past) if isinstance(x, Tensor) and _way(x)[0] is whole else x for x in args]
    result, past.data = compute(_taken(self, past), *args, **options), whole.data
    if result.shape != self.shape:
        raise ValueError(f"in place: expected shape {self.shape}, got {result.shape}")
    same = [x for r in _views.valuerefs() if (x := r()) is not None and owner(x.data) is store]
    family = [whole, *(x for x in same if _way(x)[0] is whole is not x)]
    for x in [x for x in family if x.is_leaf and x.requires_grad] if result.grad_fn else [self]:
        inplace.check_inplace(self.detach()) or inplace.check_inplace(x)  # the first: behind a view
    if result.grad_fn and any(_way(x)[0] is x is not whole or _turned(x) for x in same):
        raise RuntimeError("in place: a view is too old: import nptorch.bridge first, or clone()")
    np.copyto(self.data, result.data)
    versions.written(self.data)
    if result.grad_fn:
        Node.check = _check
        new = result if self is whole else _put(past, result, _taken(self, _places(whole)).data)
        for x in family:
            made = new.grad_fn if x is whole else _taken(x, whole).grad_fn
            vars(x).update(requires_grad=True, grad_fn=made, _was=(made.born, _past(x, x.data)))
    return self


def _write(self, key, value):
    return change(self, _put, torch.as_tensor(value, dtype=self.dtype), _places(self)[key].data)


WORDS["out"] = lambda call, out: call.after.append(  # refused where a gradient would be lost
    lambda result: change(out, lambda before: Tensor(result.numpy())))
_changing = lambda name: lambda self, *args, **options: change(
    self, getattr(Tensor, name), *args, **options)
fuller(Tensor.__array_ufunc__)(plain(Tensor.__array_ufunc__))  # anew: it knew fewer names
fuller(Tensor.__setitem__)(_write)
fuller(Tensor.zero_)(lambda self: _write(self, ..., 0))
fuller(Tensor.copy_)(lambda self, source: _write(self, ..., source))  # which is fill_, too
for _name in BOTH:
    _f, _own = _changing(_name), vars(Tensor)[f"{_name}_"]
    fuller(_own)(_f) if not isinstance(_own, Waiting) else rows(
        {f"{_name}_": _f}, *[""] * (_name in ROWS), Tensor)
rows({f"{name}_": lambda self, *args, name=name: inplace.check_inplace(self) or ([
    setattr(self, k, x) for k, x in vars(getattr(self, name.replace("resize", "reshape"))(
        *args)).items() if k in vars(self)] and self)
    for name in ("unsqueeze", "squeeze", "t", "transpose", "resize")} | {
        "register_hook": register_hook,
        "detach_": lambda self: setattr(Node, "check", _check) or vars(self).update(
            _was=(next(Node.clock), _past(self, self.data)) if self.grad_fn else (0,),
            requires_grad=False, grad_fn=None) or self}, Tensor)


def _data(self):
    """The array, for the package itself; for others a Tensor that shares it, as in PyTorch."""
    array, asking = vars(self)["data"], sys._getframe(1).f_globals.get("__name__", "")
    return array if asking.partition(".")[0] == "nptorch" else Tensor(array)


def __getattr__(name):
    """from nptorch.bridge.graph import tensor_data: from then on Tensor.data is a Tensor."""
    if name != "tensor_data":
        raise AttributeError(name)
    Tensor.data = property(_data, lambda self, array: vars(self).update(data=array))
