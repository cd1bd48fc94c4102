"""PyTorch's and NumPy's words for arguments (notebooks/16_bridge.ipynb)."""

import functools
import inspect
import linecache
import re
import sys
import traceback
import types

import numpy as np

from nptorch import autograd, creation
from nptorch.autograd import Tensor
from nptorch.lookup import chance
from nptorch.nn.module import Module

plain = lambda f: getattr(f, "refusing", f)  # without its second chance


def fuller(f):
    """Let the function below be asked where f refuses its arguments."""
    return lambda g: setattr(plain(f), "fuller", g) or g


def rows(table, *at, method=False):
    """Let a table {name: function or class} stand at PyTorch's addresses, and of Tensor's."""
    for name, f in table.items():
        if getattr(f, "__name__", "") == "<lambda>":
            f.__name__ = f.__qualname__ = name
            f.__doc__ = f"As torch.{name}."
        if isinstance(f, types.FunctionType):
            f = chance(f)
        for address in at:
            setattr(sys.modules[f"nptorch.{address}".rstrip(".")], name, f)
        if method:
            setattr(Tensor, name, f)


SAID = {  # by NumPy and Python, and what we say
    r"operands could not be broadcast together with \D*shapes? (.*\S).*": (
        r"shapes: expected two that go together, got \1"),
    r"non-broadcastable output operand with shape (.*) doesn't match the broadcast shape (.*)": (
        r"in place: expected a result of shape \1, got \2"),
    r"could not broadcast input array from shape (.*) into shape (.*)": (
        r"value: expected shape \2, or one that stretches to it, got \1"),
    r"Cannot cast .* from dtype\('(\w+)'\) to dtype\('(\w+)'\) .*": (
        r"in place: expected a result of \2, got \1: make a new Tensor, as in x = x + y"),
    r"ufunc '(\w+)' not supported for .*": r"\1: expected whole numbers or bools, got floats",
    r".*numpy boolean (negative|subtract), .*": (
        r"\1: expected numbers, got bools: use ^ or ~, or convert them with .long()"),
    r"(zero-size array|attempt to get arg\w+) .*": "input: expected an element or more, got none",
    r"cannot reshape array of size (\d+) into shape (.*)": r"shape: \1 elements don't fill \2",
    r"'(int|float|bool|str|list|tuple|NoneType|numpy\.\w+)' object has no attribute .*": (
        r"expected a Tensor, got \1"),
    "assignment destination is read-only": "an expanded Tensor is not written to: clone() it first",
    "Input must be 1- or 2-d.": "input: expected one dimension or two"}

_BOTH = {kind: type(kind.__name__, (kind, RuntimeError), {"__module__": "builtins"})
         for kind in (TypeError, ValueError)}


def also_runtime(error):
    """error as PyTorch's scripts expect it: a RuntimeError, besides what it is; in our words."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    text, ours = str(error), frame.f_globals.get("__name__", "").startswith(("nptorch", "numpy"))
    if isinstance(error, np.exceptions.AxisError) and error.ndim is not None:
        n = error.ndim or 1
        return IndexError(f"dim: expected an int from {-n} to {n - 1}, got {error.axis}")
    for theirs in SAID if ours else ():
        if match := re.fullmatch(theirs, text, re.DOTALL):
            text = match.expand(SAID[theirs])
            error = error if type(error) is not AttributeError else TypeError(error)
            break
    if isinstance(error, (RuntimeError, IndexError, AttributeError)):
        return error
    kind = _BOTH[TypeError if isinstance(error, TypeError) else ValueError]
    return kind(text).with_traceback(error.__traceback__)


def _said(error):
    """Whether error was raised by nptorch, in its own words, not by Python or NumPy."""
    place = error.__traceback__
    while place.tb_next:
        place = place.tb_next
    line = linecache.getline(place.tb_frame.f_code.co_filename, place.tb_lineno)
    return place.tb_frame.f_globals["__name__"][:7] == "nptorch" and line.split()[:1] == ["raise"]


def again(error, f, args, options):
    """The result of f(*args, **options), which f has refused with error, in f's own words or from
    a fuller function. Raises error, as a RuntimeError besides, if there is no other way."""
    call = types.SimpleNamespace(
        f=getattr(f, "fuller", f), args=list(args), options=options, after=[])
    own = [p.name for p in inspect.signature(call.f).parameters.values()
           if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    foreign = [word for word in WORDS if word in options and word not in own]
    if not hasattr(f, "fuller") and not foreign:
        raise also_runtime(error) from error.__cause__
    for word in foreign:
        WORDS[word](call, call.options.pop(word))
    try:
        result = call.f(*call.args, **call.options)
        return functools.reduce(lambda result, finish: finish(result), call.after, result)
    except (TypeError, ValueError, AttributeError, RuntimeError) as second:
        its_own = type(second) is RuntimeError and not isinstance(error, ValueError)
        told = second if foreign or its_own or (_said(second) and not _said(error)) else error
        raise also_runtime(told) from told.__cause__


def _dtype(call, value):  # of a reduction: its input's, too; of a layer: of what it holds
    if value is not None and call.args and isinstance(call.args[0], Module):
        call.after.append(lambda none: call.args[0].to(value) and none)
    elif value is not None:
        if call.args and isinstance(call.args[0], Tensor):
            call.args[0] = creation.to(call.args[0], value)
        call.after.append(lambda result: creation.to(result, value))


def _alpha(call, value):  # of add and sub: the product has the dtype of the sum
    other = call.args.pop()
    if isinstance(other, Tensor):
        other = creation.to(other, autograd.arrays([*call.args, other])[-1].dtype)
    call.args.append(value * other)


def _generator(call, value):
    def drawn(*args, f=call.f, **options):
        usual, creation._rng = creation._rng, lambda: value
        try:
            return f(*args, **options)
        finally:
            creation._rng = usual

    call.f = call.f if value is None else drawn


def at_device(call, value):
    """Refuse any device but "cpu", with RuntimeError."""
    if str(value).partition(":")[0] not in ("cpu", "None"):
        raise RuntimeError(f"device: nptorch computes in this computer's memory, 'cpu', alone, got "
                           f"{str(value)!r}")


_renamed = lambda name, change=lambda value: value: (
    lambda call, value: call.options.update({name: change(value)}))
_at = lambda position: lambda call, value: call.args.insert(  # a layer stands before its input
    position + isinstance([*call.args, None][0], Module), value)
_shape = lambda call, value: call.args.insert(  # of zeros(size=...), or x.view(size=...)
    bool(call.args) and isinstance(call.args[0], Tensor), value)


def _only(word, call, value):
    usual = [(type(x), x) for x in (USUAL[word], USUAL[word] or False)]  # 0 is not False
    if (type(value), value) not in usual:
        raise TypeError(f"{word}: nptorch has {USUAL[word]!r} alone, got {value!r}")


USUAL = {"ceil_mode": False, "count_include_pad": True, "padding_mode": "zeros", "foreach": None,
         "return_indices": False, "maximize": False, "create_graph": False, "fused": None,
         "is_grads_batched": False, "line_search_fn": None, "nesterov": False, "sparse": False,
         "differentiable": False, "capturable": False, "track_running_stats": True,
         "padding_idx": None, "max_norm": None, "scale_grad_by_freq": False, "scale": None,
         "divisor_override": None, "proj_size": 0, "enable_gqa": False, "prefetch_factor": None,
         "error_if_nonfinite": False}
IDLE = ("layout memory_format pin_memory non_blocking weights_only stable inplace in_order mmap "
        "pin_memory_device persistent_workers volatile only_inputs").split()
WORDS = {
    "input": _at(0), "self": _at(0), "obj": _at(0), "size": _shape, "shape": _shape,
    **dict.fromkeys("other f exponent mat2 vec tensor split_size".split(), _at(1)),
    "axis": _renamed("dim"), "keepdims": _renamed("keepdim"),
    "unbiased": _renamed("correction", int), "dtype": _dtype, "generator": _generator,
    "alpha": _alpha, "device": at_device, "map_location": at_device,
    "requires_grad": lambda call, value: call.after.append(lambda x: x.requires_grad_(value)),
    **{word: lambda call, value: None for word in IDLE},
    **{word: functools.partial(_only, word) for word in USUAL}}
