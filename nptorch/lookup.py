"""How a missing name or argument finds nptorch.bridge (notebooks/16_bridge.ipynb)."""

import functools
import importlib
import sys
import types

from nptorch import nn, optim
from nptorch.autograd import Node, Tensor
from nptorch.nn.module import Module, ShapeError
from nptorch.utils import data

bridge = functools.partial(importlib.import_module, "nptorch.bridge")


class Absent(AttributeError):
    """A name that is not there; the message names the nearest that are, when somebody reads it."""

    def __str__(self):
        import difflib  # slow to load, and seldom needed

        place, name = self.args
        near = difflib.get_close_matches(name, [n for n in dir(place) if n[0] != "_"])
        return (f"{getattr(place, '__name__', type(place).__name__)} has no {name!r}; "
                f"the nearest that is there: {', '.join(near) or 'none'}")


def _asked(place, name):
    if isinstance(place, types.ModuleType) and name[:2] != "__":
        bridge()
    if name not in vars(place):
        raise Absent(place, name)
    return vars(place)[name]


for _path in """nptorch .nn .nn.functional .nn.init .nn.utils .optim .optim.lr_scheduler .autograd
        .linalg .random .utils.data .cuda .mps .accelerator .multiprocessing .nn.parallel
        .nn.parameter .onnx .functional .backends .backends.mps .backends.cudnn""".replace(
            " .", " nptorch.").split():
    _module = sys.modules.setdefault(_path, types.ModuleType(_path))
    _module.__getattr__ = functools.partial(_asked, _module)
    if "." in _path:
        setattr(sys.modules[_path.rpartition(".")[0]], _path.rpartition(".")[2], _module)
for _name in "dataset dataloader sampler".split():  # PyTorch's modules, which are one here
    sys.modules[f"nptorch.utils.data.{_name}"] = vars(data)[_name] = data


class Waiting:
    """A name of a class that the bridge binds as soon as somebody asks for it."""

    def __init__(self, of, name):
        self.of, self.name = of, name

    def __get__(self, instance, owner):
        bridge()
        if vars(self.of)[self.name] is self:
            raise Absent(self.of, self.name)
        return getattr(owner if instance is None else instance, self.name)


Module.__getattr__ = _asked
vars(sys.modules["nptorch.autograd"]).pop("backward", None)  # the bridge's takes several Tensors

BOTH = """sin cos tan asin acos atan sinh cosh log2 log10 log1p erf reciprocal ceil floor trunc sign
round exp log sqrt square abs neg tanh sigmoid relu clamp clip clamp_min clamp_max add sub mul div
pow remainder absolute negative multiply subtract divide true_divide cumsum tril triu masked_fill
bitwise_and bitwise_or bitwise_xor bitwise_not logical_and logical_or logical_xor logical_not eq ne
lt le gt ge floor_divide""".split()  # with and without the underscore of a change in place
_NAMES = {Module: "to cpu cuda float double half type _modules", Node: "next_functions",
          nn.ModuleList: "extend insert pop __setitem__ __delitem__ __iadd__ __add__ __mul__",
          Tensor: """__iand__ __ifloordiv__ __imod__ __ior__ __ixor__ all allclose any argsort
bernoulli bmm bool byte char chunk contiguous cpu cross cuda data_ptr det detach_ device diag dot
equal expand_as flip gather greater greater_equal half histogram index_select int inverse
is_contiguous is_cuda isclose isfinite isinf isnan less less_equal mm multinomial mv new new_empty
new_full new_ones new_tensor new_zeros nonzero norm normal_ not_equal outer prod random_
register_hook repeat repeat_interleave reshape_as resize_ roll scatter scatter_ short sort split
squeeze_ storage storage_offset stride svd swapaxes t t_ tile topk transpose_ type type_as unbind
uniform_ unique unsqueeze_ view_as """ + " ".join(BOTH + [f"{name}_" for name in BOTH])}
for _of, _name in [(of, name) for of in _NAMES for name in _NAMES[of].split()]:
    if _name not in vars(_of):
        setattr(_of, _name, Waiting(_of, _name))


def named(name, f):
    """f; where it has no docstring, as a lambda, it is given one, and name."""
    if not f.__doc__:
        f.__name__, f.__qualname__, f.__doc__ = name, name, f"As PyTorch's {name}."
    return f


@functools.cache  # two names of one function stay one function
def chance(f):
    """f, but what it refuses is shown to the bridge, which knows more of PyTorch's arguments."""
    if hasattr(f, "refusing"):
        return f

    @functools.wraps(f)
    def first(*args, **options):
        try:
            return first.refusing(*args, **options)
        except (TypeError, ValueError, AttributeError, RuntimeError, OverflowError) as error:
            return bridge().words.again(error, first.refusing, args, options)

    first.refusing = f
    return first


_OPERATORS = {"__setitem__", "__array_ufunc__", "__neg__", "__invert__", *(
    f"__{turned}{name}__" for turned in ("", "r", "i") for name in (
        "add sub mul truediv pow matmul floordiv mod and or xor eq ne lt le gt ge").split())}
for _owner in (sys.modules["nptorch"], nn.functional, nn.init, nn.utils, Tensor):
    for _name, _f in list(vars(_owner).items()):
        if isinstance(_f, types.FunctionType) and (_name[0] != "_" or _name in _OPERATORS):
            setattr(_owner, _name, chance(named(_name, _f)))

for _class in [x for of in (nn, optim.lr_scheduler) for x in vars(of).values()]:
    for _name, _f in vars(_class).items() if isinstance(_class, type) else ():
        if isinstance(_f, types.FunctionType) and _name[0] != "_":
            named(_name, _f)

nn.ReLU.__init__, nn.Identity.__init__ = (lambda self: None), (lambda self: None)
for _class in [*vars(nn).values(), *vars(optim).values(), *vars(data).values()]:
    if isinstance(_class, type) and _class not in (Module, Tensor):
        _class.__init__ = chance(_class.__init__)

for _name in """Conv2d MaxPool2d AvgPool2d Dropout LayerNorm Embedding MultiheadAttention
        MSELoss L1Loss NLLLoss CrossEntropyLoss BCEWithLogitsLoss""".split():
    vars(nn)[_name].forward = chance(vars(nn)[_name].forward)
Module.load_state_dict = chance(Module.load_state_dict)
ShapeError.__bases__ = ValueError, RuntimeError
