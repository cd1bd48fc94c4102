"""PyTorch's own samples of its operators, run by both libraries: what nptorch does not refuse has
PyTorch's value, shape, dtype and gradient, but for the differences that docs/pytorch.md lists.

    python tests/test_samples.py [NAME ...]     says what was refused, and what differs
"""

import collections
import functools
import sys
import types
import unittest
import warnings

import numpy as np
import pytest

import nptorch

DTYPES = "float32", "float64", "int64", "bool"
UNLIKE = {  # operators that differ on purpose, or by what they are: drawn, or unset, numbers
    "empty", "empty_like", "new_empty", "normal", "bernoulli", "multinomial", "rand_like",
    "randn_like", "uniform", "normal_", "randint_like", "randn", "randint", "rand",
    "nn.functional.dropout", "nn.functional.dropout2d", "svd", "linalg.svd", "zero_"}
TIES = {"topk", "sort", "argsort"}


def copied(x, library, torch, seen):
    """A sample's argument in a library, with leaves of its own."""
    if isinstance(x, torch.Tensor):
        if id(x) not in seen:
            array = x.detach().numpy().copy()
            seen[id(x)] = library.tensor(array, requires_grad=x.requires_grad), x
        return seen[id(x)][0]
    if isinstance(x, torch.dtype) and library is nptorch:
        return getattr(np, str(x).removeprefix("torch."))
    if isinstance(x, (list, tuple)):
        parts = [copied(y, library, torch, seen) for y in x]
        return parts if isinstance(x, list) else tuple(parts)
    if isinstance(x, dict):
        return {k: copied(v, library, torch, seen) for k, v in x.items()}
    return x


def found(name):
    """nptorch's function of this name, or None."""
    special = {"where": nptorch.Tensor.where, "T": lambda x: x.T,
               "einsum": lambda operands, equation: nptorch.einsum(equation, operands)}
    if name.startswith("__") or name in special:
        return special.get(name) or getattr(nptorch.Tensor, name, None)
    f = functools.reduce(lambda m, part: getattr(m, part, None), name.split("."), nptorch)
    if f is None or isinstance(f, (type, np.dtype)):  # the op float is a method
        f = None if "." in name else getattr(nptorch.Tensor, name, None)
    return f


def leaves(x):
    """The Tensors in x, of either library."""
    if isinstance(x, (list, tuple)):
        return [leaf for y in x for leaf in leaves(y)]
    if isinstance(x, dict):
        return leaves(list(x.values()))
    return [x] if hasattr(x, "requires_grad") else []


def outcome(f, args, options):
    """Values and gradients of f, as arrays, and whatever else it gave."""
    out = f(*args, **options)
    tensors = leaves(out)
    inputs = [x for x in leaves([args, options]) if x.requires_grad]
    wanted = [t for t in tensors if t.requires_grad]
    for i, t in enumerate(wanted):
        rng = np.random.default_rng(i)
        weights = type(t.detach())(rng.uniform(0.5, 1.5, tuple(t.shape)).astype(
            t.detach().numpy().dtype)) if t.__class__.__module__.startswith("nptorch") else None
        if weights is None:
            import torch
            weights = torch.tensor(rng.uniform(0.5, 1.5, tuple(t.shape)), dtype=t.dtype)
        t.backward(weights, retain_graph=True)
    values = [t.detach().numpy() for t in tensors]
    grads = [None if x.grad is None else x.grad.numpy() for x in inputs]
    return values, grads, out if not tensors else None


def differs(name, theirs, mine):
    """In what two outcomes differ, or None."""
    for kind, a, b in zip(("value", "gradient", "result"), theirs, mine):
        if kind == "result":
            return None if (a is None and b is None) or a == b else f"{a} {b}"
        if len(a) != len(b):
            return f"{kind}s: {len(a)} and {len(b)}"
        for x, y in zip(a, b):
            if x is None or y is None:
                if x is not y and np.any((y if x is None else x) != 0):
                    return f"{kind}: {x} and {y}"
            elif x.shape != y.shape or x.dtype != y.dtype:
                return f"{kind}: {x.dtype} {x.shape} and {y.dtype} {y.shape}"
            elif not (name in TIES and x.dtype.kind != "f"):  # whose order PyTorch leaves open
                exact = 3e-4 if x.dtype == np.float32 else 1e-7 if x.dtype.kind == "f" else 0
                if not np.allclose(x, y, exact, exact, equal_nan=True):
                    return f"{kind}: {x.ravel()[:4]} and {y.ravel()[:4]}"
    return None


@functools.cache
def ran(only=()):
    """{(name, what came of it, why): how many samples}, over all operators that both have."""
    torch = pytest.importorskip("torch")
    sys.modules.setdefault("expecttest", types.SimpleNamespace(TestCase=unittest.TestCase))
    from torch.testing._internal.common_methods_invocations import op_db

    counts = collections.Counter()
    for info in op_db:
        f = found(info.name)
        if f is None or info.name in UNLIKE or (only and info.name not in only):
            continue
        for name in DTYPES:
            dtype = getattr(torch, name)
            if not info.supports_dtype(dtype, "cpu"):
                continue
            wants = dtype.is_floating_point and info.supports_autograd
            torch.manual_seed(0)
            try:
                samples = list(info.sample_inputs("cpu", dtype, requires_grad=wants))
            except Exception:
                continue
            for sample in samples:
                args = [sample.input, *sample.args]
                if sample.kwargs.get("dropout_p"):  # which draws
                    continue
                counts[(info.name, *one(torch, info, f, args, sample.kwargs))] += 1
    return counts


def one(torch, info, f, args, options):
    """What came of one sample, and why."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        mine, mine_options = copied([args, options], nptorch, torch, {})
        try:
            theirs = outcome(info.op, *copied([args, options], torch, torch, {}))
        except Exception:
            return "refused by PyTorch", ""
        if any(v.dtype.kind not in "fiub" for v in theirs[0]):
            return "refused by PyTorch", "complex"
        try:
            mine = outcome(f, mine, mine_options)
        except Exception as error:
            return "refused", f"{type(error).__name__}: {error}"[:150]
        difference = differs(info.name, theirs, mine)
        return ("differs", difference) if difference else ("same", "")


if __name__ == "__main__":
    table = ran(tuple(sys.argv[1:]))
    for (name, what, why), n in sorted(table.items()):
        if what in ("refused", "differs"):
            print(f"{name:32} {what:8} {n:3} {why}")
    sums = collections.Counter()
    for (_, what, _), n in table.items():
        sums[what] += n
    print(dict(sums), "operators:", len({name for name, *_ in table}))
