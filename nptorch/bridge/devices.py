"""One device, and the dtypes (notebooks/16_bridge.ipynb)."""

import importlib
import math

import numpy as np

import nptorch as torch
from nptorch import creation
from nptorch.autograd import Tensor, op
from nptorch.bridge.words import at_device, fuller, rows
from nptorch.nn.module import Module


class device(str):
    """This computer's memory, device("cpu"), the one place for numbers. RuntimeError for others."""

    type, index = "cpu", None
    __repr__ = lambda self: "device(type='cpu')"

    def __new__(cls, type="cpu", index=None):
        at_device(None, type)
        return super().__new__(cls, "cpu")


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

_KINDS = {"Float": np.float32, "Double": np.float64, "Half": np.float16, "Byte": np.uint8,
          "Char": np.int8, "Short": np.int16, "Int": np.int32, "Long": np.int64, "Bool": np.bool_}


def _make(kind, *args):  # FloatTensor(2, 3) has lengths, FloatTensor([2, 3]) numbers
    of = creation.zeros if args and isinstance(args[0], int) else creation.tensor
    return of(*args or [[]], dtype=kind.dtype)


def _type(self, dtype=None):
    """The Tensor as dtype, a FloatTensor as well, or the name of its own kind."""
    kinds = {np.dtype(kind): f"torch.{name}Tensor" for name, kind in _KINDS.items()}
    return kinds[self.dtype] if dtype is None else to(self, np.dtype(dtype))


for _name, _kind in _KINDS.items():
    _class = type(f"{_name}Tensor", (), {"__new__": _make, "dtype": np.dtype(_kind)})
    rows({f"{_name}Tensor": _class, _name.lower(): _kind, np.dtype(_kind).name: _kind}, "")
    rows({_name.lower(): lambda self, kind=_kind: to(self, kind)}, method=True)
    if np.dtype(_kind).kind == "f":
        setattr(Module, _name.lower(), lambda self, kind=_kind: self.to(kind))

rows({
    "device": device, "is_tensor": lambda obj: isinstance(obj, Tensor),
    "numel": lambda input: input.data.size,
    "set_default_device": lambda device: at_device(None, device),
    "set_printoptions": lambda *args, **options: None,  # numbers are printed in one way here
    "Size": tuple, "dtype": np.dtype, "finfo": np.finfo, "iinfo": np.iinfo, "inf": math.inf,
    "nan": math.nan, "pi": math.pi, "e": math.e, "newaxis": None}, "")
rows({"type": _type, "cpu": lambda self: self, "cuda": lambda self: to(self, "cuda"),
      "is_contiguous": lambda self: self.data.flags.c_contiguous,
      "contiguous": lambda self: self if self.is_contiguous() else _in_order(self),
      "stride": lambda self: tuple(n // self.data.itemsize for n in self.data.strides),
      "data_ptr": lambda self: self.data.ctypes.data}, method=True)
for _place in ("cuda", "mps", "accelerator", "backends.mps", "backends.cudnn"):
    rows({"is_available": lambda: False, "device_count": lambda: 0,
          "manual_seed_all": lambda seed: None, "empty_cache": lambda: None}, _place)
rows({"manual_seed": torch.manual_seed}, "random", "cuda", "mps")
rows({name: lambda *args, name=name: getattr(
    importlib.import_module("multiprocessing"), name)(*args)  # Python's own, slow to load
    for name in ("Pool", "cpu_count")}, "multiprocessing")
