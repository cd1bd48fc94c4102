"""tests/parity.py: the frozen programs and PyTorch's numbers; new ones where PyTorch is."""

import re
import types

import numpy as np
import parity
import pytest

import nptorch
from nptorch.nn import functional
from nptorch.tensor import op

FROZEN = parity.frozen()
# What programs don't name, because it has no value that two libraries could share, or is no op.
UNNAMED = {
    "random": {"rand", "randn", "randint", "randperm", "rand_like", "randn_like", "manual_seed"},
    "nptorch's own": {"Node", "op", "unbroadcast", "increment_version", "refuse_if_recorded",
                      "gradcheck", "ValuesAndIndices", "ShapeError", "IncompatibleKeys"},
    "the interpreter's": {"Module", "backward", "is_grad_enabled", "save", "load"},
    "a Tensor of float32, whatever it is given": {"Tensor", "Parameter"},
}


def public(*modules):
    return {name for module in modules for name, value in vars(module).items()
            if not name.startswith("_") and not isinstance(value, types.ModuleType)}


def test_the_programs_name_every_op_and_module():
    named = parity.names(statement for program, _ in FROZEN for statement in program)
    missing = public(nptorch, nptorch.nn, functional) - named
    assert missing == set().union(*UNNAMED.values())


def test_the_programs_are_many_and_different():
    assert len({tuple(program) for program, _ in FROZEN}) == len(FROZEN) >= 300
    dtypes = {array.dtype for _, results in FROZEN for array in results.values()}
    assert dtypes == {np.dtype(name) for name in ("float32", "float64", "int64", "bool")}
    assert sum(any(name.endswith(".grad") for name in results) for _, results in FROZEN) > 200


@pytest.mark.parametrize("number", range(len(FROZEN)))
def test_the_numbers_are_pytorchs(number):
    program, expected = FROZEN[number]
    wrong = parity.difference(expected, parity.run(nptorch, program))
    assert not wrong, "\n".join([*program, wrong])


@op
def twice(a, /):
    """exp with a gradient twice too large."""
    value = np.exp(np.asarray(a, a.dtype if a.dtype.kind == "f" else np.float32))
    return value, lambda g: 2 * g * value


def test_a_wrong_gradient_is_found(monkeypatch):
    monkeypatch.setattr(nptorch, "exp", twice)
    wrong = [parity.difference(expected, parity.run(nptorch, program))
             for program, expected in FROZEN if "torch.exp(" in "\n".join(program)]
    assert any(sentence and ".grad: " in sentence for sentence in wrong)


@pytest.mark.parametrize("found, complaint", [
    ({"v0": np.float32([1, 2])}, None),
    ({"v0": np.float32([1, 2.00001])}, None),
    ({"v0": np.float32([1, 2.001])}, "v0: PyTorch .*, nptorch .*2.00"),
    ({"v0": np.float32([1, np.nan])}, "v0: PyTorch .*, nptorch .*nan"),
    ({"v0": np.float64([1, 2])}, "v0: PyTorch float32 .*, nptorch float64"),
    ({"v0": np.float32([[1, 2]])}, r"v0: PyTorch float32 \(2,\), nptorch float32 \(1, 2\)"),
    ({}, "v0: in one of the two alone"),
    ({"v0": np.float32([1, 2]), "v0.grad": np.ones(2)}, "v0.grad: in one of the two alone"),
])
def test_differences(found, complaint):
    wrong = parity.difference({"v0": np.float32([1, 2])}, found)
    assert wrong is complaint is None or re.match(complaint, wrong)


def test_new_programs_agree():
    torch = pytest.importorskip("torch")
    for seed in (1, 2):
        agreed, dropped = parity.check(torch, parity.BATCH, seed)
        assert len(agreed) == parity.BATCH and dropped < parity.BATCH
