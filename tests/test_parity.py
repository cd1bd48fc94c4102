"""tests/parity.py: the frozen programs and PyTorch's numbers; new ones where PyTorch is."""

import re

import numpy as np
import parity
import pytest

import nptorch
from nptorch.autograd import op

FROZEN = parity.frozen()


def test_the_programs_are_different_and_of_all_kinds():
    assert len({tuple(program) for program, _ in FROZEN}) == len(FROZEN) >= 50
    dtypes = {array.dtype for _, results in FROZEN for array in results.values()}
    assert dtypes == {np.dtype(name) for name in ("float32", "float64", "int64", "bool")}
    assert sum(any(name.endswith(".grad") for name in results) for _, results in FROZEN) > 30
    assert parity.FILE.stat().st_size < 150_000


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
    program = ["v0 = torch.tensor([0.5, -1.0], requires_grad=True)", "v1 = torch.exp(v0)"]
    right = parity.run(nptorch, program)
    assert not parity.difference(right, parity.run(nptorch, program))
    monkeypatch.setattr(nptorch, "exp", twice)
    assert "v0.grad: " in parity.difference(right, parity.run(nptorch, program))


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
