"""docs/differences.md: every row is a program, and gives what the row says in both libraries."""

import importlib
import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parent.parent / "docs" / "differences.md"
ROW = re.compile(r"^\| `(.+?)` \| `(.+?)` \| `(.+?)` \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text(encoding="utf-8"))


def answer(library, program):
    """Return what the last part of a program gives in a library, as text, or the error's name."""
    torch = importlib.import_module(library)
    importlib.import_module(f"{library}.utils.data")
    importlib.import_module(f"{library}.optim.lr_scheduler")
    x, p = torch.ones(2, requires_grad=True), torch.ones(1, requires_grad=True)
    p.sum().backward()
    names = {"torch": torch, "np": np, "os": os, "x": x, "p": p}
    *lines, last = program.split("; ")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec("\n".join(lines), names)
            return repr(eval(last, names))
    except Exception as error:
        return type(error).__name__


def refusal(text):
    """Tell whether an answer is the name of an error."""
    return re.fullmatch("[A-Za-z]+Error", text) is not None


def test_all_rows_are_read():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    assert len(rows) == len(ROWS) > 20
    assert all(why for *_, why in ROWS)


@pytest.mark.parametrize(("program", "here"), [row[:2] for row in ROWS])
def test_nptorchs_answer(program, here):
    assert answer("nptorch", program) == here


@pytest.mark.parametrize(("program", "there"), [(row[0], row[2]) for row in ROWS])
def test_pytorchs_answer(program, there):
    pytest.importorskip("torch")
    assert answer("torch", program) == there


def test_each_row_stands_where_its_answers_belong():
    runs, refused, answered = re.split("^## ", PAGE.read_text(encoding="utf-8"),
                                       flags=re.MULTILINE)[1:]
    kinds = {(refusal(here), refusal(theirs)) for _, here, theirs, _ in ROW.findall(runs)}
    assert kinds == {(False, False)}
    assert all(here != theirs for _, here, theirs, _ in ROWS)
    assert {refusal(row[1]) for row in ROW.findall(refused)} == {True}
    assert {(refusal(row[1]), refusal(row[2])) for row in ROW.findall(answered)} == {(False, True)}
