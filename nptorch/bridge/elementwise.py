"""Functions of each element, as rows of a table (notebooks/16_bridge.ipynb)."""

import math

import numpy as np

import nptorch as torch
from nptorch import autograd, creation
from nptorch.autograd import Tensor, op
from nptorch.bridge.words import fuller, rows
from nptorch.ops import floats

ROWS = {  # name: the function, and what it makes of a gradient g at a
    "sin": (np.sin, lambda g, a: g * np.cos(a)),
    "cos": (np.cos, lambda g, a: -g * np.sin(a)),
    "tan": (np.tan, lambda g, a: g / np.cos(a) ** 2),
    "asin": (np.arcsin, lambda g, a: g / np.sqrt(1 - a * a)),
    "acos": (np.arccos, lambda g, a: -g / np.sqrt(1 - a * a)),
    "atan": (np.arctan, lambda g, a: g / (1 + a * a)),
    "sinh": (np.sinh, lambda g, a: g * np.cosh(a)),
    "cosh": (np.cosh, lambda g, a: g * np.sinh(a)),
    "log2": (np.log2, lambda g, a: g / (a * np.log(2))),
    "log10": (np.log10, lambda g, a: g / (a * np.log(10))),
    "log1p": (np.log1p, lambda g, a: g / (1 + a)),
    "erf": (np.vectorize(math.erf, "d"), lambda g, a: g * 2 / math.pi**0.5 * np.exp(-a * a)),
    "reciprocal": (np.reciprocal, lambda g, a: -g / (a * a))}

STEPS = {"ceil": (np.ceil,), "floor": (np.floor,), "trunc": (np.trunc,),
         "round": (lambda a, decimals=0: np.round(a.astype(np.float64), decimals),),
         "sign": (lambda a: np.subtract(a > 0, a < 0, dtype=np.int8),)}  # where NumPy's keeps nan


def _row(name, f, slope=None):
    def row(a, /, **options):
        a = floats(a) if slope else a
        same = a.dtype.kind != "f" and name != "sign"
        value = a.copy() if same else f(a, **options).astype(a.dtype, copy=False)
        return value, (lambda g: slope(g, a)) if slope else lambda g: np.zeros_like(g)

    row.__name__, row.__qualname__, row.__doc__ = name, name, f"{name} of each element."
    return op(row)


rows({name: _row(name, *row) for name, row in (ROWS | STEPS).items()}
     | {name: lambda *a, name=name: Tensor(np.asarray(getattr(np, name)(*autograd.arrays(a))))
        for name in "isnan isinf isfinite logical_not logical_and logical_or logical_xor".split()}
     | {"clamp_min": lambda input, min: torch.clamp(input, min),
        "clamp_max": lambda input, max: torch.clamp(input, max=max)}, "", Tensor)
ALIASES = dict(absolute="abs", negative="neg", multiply="mul", subtract="sub", divide="div",
               true_divide="div", greater="gt", greater_equal="ge", less="lt", less_equal="le",
               not_equal="ne", clip="clamp", swapaxes="transpose")
rows({name: getattr(Tensor, same) for name, same in ALIASES.items()}, "", Tensor)
rows({f"__i{sign}__": lambda self, other, name=name: getattr(self, name)(other)
      for sign, name in {"floordiv": "floor_divide_", "mod": "remainder_", "and": "bitwise_and_",
                         "or": "bitwise_or_", "xor": "bitwise_xor_"}.items()}, Tensor)

for _f in (torch.softmax, torch.log_softmax):  # F.softmax guesses a dimension, and warns
    fuller(_f)(lambda input, dim=None, *more, f=_f: f(
        next((creation.to(input, d) for d in more if not isinstance(d, int)), input),
        int(input.ndim not in (0, 1, 3)) if dim is None else dim))


@fuller(torch.clamp)
def _clamp(input, min=None, max=None):  # whose bounds may be Tensors
    if min is None and max is None:
        raise ValueError("clamp: expected min, max or both")
    input = input if min is None else torch.where(torch.lt(input, min), min, input)
    return input if max is None else torch.where(torch.gt(input, max), max, input)


@fuller(torch.div)
def _div(input, other, rounding_mode=None):
    if rounding_mode not in (None, "floor", "trunc"):
        raise ValueError(f"rounding_mode: expected None, 'floor' or 'trunc', got {rounding_mode!r}")
    a, b = map(np.asarray, autograd.arrays((input, other)))
    if rounding_mode and a.dtype.kind in "iub" and b.dtype.kind in "iub":
        return Tensor((a - (np.mod if rounding_mode == "floor" else np.fmod)(a, b)) // b)
    return getattr(torch.div(input, other), rounding_mode or "clone")()
