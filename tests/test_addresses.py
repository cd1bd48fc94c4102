"""Where names stand: at PyTorch's addresses PyTorch's names alone, and no module is hidden."""

import ast
import importlib
import inspect
import json
import pkgutil
import re
import types
from pathlib import Path

import pytest

import nptorch

FOLDER = Path(nptorch.__file__).parent
NOTEBOOKS = FOLDER.parent / "notebooks"
NAMES = json.loads((NOTEBOOKS / "pytorch_names.json").read_text(encoding="utf-8"))
MODULES = sorted(info.name for info in pkgutil.walk_packages([str(FOLDER)], "nptorch.")
                 if not info.name.endswith(("__main__", "nptorch.gpt", "nptorch.series")))
SOURCES = sorted(path for path in FOLDER.rglob("*.py"))

# nptorch.autograd is PyTorch's address and the engine's own module, in one file that is read from
# its top: there stand what authors of ops import from it, and the two ops that it begins with.
ENGINE = {"Tensor", "Node", "op", "real_array", "arrays", "add", "mul", "unbroadcast", "total",
          "is_grad_enabled"}


def public(module):
    """The public names of a module: not the modules that it imports, nor what is NumPy's or
    Python's."""
    return {name for name, value in vars(module).items()
            if not name.startswith("_") and not isinstance(value, types.ModuleType)
            and (name in NAMES[""] or not isinstance(value, type) or
                 value.__module__.startswith("nptorch"))}


@pytest.mark.parametrize("address", ["", "nn", "nn.functional", "nn.utils", "optim",
                                     "optim.lr_scheduler", "utils.data", "autograd"])
def test_only_pytorchs_names_stand_at_its_addresses(address):
    path = f"nptorch.{address}".rstrip(".")
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError:
        pytest.skip(f"no {path}")
    if address == "utils.data":  # a notebook's cells, with their imports
        defined = {name for name in public(module)
                   if getattr(vars(module)[name], "__module__", "") == path}
        names = defined - set(NAMES[address])
    else:
        names = public(module) - set(NAMES[address])
    if address == "autograd":
        names -= ENGINE | {name for name in names if name in vars(nptorch.Tensor)}  # its methods
    assert names == set()


def test_names_mean_what_they_mean_in_pytorch():
    torch = pytest.importorskip("torch")
    for address in ("", "nn", "nn.functional", "nn.utils", "optim", "optim.lr_scheduler",
                    "utils.data"):
        ours, theirs = nptorch, torch
        for part in filter(None, address.split(".")):
            ours, theirs = getattr(ours, part), getattr(theirs, part)
        for name in public(ours) & set(NAMES[address]):
            a, b = getattr(ours, name), getattr(theirs, name)
            assert isinstance(a, type) == isinstance(b, type) or isinstance(b, torch.dtype) or \
                name in ("enable_grad", "inference_mode"), f"{address}.{name}"


def defaults(thing):
    """{argument: what it is if it is left out}, of what Python can see."""
    try:
        return {p.name: p.default for p in inspect.signature(thing).parameters.values()
                if p.default is not p.empty}
    except ValueError:  # built in
        return {}


def test_what_is_left_out_is_what_it_is_in_pytorch():
    pytest.importorskip("torch")
    importlib.import_module("nptorch.bridge")  # which adds its own names
    found, same = set(), 0
    for address in ("nn", "nn.functional", "nn.init", "nn.utils", "optim", "optim.lr_scheduler",
                    "utils.data"):
        ours, theirs = (importlib.import_module(f"{library}.{address}")
                        for library in ("nptorch", "torch"))
        for name in public(ours) & set(dir(theirs)):
            mine, other = defaults(getattr(ours, name)), defaults(getattr(theirs, name))
            different = {x for x in mine.keys() & other.keys() if mine[x] != other[x]}
            found |= {f"{name} {x}" for x in different}
            same += len(mine.keys() & other.keys() - different)
    assert found == {"ModuleList modules", "DataLoader shuffle", "random_split generator",
                     "calculate_gain param"}  # each says the same in another way
    assert same > 160


@pytest.mark.parametrize("address, names", [
    ("", "Tensor tensor no_grad is_grad_enabled save load float32 float64 int64 manual_seed zeros "
         "randn exp log softmax cat stack where matmul max sum"),
    ("nn", "Module Parameter Linear ReLU Sequential ModuleList CrossEntropyLoss MSELoss"),
    ("nn.functional", "relu linear cross_entropy softmax mse_loss"),
    ("optim", "SGD Optimizer Adam AdamW RMSprop Adagrad"),
    ("nn.utils", "clip_grad_norm_"),
    ("optim.lr_scheduler", "LambdaLR LinearLR CosineAnnealingLR StepLR SequentialLR OneCycleLR"),
    ("utils.data", "DataLoader Dataset TensorDataset"),
    ("autograd", "gradcheck no_grad backward"),
])
def test_a_script_finds_its_names(address, names):
    module = nptorch
    for part in filter(None, address.split(".")):
        module = getattr(module, part)
    assert [name for name in names.split() if not hasattr(module, name)] == []


def test_nothing_is_both_a_module_and_something_else():
    for name in MODULES:
        module = importlib.import_module(name)
        parent, _, last = name.rpartition(".")
        assert getattr(importlib.import_module(parent), last) is module, name


@pytest.mark.parametrize("name", MODULES)
def test_each_module_says_what_it_holds_and_where_it_comes_from(name):
    module = importlib.import_module(name)
    text = module.__doc__ or ""
    if Path(module.__file__).name == "__init__.py" or name in (
            "nptorch.nn.functional", "nptorch.optim.lr_scheduler"):
        assert text.strip()  # written by the exporter
        return
    notebook = re.search(r"\(notebooks/(\d\d_\w+\.ipynb)\)\.?$", text.strip())
    assert notebook and (NOTEBOOKS / notebook[1]).exists(), text
    assert len(text.split("(notebooks/")[0].split()) >= 3


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_messages_are_plain_ascii(path):
    """print(error) must work wherever it is printed: under cp1252, and in a log of ASCII."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [node.value for statement in ast.walk(tree)
             if isinstance(statement, (ast.Raise, ast.Assert)) or (
                 isinstance(statement, ast.Call)
                 and re.search("Error|Warning|warn|Exit", ast.unparse(statement.func)))
             for node in ast.walk(statement)
             if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert [text for text in texts if not text.isascii()] == []


def test_the_version_is_said_once():
    text = (FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert nptorch.__version__ == re.search(r'^version = "(.+?)"', text, re.M)[1]
