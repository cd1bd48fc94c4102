"""PyTorch's and NumPy's words for arguments (notebooks/16_bridge.ipynb)."""

import contextvars
import functools
import inspect
import re
import sys
import traceback
import types

import numpy as np

from nptorch import autograd, creation
from nptorch.autograd import Tensor
from nptorch.checks import dimension
from nptorch.lookup import chance, named

plain = lambda f: getattr(f, "refusing", f)  # without its second chance
fuller = lambda f: lambda g: setattr(plain(f), "fuller", g) or g  # g is asked where f refuses


def rows(table, *at):
    """Let a table {name: function or class} stand at PyTorch's addresses, or in classes."""
    for name, f in table.items():
        f = chance(named(name, f)) if isinstance(f, types.FunctionType) else f
        for where in at:
            place = sys.modules[f"nptorch.{where}".rstrip(".")] if isinstance(where, str) else where
            setattr(place, name, f)


_drawing = contextvars.ContextVar("generator", default=None)  # of the call under way, by thread
creation._rng = lambda own=creation._rng: _drawing.get() or own()


def again(error, f, args, options):
    """f(*args, **options), which f has refused with error, in f's own words or by a fuller one."""
    full, usual = getattr(f, "fuller", f), _drawing.get()
    call = types.SimpleNamespace(args=[*args], options=options, after=[])
    own = [p.name for p in inspect.signature(full).parameters.values()
           if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    foreign = [word for word in WORDS if word in options and word not in own]
    if full is f and not foreign:
        raise also_runtime(error) from error.__cause__
    try:
        for word in foreign:
            value = options.pop(word)
            if value is not None or word in USUAL:
                WORDS[word](call, value)
        result = full(*call.args, **options)
        return functools.reduce(lambda result, finish: finish(result), call.after, result)
    except (TypeError, ValueError, AttributeError, RuntimeError, OverflowError) as second:
        lines = [traceback.extract_tb(e.__traceback__)[-1].line[:5] for e in (error, second)]
        groups = any(isinstance(x, list) and dict in map(type, x) for x in args)  # an optimizer's
        better = (foreign or groups or type(second) is RuntimeError
                  or lines[0] != "raise" == lines[1])
        told = second if better else error
        raise also_runtime(told) from told.__cause__
    finally:
        _drawing.set(usual)
        error, told = None, None  # no ring of errors keeps the arguments


SAID = {  # how NumPy or Python begins, and what we say
    r"operands could not be .*shapes? (.*\S)": r"shapes: expected two that go together, got \1",
    r"could not broadcast .* shape (.*) into shape (.*)": (
        r"value: expected shape \2, or one that stretches to it, got \1"),
    r"ufunc '(\w+)' not supported": r"\1: expected whole numbers or bools, got floats",
    r"Cannot cast .* from dtype\('(\w+)'\) to dtype\('(\w+)'\)": r"in place: expected \2, got \1",
    r".*numpy boolean (\w+)": r"\1: expected numbers, got bools: use ^ or ~, or .long()",
    "zero-size array|attempt to get arg": "input: expected an element or more, got none",
    "assignment dest|output array": "in place: this Tensor can't be written to: clone() it first",
    r"cannot reshape array of size (\d+) into shape (.*)": r"shape: \1 elements don't fill \2",
    r"'([\w.]+)' object (?!is not (?:call|iter)able)": r"expected a Tensor, got \1",
    "Input must be 1- or 2-d": "input: expected one dimension or two"}
_BOTH = {kind: type(kind.__name__, (kind, RuntimeError), {"__module__": "builtins"})
         for kind in (ValueError, TypeError)}


def also_runtime(error):
    """error as PyTorch's scripts expect it: a RuntimeError, besides what it is; in our words."""
    if isinstance(error, np.exceptions.AxisError) and error.ndim is not None:
        dimension(error.axis, error.ndim)  # raises an IndexError
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    ours = frame.f_globals.get("__name__", "").startswith(("nptorch", "numpy"))
    said = [found.expand(SAID[theirs]) for theirs in SAID
            if ours and (found := re.match(theirs, str(error)))]
    numpys = type(error).__module__.startswith("numpy")
    told = {ValueError, TypeError, *[AttributeError][:len(said)], *[OverflowError][:ours]}
    if isinstance(error, (RuntimeError, IndexError)) or not (numpys or type(error) in told):
        return error  # as a script's own class
    kind = TypeError if isinstance(error, (TypeError, AttributeError)) else ValueError
    shown = [str(error)] if numpys else error.args
    return _BOTH[kind](*said or shown).with_traceback(error.__traceback__)


def _dtype(call, value):  # of a reduction: its input's, too; of a layer: of what it holds
    call.args[:1] = [creation.to(x, value) if isinstance(x, Tensor) else x for x in call.args[:1]]
    call.after.append(lambda result: call.args[0].to(value) and None if result is None
                      else creation.to(result, value))


def _alpha(call, value):  # of add and sub: the product has the dtype of the sum
    other, dtype = call.args[-1], np.asarray(autograd.arrays(call.args)[-1]).dtype
    call.args[-1] = value * (creation.to(other, dtype) if isinstance(other, Tensor) else other)


def at_device(call, value):
    """Refuse any device but "cpu", with RuntimeError."""
    if str(value).partition(":")[0] not in ("cpu", "None"):
        raise RuntimeError(f"device: nptorch computes in this computer's memory, 'cpu', alone, got "
                           f"{str(value)!r}")


def _only(word, call, value):
    if repr(value) not in (repr(USUAL[word]), repr(USUAL[word] or False)):
        raise TypeError(f"{word}: nptorch has only {USUAL[word]!r}, got {value!r}")


_renamed = lambda name: lambda call, value: call.options.update({name: value})
USUAL = {word: value for value, words in {
    False: """maximize create_graph is_grads_batched capturable sparse
    differentiable scale_grad_by_freq enable_gqa error_if_nonfinite add_bias_kv add_zero_attn
    is_causal""", None: """foreach fused scale line_search_fn padding_idx max_norm
    prefetch_factor kdim vdim key_padding_mask""", True: "track_running_stats",
    "zeros": "padding_mode"}.items() for word in words.split()} | {"proj_size": 0}
WORDS = {
    **dict.fromkeys("input self obj size shape other f exponent mat2 vec tensor split_size".split(),
                    lambda call, value: call.args.append(value)),
    "axis": _renamed("dim"), "keepdims": _renamed("keepdim"), "unbiased": _renamed("correction"),
    "generator": lambda call, value: _drawing.set(value),
    "dtype": _dtype, "alpha": _alpha, "device": at_device, "map_location": at_device,
    "requires_grad": lambda call, value: call.after.append(lambda x: x.requires_grad_(value)),
    **dict.fromkeys("""layout memory_format pin_memory non_blocking weights_only stable inplace mmap
        in_order pin_memory_device persistent_workers volatile only_inputs _stacklevel""".split(),
                    lambda call, value: None),
    **{word: functools.partial(_only, word) for word in USUAL}}
