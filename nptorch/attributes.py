"""What a Tensor's attributes may be, and how it meets NumPy (notebooks/14_manners.ipynb)."""

import weakref

import numpy as np

import nptorch
from nptorch import inplace, shapes
from nptorch.autograd import Node, Tensor, is_grad_enabled, real_array
from nptorch.inplace import check_inplace

_whose = weakref.WeakValueDictionary()  # {id of a grad, or of a leaf's array: the leaf}


def _data(self, value):
    if not isinstance(value, (np.ndarray, np.generic, Tensor)):
        raise TypeError(f"data: expected an array or a Tensor, got {type(value).__name__}")
    array = real_array(value)
    if self.requires_grad and array.dtype.kind != "f":
        raise RuntimeError(f"data: only floats can require grad, got dtype {array.dtype}")
    leaf = _whose.get(id(self))
    if leaf is not None and leaf.grad is self:
        _grad(leaf, Tensor(array))  # refused unless it is like the leaf
    return array


def _requires_grad(self, value):
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"requires_grad: expected True or False, got {value!r}")
    if value and self.data.dtype.kind != "f":
        raise RuntimeError(f"only floats can require grad, got dtype {self.dtype}")
    if not value and not self.is_leaf:
        raise RuntimeError("only a leaf can stop requiring grad: use detach()")
    _whose[id(self.data)] = self
    return bool(value)


def _grad(self, value):
    if value is None:
        return None
    if not isinstance(value, Tensor):
        raise TypeError(f"grad: expected a Tensor or None, got {type(value).__name__}")
    if value.shape != self.shape or value.dtype != self.dtype:
        raise RuntimeError(f"grad: expected shape {self.shape} and dtype {self.dtype}, "
                           f"got {value.shape} and {value.dtype}")
    _whose[id(value)] = self
    return value


written = lambda array: None  # hears of each write in place; versions.py binds its record here
_set = object.__setattr__  # past the checks
_CHECKS = {"data": _data, "requires_grad": _requires_grad, "grad": _grad}


def _setattr(self, name, value):
    """Check what is assigned; t.data += 1 assigns the array that is there: a write in place."""
    if name == "data" and value is self.data:
        written(value)
        return
    if name in _CHECKS:
        value = _CHECKS[name](self, value)
    _set(self, name, value)


def _init(self, data=(), requires_grad=None, *more):
    if type(data) is not np.ndarray or data.dtype.kind not in "fiub":
        if type(data) is int and type(self) is Tensor and type(requires_grad) is not bool:
            sizes = (data, *more) if requires_grad is None else (data, requires_grad, *more)
            data, requires_grad = nptorch.zeros(*sizes).data, None
        data = real_array(data)
    _set(self, "data", data)
    if requires_grad:
        if requires_grad is not True or data.dtype.kind != "f":
            requires_grad = _requires_grad(self, requires_grad)
        _set(self, "requires_grad", requires_grad)


def _deepcopy(self, memo):
    raise RuntimeError("only leaves can be deep-copied: this Tensor was made by an op; "
                       "use t.detach() for a copy without its history")


Tensor.__init__, Tensor.__setattr__, Node.__deepcopy__ = _init, _setattr, _deepcopy
Node.__reduce__ = lambda self: (type(None), ())  # a pickled Tensor has no history, as in PyTorch

_METHODS = {"subtract": "sub", "multiply": "mul", "divide": "div", "power": "pow", "equal": "eq",
            "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt",
            "greater_equal": "ge", "negative": "neg", "absolute": "abs"}


def _array_ufunc(self, ufunc, method, *inputs, out=None, **options):
    """NumPy's ufunc of a Tensor: written into an array (t.data -= lr * t.grad), or our own op."""
    if out is not None and all(isinstance(x, np.ndarray) for x in out):
        arrays = [x.numpy() if isinstance(x, Tensor) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, out=out, **options)
    f = getattr(Tensor, _METHODS.get(ufunc.__name__, ufunc.__name__), None)
    if f is None or method != "__call__" or out is not None or options:
        raise TypeError(f"np.{ufunc.__name__}, as it is called here, has no counterpart for "
                        "Tensors: use t.detach().numpy()")
    return f(*inputs)


Tensor.__array_ufunc__ = _array_ufunc


def owner(array, last=None):
    """The last array on the way from array, which may be a view, to whoever owns its memory."""
    last = array if isinstance(array, np.ndarray) else last
    base = getattr(array, "obj" if isinstance(array, memoryview) else "base", None)
    return last if base is None else owner(base, last)


def check_view(self, source=None):
    """check_inplace, and the same for a view of a leaf that has come to require grad since."""
    if self.requires_grad or source is not None:
        check_inplace(self, source)
    if self.data.base is not None and is_grad_enabled():
        base = owner(self.data)
        leaf = _whose.get(id(base))
        if leaf is not None and leaf.data is base and leaf.requires_grad:
            raise RuntimeError("a view of a leaf that requires grad can't be changed in place "
                               "while recording: do it inside no_grad()")


inplace.check_inplace = shapes.check_inplace = check_view
