"""One device, and the dtypes (notebooks/16_bridge.ipynb)."""

from collections import namedtuple

import numpy as np

import nptorch as torch
from nptorch import creation
from nptorch.autograd import Tensor, op
from nptorch.bridge.words import at_device, fuller, rows
from nptorch.nn.buffers import Buffer
from nptorch.nn.module import Module, Parameter


class device(namedtuple("device", "type index")):
    """This computer's memory, device("cpu"), the one place for numbers. RuntimeError for others."""

    __str__ = lambda self: "cpu" if self.index is None else f"cpu:{self.index}"
    __repr__ = lambda self: f"device(type='cpu'{str(self)[3:].replace(':', ', index=')})"

    def __new__(cls, type="cpu", index=None):
        at_device(None, type)
        return super().__new__(cls, "cpu", int(str(type)[4:]) if ":" in str(type) else index)


@fuller(Tensor.to)
def to(input, *args, dtype=None, device=None, copy=False):
    """input as another dtype, or as another Tensor; itself if nothing changes, unless copy."""
    for x in (*args, device):
        if isinstance(x, (Tensor, type, np.dtype)):
            dtype = x.dtype if isinstance(x, Tensor) else x
        elif not isinstance(x, bool):
            at_device(None, x)
    copy = copy or [x for x in args if isinstance(x, bool)][1:] == [True]  # behind non_blocking
    result = creation.to(input, dtype)
    return result.clone() if copy and result is input else result


def _move(self, *args, **options):
    for x in (x for module in self.modules() for x in vars(module).values()):
        if isinstance(x, (Parameter, Buffer)) and x.dtype.kind == "f":
            x.data = x.detach().to(*args, **options).data
            x.grad = None if x.grad is None else x.grad.to(*args, **options)
    return self


rows({"to": _move, "type": _move}, Module)
rows({"cpu": lambda self: self, "cuda": lambda self: self.to("cuda")}, Tensor, Module)
Tensor.device, Tensor.is_cuda = property(lambda self: device()), False


class _Kind(type):  # FloatTensor(2, 3) has lengths, FloatTensor([2, 3]) numbers
    __instancecheck__ = lambda kind, x: isinstance(x, Tensor) and x.dtype == kind.dtype
    __call__ = lambda kind, *args: (creation.zeros if args and isinstance(args[0], int)
                                    else torch.as_tensor)(*args or [[]], dtype=kind.dtype)


rows({"new": lambda self, *args: _Kind.__call__(  # whose lengths may be another's size()
    self, *(args[0] if args and type(args[0]) is tuple else args))}, Tensor)
_KINDS = {f"torch.{name}Tensor": np.dtype(code) for name, code in zip(
    "Float Double Half Byte Char Short Int Long Bool".split(), "f4 f8 f2 u1 i1 i2 i4 i8 ?".split())}
for _name, _kind in _KINDS.items():
    _short = _name[6:-6].lower()
    rows({_name[6:]: _Kind(_name[6:], (), {"dtype": _kind}), _kind.name: _kind}
         | ({_short: _kind} if _kind.itemsize > 1 else {}), "")  # PyTorch has no torch.byte
    rows({_short: lambda self, kind=_kind: self.to(kind)}, Tensor, *[Module] * (_kind.kind == "f"))


class finfo:
    """The limits of a kind of floats, in Python's numbers."""

    __init__ = lambda self, type=np.float32: vars(self).update(dtype=np.dtype(type).name, **{
        name: np.asarray(getattr(np.finfo(type), name)).item()
        for name in "bits eps max min resolution smallest_normal tiny".split()})


rows({"is_tensor": lambda obj: isinstance(obj, Tensor), "numel": lambda input: input.data.size,
      "set_default_device": lambda device: at_device(None, device), "device": device,
      "Size": tuple, "finfo": finfo, "set_printoptions": lambda *args, **options: None,  # unheard
      **{name: getattr(np, name) for name in "dtype iinfo inf nan pi e newaxis".split()}}, "")
_in_order = op(lambda a, /: (a.copy(), lambda g: g))
rows({"type": lambda self, dtype=None: self.to(np.dtype(_KINDS.get(dtype, dtype))) if dtype else (
          next(name for name, kind in _KINDS.items() if kind == self.dtype)),
      "is_contiguous": lambda self: self.data.flags.c_contiguous,
      "contiguous": lambda self: self if self.is_contiguous() else _in_order(self),
      "stride": lambda self, dim=slice(None): tuple(
          n // self.data.itemsize for n in self.data.strides)[dim],
      "data_ptr": lambda self: self.data.ctypes.data}, Tensor)
rows({"is_available": lambda: False, "device_count": lambda: 0,
      "manual_seed_all": lambda seed: None, "empty_cache": lambda: None},
     "cuda", "mps", "accelerator", "backends.mps", "backends.cudnn")
rows({"manual_seed": torch.manual_seed}, "random", "cuda", "mps")
rows({"Parameter": Parameter}, "nn.parameter")
rows({name: lambda *args, name=name: getattr(__import__("multiprocessing"), name)(*args)
      for name in ("Pool", "cpu_count")}, "multiprocessing")  # Python's own, slow to load
