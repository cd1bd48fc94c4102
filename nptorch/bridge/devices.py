"""One device, and the dtypes (notebooks/16_bridge.ipynb)."""

import importlib
import math
from collections import namedtuple

import numpy as np

import nptorch as torch
from nptorch import creation
from nptorch.autograd import Tensor, op
from nptorch.bridge.words import at_device, fuller, rows
from nptorch.nn.module import Module


class device(namedtuple("device", "type index")):
    """This computer's memory, device("cpu"), the one place for numbers. RuntimeError for others."""

    __str__ = lambda self: "cpu" if self.index is None else f"cpu:{self.index}"
    __repr__ = lambda self: "device(type='cpu'" + (
        ")" if self.index is None else f", index={self.index})")

    def __new__(cls, type="cpu", index=None):
        at_device(None, type)
        number = str(type).partition(":")[2]
        return super().__new__(cls, "cpu", int(number) if number else index)


@fuller(Tensor.to)
def to(input, *args, dtype=None, device=None, copy=False, non_blocking=False):
    """input as another dtype or on another device, or as another Tensor is; without either it is
    input itself, unless copy."""
    for x in (*args, device):
        if isinstance(x, (Tensor, type, np.dtype)):
            dtype = x.dtype if isinstance(x, Tensor) else x
        elif not isinstance(x, bool):
            at_device(None, x)
    result = input if dtype is None else creation.to(input, dtype)
    return result.clone() if copy and result is input else result


def _move(self, *args, **options):
    for x in (x for module in self.modules() for x in vars(module).values()):
        if isinstance(x, Tensor) and x.dtype.kind == "f":
            gradient, x.grad = x.grad, None
            x.data = to(x.detach(), *args, **options).data
            x.grad = None if gradient is None else to(gradient, *args, **options)
    return self


Module.to = Module.type = _move
Module.cpu, Module.cuda = lambda self: self, lambda self: self.to("cuda")
_in_order = op(lambda a, /: (a.copy(), lambda g: g))
Tensor.device, Tensor.is_cuda = property(lambda self: device()), False

_KINDS = {name: np.dtype(kind) for name, kind in {
    "Float": "f4", "Double": "f8", "Half": "f2", "Byte": "u1", "Char": "i1", "Short": "i2",
    "Int": "i4", "Long": "i8", "Bool": "?"}.items()}


def _make(kind, *args):  # FloatTensor(2, 3) has lengths, FloatTensor([2, 3]) numbers
    of = creation.zeros if args and isinstance(args[0], int) else torch.as_tensor
    return of(*args or [[]], dtype=kind.dtype)


def _type(self, dtype=None):
    """The Tensor as dtype, a FloatTensor as well, or the name of its own kind."""
    kinds = {f"torch.{name}Tensor": kind for name, kind in _KINDS.items()}
    return to(self, np.dtype(kinds.get(dtype, dtype))) if dtype is not None else next(
        name for name, kind in kinds.items() if kind == self.dtype)


class _Kind(type):
    __instancecheck__ = lambda kind, x: isinstance(x, Tensor) and x.dtype == kind.dtype


for _name, _kind in _KINDS.items():
    _class = _Kind(f"{_name}Tensor", (), {"__new__": _make, "dtype": _kind})
    rows({f"{_name}Tensor": _class, _kind.name: _kind}, "")
    if _kind.itemsize > 1:  # PyTorch has no torch.byte
        rows({_name.lower(): _kind}, "")
    rows({_name.lower(): lambda self, kind=_kind: to(self, kind)}, method=True)
    if _kind.kind == "f":
        setattr(Module, _name.lower(), lambda self, kind=_kind: self.to(kind))


class finfo:
    """The limits of a kind of floats, in Python's numbers."""

    def __init__(self, type=np.float32):
        limits = np.finfo(type)
        self.bits, self.dtype = limits.bits, limits.dtype.name
        for name in "eps max min resolution smallest_normal tiny".split():
            setattr(self, name, float(getattr(limits, name)))


rows({
    "device": device, "is_tensor": lambda obj: isinstance(obj, Tensor),
    "numel": lambda input: input.data.size,
    "set_default_device": lambda device: at_device(None, device),
    "set_printoptions": lambda *args, **options: None,  # numbers are printed in one way here
    "Size": tuple, "dtype": np.dtype, "finfo": finfo, "iinfo": np.iinfo, "inf": math.inf,
    "nan": math.nan, "pi": math.pi, "e": math.e, "newaxis": None}, "")
rows({"type": _type, "cpu": lambda self: self, "cuda": lambda self: to(self, "cuda"),
      "is_contiguous": lambda self: self.data.flags.c_contiguous,
      "contiguous": lambda self: self if self.is_contiguous() else _in_order(self),
      "stride": lambda self, dim=slice(None): tuple(
          n // self.data.itemsize for n in self.data.strides)[dim],
      "data_ptr": lambda self: self.data.ctypes.data}, method=True)
for _place in ("cuda", "mps", "accelerator", "backends.mps", "backends.cudnn"):
    rows({"is_available": lambda: False, "device_count": lambda: 0,
          "manual_seed_all": lambda seed: None, "empty_cache": lambda: None}, _place)
rows({"manual_seed": torch.manual_seed}, "random", "cuda", "mps")
rows({name: lambda *args, name=name: getattr(
    importlib.import_module("multiprocessing"), name)(*args)  # Python's own, slow to load
    for name in ("Pool", "cpu_count")}, "multiprocessing")
