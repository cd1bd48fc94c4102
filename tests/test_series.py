"""notebooks/series.py: what it exports, what it refuses, and how it runs a notebook."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import series
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SCRIPT = Path(series.__file__)
TENSOR = ["#| default_exp tensor\n#| export\nimport sys", "#| export\nclass Tensor:\n    pass"]
OPS = ["#| default_exp ops", "#| export\ndef exp(x):\n    return x\n\nTensor.exp = exp"]
MODULE = [
    "#| default_exp nn.module",
    "#| export\nclass Module: pass\ndef load(): pass\nsave = load",
]
LOSS = ["#| default_exp nn.loss", "#| export\ndef mse_loss(): pass"]
OPTIM = ["#| default_exp optim", "#| export\nclass SGD: pass"]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "nptorch" / "nn").mkdir(parents=True)
    return tmp_path


def add(root, name, cells):
    """Write a notebook with these code cells under a heading."""
    code = [new_code_cell(source) for source in cells]
    notebook = new_notebook(cells=[new_markdown_cell(f"# {name}"), *code])
    nbformat.write(notebook, root / "notebooks" / f"{name}.ipynb")
    return root / "notebooks" / f"{name}.ipynb"


def package(root):
    """Return every file of the package as {name: text}."""
    folder = root / "nptorch"
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes().decode() for path in files}


# Exporting


def test_module_is_the_marked_cells_verbatim(root, capsys):
    cells = [
        "#| default_exp tensor\n#| export\nimport numpy as np\n",
        "Tensor = 'a cell without a mark stays in the notebook'",
        "",
        "#| export\n\nclass Tensor :\n    'café'  # 100 %\n\n\n\n    x = 1\n\n",
        "#| export\ndef exp(x): return ('%s'\n    % x)\n\nTensor.exp = exp",
    ]
    add(root, "01_tensor", cells)
    series.export(root=root)
    assert package(root)["tensor.py"] == (
        '"""Built, step by step, in notebooks/01_tensor.ipynb."""\n\n'
        "import numpy as np\n\n\n"
        "class Tensor :\n    'café'  # 100 %\n\n\n\n    x = 1\n\n\n"
        "def exp(x): return ('%s'\n    % x)\n\nTensor.exp = exp\n"
    )
    assert capsys.readouterr().out == "01_tensor.ipynb -> nptorch/tensor.py\n"


def test_notebook_without_module_exports_nothing(root, capsys):
    add(root, "10_pytorch", ["import torch", "torch.ones(3)"])
    series.export("10_pytorch.ipynb", root=root)
    assert set(package(root)) == {"__init__.py"}
    assert capsys.readouterr().out == "10_pytorch.ipynb -> nothing\n"


def test_only_the_named_notebook_is_exported(root):
    add(root, "01_tensor", TENSOR)
    add(root, "05_optimizer", OPTIM)
    series.export("notebooks/05_optimizer.ipynb", root=root)
    assert set(package(root)) == {"__init__.py", "optim.py"}


def test_second_export_touches_no_file(root):
    add(root, "01_tensor", TENSOR)
    add(root, "03_module", MODULE)
    series.export(root=root)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    series.export(root=root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_init_files_grow_module_by_module(root):
    functional = "from ..ops import exp\nfrom .loss import mse_loss\nimport numpy as np\n"
    (root / "nptorch" / "nn" / "functional.py").write_text(functional)
    steps = {
        "01_tensor": (TENSOR, ["from .tensor import Tensor"], None),
        "02_operations": (OPS, ["from .ops import exp"], None),
        "03_module": (
            MODULE,
            ["from .nn.module import load, save", "from . import nn"],
            ["from .module import Module, load, save"],
        ),
        "04_loss": (LOSS, [], ["from .loss import mse_loss", "from . import functional"]),
    }
    for name, (cells, _, _) in steps.items():
        add(root, name, cells)
    top, nn = [], []
    for name, (_, new_top, new_nn) in steps.items():
        series.export(f"{name}.ipynb", root=root)
        top, nn = top + new_top, nn + (new_nn or [])
        assert package(root)["__init__.py"].splitlines()[2:] == top
        assert package(root).get("nn/__init__.py", "").splitlines()[2:] == nn
    add(root, "05_optimizer", OPTIM)
    series.export(root=root)
    assert package(root)["__init__.py"].splitlines()[2:] == top[:-1] + ["from . import nn, optim"]


def test_long_imports_are_wrapped_and_private_names_left_out(root):
    names = [f"operation_{i}" for i in range(40)]
    body = "\n".join(f"{name} = {i}" for i, name in enumerate(names)) + "\n_private = 1\n"
    body += "a, b = [i for i in range(2)]\nc: int = 3\nsys.flag = c\n{}[c] = 1"
    add(root, "02_operations", ["#| default_exp ops", "#| export\nimport sys\n" + body])
    series.export(root=root)
    text = package(root)["__init__.py"]
    assert max(map(len, text.splitlines())) <= 100
    imported = text.partition("(")[2].partition(")")[0].replace(",", " ").split()
    assert imported == [*names, "a", "b", "c"]
    compile(text, "__init__.py", "exec")


# Refusing


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([*TENSOR, "#| export\nx = 1\n%timeit x"], r"\[3\]: magics .*%timeit x"),
        ([*TENSOR, "1", "#| export\n!ls"], r"\[4\]: magics .*!ls"),
        ([*TENSOR, "#| export\ndef f(:\n    pass"], r"\[3\]: .*def f\(:"),
        ([*TENSOR, "#| export\nclass Tensor: pass"], r"\[3\]: Tensor is already defined in \[2\]"),
        ([*TENSOR, "#| export\nx = 1\nx: int = 2"], r"\[3\]: x is already defined in \[3\]"),
        ([*TENSOR, "", "#| export\nfrom sys import path"], r"\[3\]: imports belong in the first"),
        ([*TENSOR, "x = 1\n#| export"], r"\[3\]: unknown or misplaced: #\| export"),
        ([*TENSOR, "#| exports\nx = 1"], r"\[3\]: unknown or misplaced: #\| exports"),
        ([*TENSOR, "#| default_exp ops"], r"\[3\]: unknown or misplaced: #\| default_exp ops"),
        (["#| export\nx = 1"], r"\[1\]: a module's name and its export cells go together"),
        (["#| default_exp tensor", "x = 1"], r"\[1\]: a module's name and its export cells"),
        (["#| default_exp ops", "#| export\nx = 1"], r"\[1\]: nptorch/ops.py is not this"),
        (["#| default_exp nn.functional", "#| export\nx = 1"], r"\[1\]: nptorch/nn/functional.py"),
    ],
)
def test_refusal_names_notebook_and_cell_and_writes_nothing(root, cells, message):
    add(root, "01_tensor", OPS)
    add(root, "02_wrong", cells)
    with pytest.raises(series.SeriesError, match=r"^02_wrong\.ipynb " + message):
        series.export(root=root)
    assert package(root) == {}


def test_unknown_notebook_is_refused(root):
    add(root, "01_tensor", TENSOR)
    with pytest.raises(series.SeriesError, match="no such notebook: 99_none.ipynb"):
        series.export("99_none.ipynb", root=root)
    assert package(root) == {}


# Checking


def test_check_names_what_differs_and_writes_nothing(root, capsys):
    add(root, "01_tensor", TENSOR)
    (root / "nptorch" / "__main__.py").write_text("pass\n")
    assert not series.check(root=root)
    assert set(package(root)) == {"__main__.py"}
    series.export(root=root)
    assert series.check(root=root)
    capsys.readouterr()

    (root / "nptorch" / "tensor.py").write_bytes(b"edited = True\n")
    (root / "nptorch" / "stray.py").write_bytes(b"")
    assert not series.check(root=root)
    assert capsys.readouterr().out.splitlines() == [
        "nptorch/tensor.py differs from the notebooks",
        "nptorch/stray.py belongs to no notebook",
    ]
    assert package(root)["tensor.py"] == "edited = True\n"


def test_check_sees_carriage_returns(root):
    add(root, "01_tensor", TENSOR)
    series.export(root=root)
    module = root / "nptorch" / "tensor.py"
    module.write_bytes(module.read_bytes().replace(b"\n", b"\r\n"))
    assert not series.check(root=root)


def test_command_line(root):
    def command(*arguments):
        script = root / "notebooks" / "series.py"
        script.write_bytes(SCRIPT.read_bytes())
        call = [sys.executable, str(script), *arguments]
        return subprocess.run(call, check=False, capture_output=True, text=True)

    notebook = add(root, "01_tensor", TENSOR)
    assert command("export", "--check", str(notebook)).returncode == 1
    assert command("export", str(notebook)).stdout == "01_tensor.ipynb -> nptorch/tensor.py\n"
    assert command("export", "--check").returncode == 0
    add(root, "01_tensor", [*TENSOR, "#| export\n%time"])
    refused = command("export")
    assert refused.returncode == 1
    assert refused.stderr.startswith("series.py: 01_tensor.ipynb [3]: magics")


# Running


def test_run_writes_pages_and_no_notebook(root, capsys):
    notebook = add(root, "01_tensor", [*TENSOR, "print('hello from the kernel')"])
    before = notebook.read_bytes()
    series.run(root=root)
    assert notebook.read_bytes() == before
    assert "hello from the kernel" in (root / "build" / "01_tensor.html").read_text("utf-8")
    assert 'href="01_tensor.html">01_tensor<' in (root / "build" / "index.html").read_text("utf-8")
    assert capsys.readouterr().out.startswith("01_tensor ")


def test_refresh_twice_gives_the_same_bytes(root):
    cells = [*TENSOR, "print('one')\nprint('two')", "import nptorch\nnptorch.__file__", "1 / 0"]
    notebook = add(root, "01_tensor", cells)
    content = nbformat.read(notebook, as_version=4)
    content.cells[-1].metadata = {"tags": ["raises-exception"], "collapsed": True}
    content.metadata["widgets"] = {}
    nbformat.write(content, notebook)
    series.export(root=root)

    series.refresh("01_tensor.ipynb", root=root)
    first = notebook.read_bytes()
    series.refresh(root=root)
    assert notebook.read_bytes() == first
    assert first.endswith(b"}\n") and not first.endswith(b"\n\n")

    refreshed = nbformat.read(notebook, as_version=4)
    assert set(refreshed.metadata) == {"kernelspec", "language_info"}
    assert [cell.id for cell in refreshed.cells] == [cell.id for cell in content.cells]
    assert [cell.execution_count for cell in refreshed.cells[1:]] == [1, 2, 3, 4, 5]
    assert refreshed.cells[-1].metadata == {"tags": ["raises-exception"]}
    assert refreshed.cells[-3].outputs[0].text == "one\ntwo\n"
    # The kernel imports the package of the notebook's own tree.
    assert root.name in refreshed.cells[-2].outputs[0].data["text/plain"]


def test_refresh_stores_the_figure_of_a_tagged_cell(root):
    image = "import base64\nfrom IPython.display import Image\nprint('a line before it')\n"
    image += "display(Image(base64.b64decode('iVBORw0KGgo='), format='png'))"
    notebook = add(root, "10_figure", [image])
    content = nbformat.read(notebook, as_version=4)
    content.cells[-1].metadata = {"tags": ["figure.png"]}
    nbformat.write(content, notebook)
    series.refresh(root=root)
    assert (root / "notebooks" / "figure.png").read_bytes() == b"\x89PNG\r\n\x1a\n"


def test_failing_cell_is_reported_and_nothing_stored(root):
    notebook = add(root, "01_tensor", [*TENSOR, "print('fine')", "boom = 1 / 0"])
    before = notebook.read_bytes()
    for command in series.run, series.refresh:
        with pytest.raises(
            series.SeriesError, match=r"01_tensor\.ipynb failed:[\s\S]*boom = 1 / 0"
        ):
            command(root=root)
    assert notebook.read_bytes() == before
    assert package(root) == {}


def test_pages_show_formulas_without_a_network():
    page = series.mathml("`$HOME` is 5 wide, $x^2$ is not:\n\n$$\\frac{1}{2}$$")
    assert page.startswith("`$HOME` is 5 wide, <math")
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in page and "<mfrac>" in page
    assert page.count('display="block"') == 1
