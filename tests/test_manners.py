"""Dtypes, printing, attributes and the record of writes, beyond the faults of test_faults.py; and
the table in notebook 14 of what PyTorch does not refuse."""

import ast
import collections
import enum
import functools
import gc
import json
import re
import threading
from pathlib import Path

import numpy as np
import pytest

import nptorch
from nptorch import nn, versions
from nptorch.autograd import Tensor, no_grad, op
from nptorch.dtypes import common_dtype
from nptorch.printing import float_format
from nptorch.versions import increment_version

NOTEBOOK = Path(__file__).parent.parent / "notebooks/14_manners.ipynb"


def leaf(data):
    return nptorch.tensor(data, requires_grad=True)


# Dtypes


class Level(enum.IntEnum):
    LOW = 2


class Metres(float):
    pass


@pytest.mark.parametrize("number, dtype", [(Level.LOW, "int64"), (Metres(2), "float32"),
                                           (True, "bool"), (2, "int64"), (2.0, "float32")])
def test_numbers_of_any_class_count_as_pythons(number, dtype):
    assert common_dtype([number]) == dtype
    assert (nptorch.ones(2) * number).dtype == np.float32
    assert (nptorch.ones(2).long() * number).dtype == ("float32" if "f" in dtype else "int64")


def test_another_byte_order_is_no_other_dtype():
    x = Tensor(np.ones(2, np.float32).astype(">f4"))
    assert (x * nptorch.ones(2)).dtype == np.float32 and (x * x).tolist() == [1, 1]


# Printing


def test_text_is_pytorchs_but_for_blanks():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    shapes = [(), (1,), (5,), (3, 4), (2, 3, 4), (1001,), (40, 30), (12, 10, 10), (0,), (2, 0)]
    for k in range(300):
        a = rng.normal(size=shapes[k % 10]) * 10.0 ** rng.integers(-6, 10)
        a = [a, np.round(a), np.where(rng.random(a.shape) < 0.2, np.nan, a),
             np.where(rng.random(a.shape) < 0.2, -np.inf, np.round(a)), a * (a > 0)][k % 7 % 5]
        a = np.asarray(a).astype([np.float32, np.float64][k % 2])
        ours, theirs = repr(nptorch.tensor(a)), repr(torch.tensor(a)).replace("torch.", "")
        assert "".join(ours.split()) == "".join(theirs.split())


def test_all_that_is_printed_has_one_width():
    numbers = np.array([1.0, -1.0, 1e-150, 12345.0, np.inf])
    form = float_format(numbers)
    assert {len(form(x)) for x in numbers} == {len("1.0000e-150")}


# Views of a leaf: which writes are refused, as in PyTorch

VIEWS = [  # a write, and whether it is refused
    ("a = m.zeros(3); b = a[:]; a.requires_grad = True; b += 1", True),
    ("a = m.zeros(3); b = a[:2]; a.requires_grad_(); b.zero_()", True),
    ("a = m.zeros(2, 3); b = a.T[1:]; a.requires_grad = True; b[0] = 1.", True),
    ("a = m.zeros(3); b = a[1]; a.requires_grad = True; b.fill_(2)", True),
    ("a = m.from_numpy(np.zeros(3)); b = a[:]; a.requires_grad = True; b += 1", True),
    ("a = m.from_numpy(np.frombuffer(bytearray(8))); b = a[:]; a.requires_grad_(); b += 1", True),
    ("a = m.zeros(3); b = a[:]; a.requires_grad = True; a.requires_grad = False; b += 1", False),
    ("a = m.zeros(3); b = a[:]; a.requires_grad = False; b += 1", False),
    ("a = m.zeros(3); b = a.clone(); a.requires_grad = True; b += 1", False),
    ("a = m.zeros(3); b = a.detach(); a.requires_grad = True; b += 1", False),
    ("b = m.zeros(3); a = b[:]; a.requires_grad = True; b += 1", False),
    ("b = m.zeros(3); a = b[:]; a.requires_grad = True; c = b[1:]; c += 1", False),
    ("a = m.zeros(3); b = a[:]; p = m.nn.Parameter(a); b += 1", False),
    ("a = m.zeros(3); b = a[:]; a.requires_grad = True\nwith m.no_grad(): b += 1", False),
]


@pytest.mark.parametrize("program, refused", VIEWS, ids=[v[0] for v in VIEWS])
@pytest.mark.parametrize("library", ["nptorch", "torch"])
def test_a_view_of_a_leaf_is_not_written_to_while_recording(library, program, refused):
    names = {"m": pytest.importorskip(library), "np": np}
    if refused:
        with pytest.raises(RuntimeError, match="view of a leaf"):
            exec(program, names)
        assert not np.any(names["a"].detach().numpy())
    else:
        exec(program, names)


def test_a_leaf_with_new_data_lets_go_of_the_old():
    a = nptorch.zeros(3)
    b = a[:]
    a.requires_grad = True
    a.data = np.ones(3, np.float32)
    b += 1
    assert a.tolist() == [1, 1, 1] and b.tolist() == [1, 1, 1]


# NumPy's functions


@pytest.mark.parametrize("call", [
    lambda t: np.add.reduce(t), lambda t: np.add(t, 1, where=[True, False]),
    lambda t: np.add(t, 1, out=t), lambda t: np.expm1(t)], ids=["method", "option", "out", "name"])
def test_what_numpy_asks_of_a_tensor_in_vain(call):
    with pytest.raises(TypeError, match="as it is called here, has no counterpart for Tensors"):
        call(nptorch.ones(2))


# The record of writes: what a way back keeps, wherever it keeps it


class Base:
    __slots__ = ("array",)

    def __init__(self, array):
        self.array = array


class Slotted(Base):
    __slots__ = "spare"

    def __call__(self, g):
        return g * 2 * self.array


class Listed(list):
    def back(self, g):
        return g * 2 * self[0]


def with_attribute(array):
    def back(g):
        return g * 2 * back.array

    back.array = array
    return back


KEEPERS = {
    "inherited slots": Slotted,
    "method of a list": lambda a: Listed([a]).back,
    "deque": lambda a: (lambda kept: lambda g: g * 2 * kept[0])(collections.deque([a])),
    "frozen": lambda a: (lambda kept: lambda g: g * 2 * kept.a)(
        collections.namedtuple("Kept", "a")(a)),
    "attribute of a function": with_attribute,
    "partial of a method": lambda a: functools.partial(Slotted(a).__call__),
    "a thousand functions": lambda a: functools.reduce(
        lambda f, _: lambda g: f(g), range(500), lambda g: g * 2 * a),
}


def square_of(keeper):
    """A leaf w at 3, and its square by an op whose way back keeper makes."""

    @op
    def square(a, /):
        return a * a, keeper(a)

    w = leaf([3.0])
    return w, square(w)


@pytest.mark.parametrize("keeper", KEEPERS.values(), ids=KEEPERS)
def test_a_saved_array_is_found_there_too(keeper):
    w, y = square_of(keeper)
    with no_grad():
        w += 100
    with pytest.raises(RuntimeError, match="changed in place afterwards"):
        y.backward()
    assert w.grad is None
    w, y = square_of(keeper)
    nptorch.zeros(1).add_(1)
    y.backward()
    assert w.grad.tolist() == [6]


def test_global_variables_are_not_searched():
    globals()["HIDDEN"] = np.zeros(1)
    _, y = square_of(lambda a: lambda g: g * HIDDEN)  # noqa: F821
    written(HIDDEN)  # noqa: F821
    y.backward()


def written(array):
    array += 1
    increment_version(Tensor(array))


def test_of_a_tensor_the_numbers_count_and_not_the_gradient():
    other = leaf([2.0])
    (other * other).backward()
    w, y = square_of(lambda a: lambda g: g * other.data)
    (other * other).backward()  # adds to the gradient in place
    y.backward()
    assert w.grad.tolist() == [2] and other.grad.tolist() == [8]


@pytest.mark.parametrize("alias", [
    lambda a: np.asarray(memoryview(a)), lambda a: np.frombuffer(a, a.dtype),
    lambda a: a[::-1].reshape(1, -1)[0], lambda a: np.asarray(memoryview(memoryview(a)[1:]))])
def test_an_alias_writes_into_the_owners_memory(alias):
    w = leaf([3.0, 4.0])
    y = w * w
    increment_version(Tensor(alias(w.data)))
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def in_a_buffer(library):
    return library.from_numpy(np.frombuffer(bytearray(16)))


def test_a_write_into_a_buffer_is_recorded():
    w = in_a_buffer(nptorch).requires_grad_()
    y = w * w
    increment_version(w.detach()[1:])
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_a_buffer_is_forgotten():
    before = set(versions._written)
    in_a_buffer(nptorch)[1:].add_(1)
    assert set(versions._written) <= before


@pytest.mark.filterwarnings("ignore")  # PyTorch's storage is deprecated
@pytest.mark.parametrize("library", ["nptorch", "torch"])
def test_a_buffer_has_a_storage(library):
    t = in_a_buffer(pytest.importorskip(library))[1:]
    assert t.storage_offset() == 1 and len(t.storage()) == 2


def test_a_view_may_outlive_what_wrote():
    gc.collect()
    before = set(versions._written)
    base = nptorch.ones(4)
    view = base[1:]
    view += 1
    key = id(base.data)
    del base
    assert key in versions._written
    view += 1
    del view
    assert set(versions._written) <= before


def test_threads_write_and_record_at_once():
    wrong = []

    def work():
        for _ in range(300):
            w = leaf([3.0])
            y = w * w
            y.backward()
            with no_grad():
                w += 1
            if w.grad.tolist() != [6]:
                wrong.append(w)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_module_keeps_its_parameters_apart():
    """A way back that holds a whole layer may go on when another layer has changed."""
    held, other = nn.Linear(1, 1), nn.Linear(1, 1)
    w, y = square_of(lambda a: lambda g: g * held.weight.data[0])
    with no_grad():
        other.weight.add_(1)
    y.backward()
    _, y = square_of(lambda a: lambda g: g * held.weight.data[0])
    with no_grad():
        held.weight.add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


# The table of notebook 14


def programs():
    """{program: what PyTorch answers}, from the notebook."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    sources = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    tree = ast.parse(next(source for source in sources if "\nprograms = {" in source))
    names = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            exec(ast.unparse(node), names)
    return names["programs"]


def answer(program, torch):
    *lines, last = program.split("; ")
    names = {"torch": torch}
    exec("\n".join(lines), names)
    return str(eval(last, names))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("program", programs())
def test_nptorch_refuses_and_pytorch_does_not(program):
    with pytest.raises((TypeError, ValueError, RuntimeError, IndexError)) as caught:
        answer(program, nptorch)
    assert re.search(r"\w", str(caught.value))
    assert answer(program, pytest.importorskip("torch")) == programs()[program]
