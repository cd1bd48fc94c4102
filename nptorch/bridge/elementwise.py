"""Functions of each element, as rows of a table (notebooks/16_bridge.ipynb)."""

import math

import numpy as np

import nptorch as torch
from nptorch import autograd, creation
from nptorch.autograd import Tensor, op
from nptorch.bridge.words import fuller, rows
from nptorch.ops import floats

ROWS = {  # name: the function, and what it makes of a gradient g at a, where its value is y
    "sin": (np.sin, lambda g, a, y: g * np.cos(a)),
    "cos": (np.cos, lambda g, a, y: -g * np.sin(a)),
    "tan": (np.tan, lambda g, a, y: g * (1 + y * y)),
    "asin": (np.arcsin, lambda g, a, y: g / np.sqrt(1 - a * a)),
    "acos": (np.arccos, lambda g, a, y: -g / np.sqrt(1 - a * a)),
    "atan": (np.arctan, lambda g, a, y: g / (1 + a * a)),
    "sinh": (np.sinh, lambda g, a, y: g * np.cosh(a)),
    "cosh": (np.cosh, lambda g, a, y: g * np.sinh(a)),
    "log2": (np.log2, lambda g, a, y: g / (a * math.log(2))),
    "log10": (np.log10, lambda g, a, y: g / (a * math.log(10))),
    "log1p": (np.log1p, lambda g, a, y: g / (1 + a)),
    "reciprocal": (np.reciprocal, lambda g, a, y: -g * y * y)}

STEPS = {name: getattr(np, name) for name in "ceil floor trunc".split()} | {
    "round": lambda a, decimals=0: np.round(
        a.astype(np.promote_types(a.dtype, np.float32)), decimals).astype(a.dtype),
    "sign": lambda a: np.subtract(a > 0, a < 0, dtype=a.dtype)}  # where NumPy's keeps nan
TESTS = "isnan isinf isfinite logical_not logical_and logical_or logical_xor".split()


def _row(name, f, back):
    def row(a, /):
        a = floats(a)
        value = f(a).astype(a.dtype, copy=False)
        return value, lambda g: back(g, a, value)

    row.__name__, row.__doc__ = name, f"{name} of each element."
    return op(row)


def _step(name, f):
    def step(a, /, **options):
        same = a.dtype.kind == "b" or (a.dtype.kind != "f" and name != "sign")
        return (a.copy() if same else f(a, **options), lambda g: np.zeros_like(g))

    step.__name__, step.__doc__ = name, f"{name} of each element; its gradient is 0."
    return op(step)


rows({f"__i{sign}__": lambda self, other, name=name: getattr(self, name)(other)
      for sign, name in {"floordiv": "floor_divide_", "mod": "remainder_", "and": "bitwise_and_",
                         "or": "bitwise_or_", "xor": "bitwise_xor_"}.items()}, method=True)

rows({name: _row(name, *row) for name, row in ROWS.items()}
     | {name: _step(name, f) for name, f in STEPS.items()}
     | {name: lambda *inputs, name=name: Tensor(np.asarray(getattr(np, name)(
         *autograd.arrays(inputs)))) for name in TESTS}, "", method=True)
ALIASES = {"absolute": "abs", "negative": "neg", "multiply": "mul", "subtract": "sub",
           "divide": "div", "true_divide": "div", "greater": "gt", "greater_equal": "ge",
           "less": "lt", "less_equal": "le", "not_equal": "ne", "swapaxes": "transpose"}
rows({name: getattr(Tensor, same) for name, same in ALIASES.items()}, "", method=True)
rows({"clip": torch.clamp, "clamp_min": lambda input, min: torch.clamp(input, min),
      "clamp_max": lambda input, max: torch.clamp(input, max=max)}, "", method=True)
for _f in (torch.softmax, torch.log_softmax):  # PyTorch guesses a dimension, and warns
    fuller(_f)(lambda input, dim=None, *more, dtype=None, _stacklevel=3, f=_f: f(
        creation.to(input, next((d for d in more if not isinstance(d, int)), dtype) or input.dtype),
        int(input.ndim not in (0, 1, 3)) if dim is None else dim))


@fuller(torch.clamp)
def _clamp(input, min=None, max=None):  # whose bounds may be Tensors
    if min is None and max is None:
        raise ValueError("clamp: expected min, max or both")
    for bound, beyond in (min, torch.lt), (max, torch.gt):
        if bound is not None:
            input = torch.where(beyond(input, bound), bound, input)
    return input


@fuller(torch.div)
def _div(input, other, rounding_mode=None):
    whole = rounding_mode and all(np.asarray(x).dtype.kind in "iub" for x in (input, other))
    if rounding_mode not in (None, "floor", "trunc"):
        raise ValueError(f"rounding_mode: expected None, 'floor' or 'trunc', got {rounding_mode!r}")
    input, other = map(Tensor, autograd.arrays((input, other))) if whole else (input, other)
    quotient = getattr(torch.div(input, other), rounding_mode or "clone")()
    return quotient.to(input.dtype) if whole else quotient
