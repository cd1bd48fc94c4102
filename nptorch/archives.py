"""Files of whole nets and of checkpoints (notebooks/18_names.ipynb)."""

import functools
import io
import json
import sys
from pathlib import Path

import numpy as np

import nptorch as torch
from nptorch import nn
from nptorch.autograd import Tensor
from nptorch.bridge.words import fuller
from nptorch.serialization import replace


def _kind(module, name):  # a class of Tensors or Modules that the script has by now
    kind = functools.reduce(lambda x, part: getattr(x, part, None), name.split("."),
                            sys.modules.get(module))
    if not (isinstance(kind, type) and issubclass(kind, (Tensor, nn.Module))):
        raise TypeError(f"{name}: no class that can be found: save the net's state_dict()")
    return kind


def _plan(x, arrays):
    if isinstance(x, (Tensor, nn.Module)):
        kind = type(x).__module__, type(x).__qualname__
        _kind(*kind)  # which refuses a class that load would not find
        holds = {k: v for k, v in vars(x).items()
                 if k not in ("grad", "grad_fn", "_way", "_was", "_hooks")}
        return {"kind": kind, "holds": _plan(holds, arrays)}
    if isinstance(x, dict):  # JSON's keys are text: those of dicts are JSON themselves
        if odd := [k for k in x if not isinstance(k, (str, int, float, type(None)))]:
            raise TypeError(f"save: expected text or numbers as keys, got {odd[0]!r}")
        return {json.dumps(k): _plan(v, arrays) for k, v in x.items()}
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fiub":
        return {"array": arrays.setdefault(id(x), (len(arrays), x))[0]}  # a shared one once
    if isinstance(x, tuple):
        return {"tuple": _plan(list(x), arrays)}  # these keys lack a text's quotation marks
    return [_plan(v, arrays) for v in x] if isinstance(x, list) else x


def _built(x, arrays, made):  # from a dict whose values are built by now
    if "array" in x or "tuple" in x:
        return arrays[x["array"]] if "array" in x else tuple(x["tuple"])
    if "kind" not in x:
        return {json.loads(k): v for k, v in x.items()}
    kind, holds = _kind(*x["kind"]), x["holds"]
    new = object.__new__(kind)
    new = made.setdefault(id(holds["data"]), new) if issubclass(kind, Tensor) else new
    vars(new).update(holds)
    return new


@fuller(torch.save)
def save(obj, f):
    """Write Modules, dicts, lists and tuples of Tensors, numbers and text to f, a path or a file. A
    Module held twice comes back as two that share parameters. TypeError for anything else."""
    arrays, content = {}, io.BytesIO()
    plan = json.dumps(_plan(obj, arrays)).encode()
    np.savez(content, np.array(plan, "S"), *(np.asarray(x) for _, x in arrays.values()))
    write = lambda file: file.write(content.getvalue())
    write(f) if hasattr(f, "write") else replace(f, write)


@fuller(torch.load)
def load(f):
    """Read what save wrote, from a path or a file. Nothing in it is executed. Raises ValueError for
    anything else, and for an archive that declares more than it has bytes."""
    content = f.read() if hasattr(f, "read") else Path(f).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            if sum(member.file_size for member in archive.zip.infolist()) > len(content):
                raise ValueError("compressed, or larger than the file that holds it")
            plan, arrays, made = archive.get("arr_0"), list(archive.values())[1:], {}
            if plan is None or plan.dtype.kind != "S":  # a state_dict
                return {name: Tensor(array["number"]).item() if array.dtype.names else Tensor(array)
                        for name, array in archive.items()}
        return json.loads(plan.item(), object_hook=lambda x: _built(x, arrays, made))
    except Exception as error:
        raise ValueError(f"{f}: not a file of save's, or damaged: {error}") from error
