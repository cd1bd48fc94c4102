"""How a missing name or argument finds the bridge.

A name: Python asks the __getattr__ of a module or a class for what is not there. Here it imports
nptorch.bridge, whose tables put their names in their places, and looks again. An argument: every
public function stands in a second_chance. What it refuses is shown to nptorch.bridge.words.again,
which knows other words for arguments, and fuller functions (notebooks/16_bridge.ipynb)."""

import functools
import importlib
import sys
import types

from nptorch import nn, optim
from nptorch.autograd import Tensor
from nptorch.nn.module import Module, ShapeError
from nptorch.utils import data


class Absent(AttributeError):
    """A name that is not there; the message names the nearest that are, when somebody reads it."""

    def __str__(self):
        import difflib  # slow to load, and seldom needed

        label, name, owner = self.args
        near = difflib.get_close_matches(name, [n for n in dir(owner) if n[0] != "_"])
        return f"{label} has no {name!r}; the nearest that is there: {', '.join(near) or 'none'}"


def bridge():
    """The package nptorch.bridge, imported at the first call."""
    return importlib.import_module("nptorch.bridge")


def _watch(path):
    module = sys.modules.setdefault(path, types.ModuleType(path))

    def __getattr__(name):
        if name[:2] != "__":
            bridge()
        if name not in vars(module):
            raise Absent(path, name, module)
        return vars(module)[name]

    parent, _, child = path.rpartition(".")
    module.__getattr__ = __getattr__
    if parent:
        setattr(sys.modules[parent], child, module)


for _address in ("", ".nn", ".nn.functional", ".nn.init", ".nn.utils", ".optim", ".autograd",
                 ".optim.lr_scheduler", ".utils.data", ".cuda", ".mps", ".accelerator", ".random",
                 ".backends", ".backends.cudnn", ".backends.mps"):
    _watch(f"nptorch{_address}")

_OF_MODULES = "to cpu cuda float double half type".split()


def _getattr(self, name):
    if name in _OF_MODULES if isinstance(self, Module) else name[:2] != "__":
        bridge()
        if hasattr(type(self), name):
            return object.__getattribute__(self, name)
    raise Absent(type(self).__name__, name, self)


Tensor.__getattr__ = Module.__getattr__ = _getattr


def second_chance(f):
    """f, but what it refuses is shown to the bridge, which knows more of PyTorch's arguments."""
    @functools.wraps(f)
    def first(*args, **options):
        try:
            return f(*args, **options)
        except (TypeError, ValueError, AttributeError, RuntimeError) as error:
            return bridge().words.again(error, f, args, options)

    first.refusing = f
    return first


chance = functools.cache(second_chance)  # two names of one function stay one function
_OPERATORS = {"__setitem__", "__array_ufunc__", *(
    f"__{turned}{name}__" for turned in ("", "r", "i") for name in (
        "add sub mul truediv pow matmul floordiv mod and or xor eq ne lt le gt ge").split())}
for _owner in (sys.modules["nptorch"], nn.functional, nn.init, Tensor):
    for _name, _f in list(vars(_owner).items()):
        if isinstance(_f, types.FunctionType) and (_name[0] != "_" or _name in _OPERATORS):
            setattr(_owner, _name, chance(getattr(_f, "refusing", _f)))

for _class in [*vars(nn).values(), *vars(optim).values(), *vars(data).values()]:
    if isinstance(_class, type) and _class not in (Module, Tensor):
        _class.__init__ = chance(getattr(_class.__init__, "refusing", _class.__init__))
Module.load_state_dict = chance(getattr(Module.load_state_dict, "refusing", Module.load_state_dict))
ShapeError.__bases__ = ValueError, RuntimeError
