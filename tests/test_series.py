"""notebooks/series.py: what it exports, what it refuses, and how it runs a notebook."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
import series
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

SCRIPT = Path(series.__file__)
VERSION = '\n__version__ = "1.2.3"\n'


def head(name, says="What it holds"):
    """Return the docstring that a module of the notebook begins with."""
    return f'"""{says} (notebooks/{name}.ipynb)."""\n\n'


def cells_of(name, module, *sources):
    """Return the cells of a notebook that exports these sources to one module."""
    first, *more = sources
    first = f"#| default_exp {module}\n#| export\n{head(name)}{first}"
    return [first, *(f"#| export\n{source}" for source in more)]


TENSOR = cells_of("01_tensor", "autograd", "import sys", "class Tensor:\n    pass")
OPS = [
    *cells_of("02_operations", "ops", "import math", "def exp(x):\n    return x\n\n_half = 0.5",
              "def tanh(x): ...\n\nerf_table = {}"),
    f"#| export finite_differences\n{head('02_operations')}def gradcheck(f): ...",
    f"#| export dtypes\n{head('02_operations')}kinds = []",
]
MODULE = [
    *cells_of("03_module", "nn.module", "class Module: ..."),
    f"#| export serialization\n{head('03_module')}def save(): ...\ndef load(): ...\ntotal = 1",
]
LOSS = cells_of("04_loss", "nn.loss", "mse_loss = 1\ndef linear(): 'slow'\nclass L1Loss: ...")
TRAINING = [
    *cells_of("07_training", "training", "def fit(): ...\ndef exp(): 'a name of PyTorch'"),
    f"#| export optim.lambda_lr\n{head('07_training')}class LambdaLR: ...",
]
MODELS = cells_of("09_lenet", "models.lenet", "class LeNet: ...")
SPEED = cells_of("15_speed", "nn.fast", "def linear(): 'fast'")
SERIES = {
    "01_tensor": TENSOR, "02_operations": OPS, "03_module": MODULE, "04_loss": LOSS,
    "07_training": TRAINING, "09_lenet": MODELS, "15_speed": SPEED,
}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "nptorch").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.2.3"\n')
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
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): path.read_bytes().decode() for path in files}


def imports(root, name):
    """Return the lines of a generated file below its docstring."""
    return package(root)[name].partition('"""\n\n')[2]


def python(root, *arguments, **environment):
    """Run Python in a folder, which it imports from; return the finished process."""
    return subprocess.run(
        [sys.executable, *arguments], check=False, capture_output=True, cwd=root,
        encoding="utf-8", env=os.environ | {"PYTHONUTF8": "1"} | environment,
    )


# Exporting


def test_module_is_the_marked_cells_verbatim(root, capsys):
    docstring = head("01_tensor")
    cells = [
        f"#| default_exp autograd\n#| export\n{docstring}import numpy as np\n",
        "Tensor = 'a cell without a mark stays in the notebook'  # | or so",
        "",
        "#| export \n\nclass Tensor :\n    'café'  # 100 %\n\n\n\n    x = 1\n\n",
        "#| export autograd\ndef exp(x): return ('%s'\n    % x)\n\nTensor.exp = exp",
    ]
    add(root, "01_tensor", cells)
    series.export(root=root)
    assert package(root)["autograd.py"] == (
        f"{docstring}import numpy as np\n\n\n"
        "class Tensor :\n    'café'  # 100 %\n\n\n\n    x = 1\n\n\n"
        "def exp(x): return ('%s'\n    % x)\n\nTensor.exp = exp\n"
    )
    assert capsys.readouterr().out == "01_tensor.ipynb -> nptorch/autograd.py\n"


def test_cells_are_joined_as_pep_8_has_it(root):
    add(root, "01_tensor", cells_of(
        "01_tensor", "autograd", "import sys", "# a remark alone", "x = 1\ny = 2", "z = 3",
        "@staticmethod\ndef f(): ...", "class C: ...", "C.f = f", "C.g = f\n\n\ndef g(): ...",
        "C.h = g",
    ))
    series.export(root=root)
    assert package(root)["autograd.py"] == (
        f"{head('01_tensor')}import sys\n\n# a remark alone\n\nx = 1\ny = 2\n\nz = 3\n\n\n"
        "@staticmethod\ndef f(): ...\n\n\nclass C: ...\n\n\nC.f = f\n\nC.g = f\n\n\n"
        "def g(): ...\n\n\nC.h = g\n"
    )


def test_notebook_may_own_several_modules(root, capsys):
    name = "03_module"
    add(root, name, [
        "#| default_exp nn.module\nimport plots",
        f"#| export\n{head(name)}class Module: ...",
        f"#| export nn.layers\n{head(name)}import math",
        "#| export\nclass Sequential(Module): ...",
        "#| export nn.layers\nclass Linear: ...\nModule = 'each module has its own names'",
    ])
    series.export(root=root)
    files = package(root)
    assert files["nn/module.py"] == f"{head(name)}class Module: ...\n\n\n" \
        "class Sequential(Module): ...\n"
    assert files["nn/layers.py"].startswith(f"{head(name)}import math\n\n\nclass Linear")
    assert capsys.readouterr().out == \
        "03_module.ipynb -> nptorch/nn/module.py, nptorch/nn/layers.py\n"


def test_notebook_without_module_exports_nothing(root, capsys):
    add(root, "10_pytorch", ["import torch", "torch.ones(3)"])
    series.export("10_pytorch.ipynb", root=root)
    assert set(package(root)) == {"__init__.py"}
    assert capsys.readouterr().out == "10_pytorch.ipynb -> nothing\n"


def test_only_the_named_notebook_is_exported(root):
    add(root, "01_tensor", TENSOR)
    add(root, "02_operations", OPS)
    series.export("notebooks/02_operations.ipynb", root=root)
    assert set(package(root)) == {"__init__.py", "ops.py", "finite_differences.py", "dtypes.py"}


def test_second_export_touches_no_file(root):
    for name, cells in SERIES.items():
        add(root, name, cells)
    series.export(root=root)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    series.export(root=root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


@pytest.mark.parametrize(
    "name", ["01_tensor-Copy1", "Untitled", "01_tensor-checkpoint", "1_tensor", "01_Tensor"]
)
def test_notebook_that_is_none_of_the_series_is_left_out(root, name):
    add(root, "01_tensor", TENSOR)
    add(root, name, TENSOR)
    assert [path.stem for path in series.find(root)] == ["01_tensor"]
    assert [path.stem for path in series.find(root, ["01"])] == ["01_tensor"]
    assert [path.stem for path in series.left_out(root)] == [name]
    series.export(root=root)
    assert series.check(root=root)
    with pytest.raises(series.SeriesError, match=f"no notebook of the series: {name}"):
        series.export(f"{name}.ipynb", root=root)


# What the exporter writes itself


def test_package_grows_notebook_by_notebook_and_can_always_be_imported(root):
    for name, cells in SERIES.items():
        add(root, name, cells)
    top = {
        "01_tensor": "from .autograd import Tensor\nfrom . import autograd\n" + VERSION,
        "02_operations": (
            "from .autograd import Tensor\nfrom .ops import exp, tanh\n"
            "from . import autograd, finite_differences, dtypes\n" + VERSION
            + "autograd.gradcheck = finite_differences.gradcheck\n"
        ),
        "03_module": (
            "from .autograd import Tensor\nfrom .ops import exp, tanh\n"
            "from .serialization import save, load\n"
            "from . import autograd, finite_differences, dtypes, nn\n" + VERSION
            + "autograd.gradcheck = finite_differences.gradcheck\n"
        ),
    }
    nn = {
        "02_operations": None,
        "03_module": "from .module import Module\nfrom . import functional\n",
        "04_loss": "from .module import Module\nfrom .loss import L1Loss\n"
                   "from . import functional\n",
        "15_speed": "from .module import Module\nfrom .loss import L1Loss\n"
                    "from . import fast, functional\n",
    }
    functional = {
        "02_operations": None,
        "03_module": "from ..ops import tanh\n",
        "04_loss": "from ..ops import tanh\nfrom .loss import mse_loss, linear\n",
        "15_speed": "from ..ops import tanh\n"
                    "from .loss import mse_loss\nfrom .fast import linear\n",
    }
    for name in SERIES:
        series.export(f"{name}.ipynb", root=root)
        for file, texts in (("__init__.py", top), ("nn/__init__.py", nn),
                            ("nn/functional.py", functional)):
            if texts.get(name):
                assert imports(root, file) == texts[name]
            elif name in texts:
                assert file not in package(root)
        result = python(root, "-c", "import nptorch; print(nptorch.__file__)")
        assert root.name in result.stdout, result.stderr
    assert imports(root, "optim/__init__.py") == "from . import lambda_lr, lr_scheduler\n"
    assert imports(root, "optim/lr_scheduler.py") == "from .lambda_lr import LambdaLR\n"
    assert imports(root, "models/__init__.py") == "from .lenet import LeNet\n"
    series.export(root=root)
    assert series.check(root=root)


def test_only_names_of_pytorch_stand_at_its_addresses(root):
    for name, cells in SERIES.items():
        add(root, name, cells)
    series.export(root=root)
    program = (
        "import nptorch as torch\n"
        "assert torch.autograd.gradcheck is torch.finite_differences.gradcheck\n"
        "assert torch.nn.functional.linear.__module__ == 'nptorch.nn.fast'\n"
        "assert torch.optim.lr_scheduler.LambdaLR and torch.__version__ == '1.2.3'\n"
        "assert torch.exp.__module__ == 'nptorch.ops' and torch.dtypes.kinds == []\n"
        "for name in 'total erf_table gradcheck fit training models mse_loss'.split():\n"
        "    assert not hasattr(torch, name), name\n"
        "assert not hasattr(torch.nn, 'mse_loss') and not hasattr(torch.optim, 'LambdaLR')\n"
    )
    result = python(root, "-c", program)
    assert result.returncode == 0, result.stderr


def test_names_of_pytorch():
    names = series.NAMES
    assert all(listed == sorted(listed) for listed in names.values())
    assert {"Tensor", "tensor", "no_grad", "relu", "save", "float32"} <= set(names[""])
    assert not {"op", "Node", "nn", "gradcheck", "unbroadcast", "math"} & set(names[""])
    assert {"Linear", "Module", "Parameter"} <= set(names["nn"])
    assert {"relu", "linear", "conv2d"} <= set(names["nn.functional"])
    assert not any(name[0].isupper() for name in names["nn.functional"])
    assert "gradcheck" in names["autograd"] and "LambdaLR" in names["optim.lr_scheduler"]


def test_names_of_pytorch_are_those_of_this_pytorch():
    torch = pytest.importorskip("torch")
    if not torch.__version__.startswith("2.13."):
        pytest.skip("the names are those of PyTorch 2.13")
    program = (
        "import sys; sys.path.insert(0, 'tests/golden'); import json, make_names as m\n"
        "print(json.dumps({address: m.names(address) for address in m.ADDRESSES}))"
    )
    result = python(series.ROOT, "-c", program)
    assert json.loads(result.stdout) == series.NAMES, result.stderr


def test_generated_files_please_ruff(root):
    pytest.importorskip("ruff")
    names = sorted(series.NAMES[""])[-200:]
    body = "import sys\n\n" + "\n".join(f"{name} = {i}" for i, name in enumerate(names))
    add(root, "01_tensor", cells_of("01_tensor", "autograd", body))
    for name, cells in list(SERIES.items())[1:]:
        add(root, name, cells)
    series.export(root=root)
    files = [f"nptorch/{name}" for name in package(root) if name.endswith("__init__.py")]
    assert max(map(len, package(root)["__init__.py"].splitlines())) <= 100
    files += ["nptorch/nn/functional.py"]
    result = python(root, "-m", "ruff", "check", "--isolated", "--no-cache", "--line-length=100",
                    "--select=E,F", "--per-file-ignores=*.py:F401", *files)
    assert result.returncode == 0, result.stdout


# Refusing


BEGIN = "must begin with a docstring that says what it holds and ends in"
SPELLED = "must be `#| export`, `#| export MODULE` or `#| default_exp MODULE`"
WRONG = cells_of("02_wrong", "wrong", "import sys", "class Tensor:\n    pass")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([*WRONG, "#| export\nx = 1\n%timeit x"], "[3]: magics cannot be exported: %timeit x"),
        ([*WRONG, "1", "#| export\n!ls"], "[4]: magics cannot be exported: !ls"),
        ([*WRONG, "#| export\ndef f(:\n    pass"], "[3]: invalid syntax: def f(:"),
        ([*WRONG, "#| export\nclass Tensor: pass"], "[3]: Tensor is already defined in [2]"),
        ([*WRONG, "#| export\nx = 1\nx: int = 2"], "[3]: x is already defined in [3]"),
        ([*WRONG, "import os", "#| export\ndef f(x):\n    return [os.sep + y for y in x]"],
         "[4]: nptorch/wrong.py has no os: define or import it in a cell of that module; imports "
         "belong in [1]"),
        ([*WRONG, "", "#| export\nfrom sys import path"],
         "[3]: imports belong in wrong's first cell, [1]"),
        ([*WRONG, "# | export\nx = 1"], f"[3]: '# | export' {SPELLED}"),
        ([*WRONG, "#export\nx = 1"], f"[3]: '#export' {SPELLED}"),
        ([*WRONG, "#|export\nx = 1"], f"[3]: '#|export' {SPELLED}"),
        ([*WRONG, " #| export\nx = 1"], f"[3]: ' #| export' {SPELLED}"),
        ([*WRONG, "# export\nx = 1"], f"[3]: '# export' {SPELLED}"),
        ([*WRONG, "#| Export\nx = 1"], f"[3]: '#| Export' {SPELLED}"),
        ([*WRONG, "#| exports\nx = 1"], f"[3]: '#| exports' {SPELLED}"),
        ([*WRONG, "#| export nn layers\nx = 1"], f"[3]: '#| export nn layers' {SPELLED}"),
        ([*WRONG, "# | export nn.layers\nx = 1"], f"[3]: '# | export nn.layers' {SPELLED}"),
        ([*WRONG, "#| hide\nx = 1"], f"[3]: '#| hide' {SPELLED}"),
        ([*WRONG, "x = 1\n#| export"], f"[3]: '#| export' {SPELLED}"),
        (["# | default_exp wrong"], f"[1]: '# | default_exp wrong' {SPELLED}"),
        (["#|default_exp wrong"], f"[1]: '#|default_exp wrong' {SPELLED}"),
        ([*WRONG, "#| default_exp ops"], "[3]: default_exp belongs in the first code cell, once"),
        ([*WRONG, "#| export\n#| export nn.x\nx = 1"], "[3]: an exported cell goes to one module"),
        (["#| export\nx = 1"], "[1]: an exported cell needs a `#| default_exp MODULE`"),
        (["#| default_exp wrong", "x = 1"], "[1]: no cell is exported to wrong"),
        (["#| default_exp wrong\n#| export\nimport sys"], f"[1]: nptorch/wrong.py {BEGIN}"),
        (cells_of("01_tensor", "wrong", "x = 1"), f"[1]: nptorch/wrong.py {BEGIN}"),
        ([*WRONG, "#| export nn.x\nimport sys"], f"[3]: nptorch/nn/x.py {BEGIN}"),
        (cells_of("02_wrong", "ops", "x = 1"),
         "[1]: nptorch/ops.py is also claimed by 01_tensor.ipynb [1], which writes nptorch/ops.py"),
        ([*WRONG, "#| export ops.more\nx = 1"],
         "[3]: nptorch/ops/more.py is also claimed by 01_tensor.ipynb [1]"),
        (cells_of("02_wrong", "nn.functional", "x = 1"),
         "[1]: nptorch/nn/functional.py is no notebook's to write"),
        ([*WRONG, "#| export nn.__init__\nx = 1"],
         "[3]: nptorch/nn/__init__.py is no notebook's to write"),
        ([*WRONG, "#| export __main__\nx = 1"],
         "[3]: nptorch/__main__.py is no notebook's to write"),
    ],
)
def test_refusal_names_notebook_and_cell_and_writes_nothing(root, cells, message):
    add(root, "01_tensor", cells_of("01_tensor", "ops", "def exp(x):\n    return x"))
    add(root, "02_wrong", cells)
    for names in (), ("02_wrong.ipynb",):
        with pytest.raises(series.SeriesError, match=re.escape(f"02_wrong.ipynb {message}")):
            series.export(*names, root=root)
    assert package(root) == {}


@pytest.mark.parametrize(
    "cell",
    ["# exports the weights of the net\nx = 1", "# we export it below\nx = 1",
     "x = 1  #| or export", "# | a | table |\nx = 1"],
)
def test_comments_are_no_directives(root, cell):
    add(root, "01_tensor", [*TENSOR, cell])
    series.export(root=root)


# Checking


def test_check_names_what_differs_and_writes_nothing(root, capsys):
    add(root, "01_tensor", TENSOR)
    (root / "nptorch" / "__main__.py").write_text("pass\n")
    (root / "nptorch" / "autograd.pyi").write_text("class Tensor: ...\n")
    assert not series.check(root=root)
    assert set(package(root)) == {"__main__.py", "autograd.pyi"}
    series.export(root=root)
    assert series.check(root=root)
    capsys.readouterr()

    (root / "nptorch" / "autograd.py").write_bytes(b"edited = True\n")
    (root / "nptorch" / "stray.py").write_bytes(b"")
    assert not series.check(root=root)
    assert capsys.readouterr().out.splitlines() == [
        "nptorch/autograd.py differs from the notebooks",
        "nptorch/stray.py belongs to no notebook",
    ]
    assert package(root)["autograd.py"] == "edited = True\n"


def test_check_sees_carriage_returns(root):
    add(root, "01_tensor", TENSOR)
    series.export(root=root)
    module = root / "nptorch" / "autograd.py"
    module.write_bytes(module.read_bytes().replace(b"\n", b"\r\n"))
    assert not series.check(root=root)


def equip(root):
    """Put what the notebooks need beside them, as it is in this tree."""
    for name in "series.py", "pytorch_names.json", "conftest.py", "sanitize.cfg", "plots.py":
        shutil.copy(SCRIPT.with_name(name), root / "notebooks")
    shutil.copy(series.ROOT / "pyproject.toml", root)


def test_command_line(root):
    equip(root)
    notebook = add(root, "01_tensor", TENSOR)

    def command(*arguments):
        return python(root, "notebooks/series.py", *arguments)

    assert command("export", "--check", str(notebook)).returncode == 1
    assert command("export", str(notebook)).stdout == "01_tensor.ipynb -> nptorch/autograd.py\n"
    assert command("export", "--check").returncode == 0
    for other in "run", "refresh":
        refused = command(other, "--check")
        assert refused.returncode == 2 and "--check goes with export" in refused.stderr
    assert not (root / "build").exists()

    add(root, "01_tensor-Copy1", TENSOR)
    copied = command("export")
    assert copied.returncode == 0
    assert copied.stdout.startswith("left out, being none of the series: 01_tensor-Copy1.ipynb\n")

    add(root, "01_tensor", [*TENSOR, "#| export\n%time"])
    refused = command("export")
    assert refused.returncode == 1
    assert refused.stderr.startswith("series.py: 01_tensor.ipynb [3]: magics")


# Running


def test_run_writes_pages_and_no_notebook(root, capsys):
    equip(root)
    figure = "import plots\nplots.plt.plot([1, 2])\nplots.show('A line from 1 to 2, \"up\".')"
    notebook = add(root, "01_tensor", [*TENSOR, "print('hello from the kernel')", figure])
    before = notebook.read_bytes()
    series.run(root=root)
    assert notebook.read_bytes() == before
    page = (root / "build" / "01_tensor.html").read_text("utf-8")
    assert "hello from the kernel" in page
    assert re.findall(r'<img[^>]*? alt=(".*?"|\'.*?\')', page) in (
        ["'A line from 1 to 2, \"up\".'"], ['"A line from 1 to 2, &quot;up&quot;."'],
        ['"A line from 1 to 2, &#34;up&#34;."'],
    )
    index = (root / "build" / "index.html").read_text("utf-8")
    assert 'href="01_tensor.html">01 01_tensor</a>' in index and "figures/01_tensor-1.png" in index
    assert capsys.readouterr().out.startswith("01_tensor ")


@pytest.mark.parametrize("installed", [True, False])
def test_run_shows_the_notebook_of_pytorch_as_stored_without_it(
    root, capsys, monkeypatch, installed
):
    equip(root)
    path = add(root, "10_pytorch", ["print('run ' + 'anew')"])
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].outputs = [new_output("stream", text="as it was stored")]
    nbformat.write(notebook, path)
    find_spec = series.importlib.util.find_spec
    found = {"torch": "found" if installed else None}
    monkeypatch.setattr(series.importlib.util, "find_spec", lambda name, *rest: (
        found[name] if name in found else find_spec(name, *rest)))
    series.run(root=root)
    page = (root / "build" / "10_pytorch.html").read_text("utf-8")
    assert ("run anew" in page) is installed
    assert ("as it was stored" in page) is not installed
    assert ("PyTorch is not installed" in capsys.readouterr().out) is not installed


def test_run_without_the_builder_of_pages_says_so(root, capsys, monkeypatch):
    add(root, "10_pytorch", ["1 + 1"])
    monkeypatch.setattr(series.importlib.util, "find_spec", lambda name: None)  # so nothing is run
    monkeypatch.setattr(series, "SITE", root / "docs/site")
    series.run(root=root)
    assert capsys.readouterr().out.endswith("no pages are written, for docs/site is not here\n")
    assert not (root / "build").exists()


def test_refresh_twice_gives_the_same_bytes(root):
    equip(root)
    cells = [*TENSOR, "print('one')\nprint('two')", "import nptorch\nnptorch.__file__"]
    cells += ["import plots\nplots.plt.plot([1, 2])\nplots.show('A line.')", "1 / 0"]
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
    assert [cell.execution_count for cell in refreshed.cells[1:]] == [1, 2, 3, 4, 5, 6]
    assert refreshed.cells[-1].metadata == {"tags": ["raises-exception"]}
    assert refreshed.cells[3].outputs[0].text == "one\ntwo\n"
    # The kernel imports the package of the notebook's own tree.
    assert root.name in refreshed.cells[4].outputs[0].data["text/plain"]
    # A figure keeps its alternative text, and is there once.
    (figure,) = (output for output in refreshed.cells[5].outputs if "image/png" in output.data)
    assert figure.metadata["image/png"]["alt"] == figure.data["text/plain"] == "A line."


def test_refresh_stores_the_figure_of_a_tagged_cell(root):
    image = "import base64\nfrom IPython.display import Image\nprint('a line before it')\n"
    image += "display(Image(base64.b64decode('iVBORw0KGgo='), format='png'))"
    notebook = add(root, "10_figure", [image])
    content = nbformat.read(notebook, as_version=4)
    content.cells[-1].metadata = {"tags": ["figure.png"]}
    nbformat.write(content, notebook)
    series.refresh(root=root)
    assert (root / "notebooks" / "figure.png").read_bytes() == b"\x89PNG\r\n\x1a\n"


def test_notebook_alone_in_another_folder_says_what_to_do(root):
    line = "import plots  # not found? Open this notebook in the folder notebooks/ of a clone"
    add(root, "01_tensor", [f"import math\n{line}\n\nimport sys"])
    with pytest.raises(series.SeriesError) as error:
        series.refresh(root=root)
    plain = re.sub(r"\x1b\[[\d;]*m", "", str(error.value))
    assert f"----> 2 {line}" in plain and "No module named 'plots'" in plain


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


# The environment of a run


@pytest.fixture
def hostile(root):
    """Return environment variables of a user whose every setting is in the way."""
    profile = root / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_config.py").write_text(
        "c = get_config()\n"
        "c.InteractiveShell.ast_node_interactivity = 'all'\n"
        "c.InteractiveShellApp.exec_lines = ['x = 666']\n"
        "c.PlainTextFormatter.float_precision = '%.1f'\n"
    )
    (root / "startup.py").write_text("x = 667\n")
    (root / "matplotlibrc").write_text("figure.figsize: 1, 1\nbackend: pdf\n")
    return {
        "HOME": os.path.join(os.devnull, "nobody"), "IPYTHONDIR": str(root / "ipython"),
        "MPLBACKEND": "agg", "MPLCONFIGDIR": str(root), "MATPLOTLIBRC": str(root / "matplotlibrc"),
        "PYTHONSTARTUP": str(root / "startup.py"),
    }


SMALL = [
    "import matplotlib.pyplot as plt\n'x' in globals()",
    "1.23456\n2.34567",
    "plt.figure(), plt.plot([1, 2])\nprint(plt.rcParams['figure.figsize'])",
]


def test_settings_of_the_user_change_no_result(root, hostile, monkeypatch):
    equip(root)
    notebook = add(root, "01_tensor", SMALL)
    series.refresh(root=root)
    plain = notebook.read_bytes()
    cells = nbformat.read(notebook, as_version=4).cells
    assert [list(output.get("data", ["text"])) for cell in cells[1:] for output in cell.outputs] \
        == [["text/plain"], ["text/plain"], ["text"], ["image/png", "text/plain"]]
    with monkeypatch.context() as patch:
        for name, value in hostile.items():
            patch.setenv(name, value)
        series.refresh(root=root)
        assert os.environ["MPLBACKEND"] == "agg"  # the caller keeps what is theirs
    assert notebook.read_bytes() == plain

    tested = nbval(root, **hostile)
    assert tested.returncode == 0, tested.stdout
    assert "3 passed" in tested.stdout


def test_fonts_are_listed_somewhere_else_where_nobody_can_write(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "missing"))
    folder = series.fonts.__wrapped__()
    assert any(folder.glob("fontlist-*.json")) and os.access(folder, os.W_OK)
    assert not any(tmp_path.iterdir())


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path, monkeypatch):
    def locked(source, target):
        raise PermissionError("the file is used by another process")  # as Windows says

    (tmp_path / "a.py").write_bytes(b"old")
    monkeypatch.setattr(os, "replace", locked)
    with pytest.raises(PermissionError):
        series.write(tmp_path / "a.py", "new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize("platform, clock", [("win32", time.perf_counter),
                                             ("emscripten", time.perf_counter),
                                             ("linux", time.process_time)])
def test_notebooks_measure_with_a_clock_that_is_fine_enough(monkeypatch, platform, clock):
    """Windows counts the processor's time in steps of 16 ms, some browsers' Python not at all."""
    monkeypatch.setattr(sys, "platform", platform)
    spec = importlib.util.spec_from_file_location("series_elsewhere", SCRIPT)
    elsewhere = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(elsewhere)
    assert elsewhere.clock is clock
    for path in series.find():
        assert not [source for source in series.code_cells(path).values()
                    if "process_time" in source], f"{path.name}: use series.clock"


def test_a_terminal_may_lack_a_sign(root):
    """Where Windows writes into a file, say, the "almost equal" sign has no place."""
    add(root, "01_tensor", ["print('\u2248 1')"])
    shutil.copytree(SCRIPT.parent, root / "notebooks", dirs_exist_ok=True,
                    ignore=lambda folder, names: [n for n in names if n.endswith(".ipynb")])
    command = [sys.executable, root / "notebooks" / "series.py", "check-outputs"]
    done = subprocess.run(command, env=os.environ | {"PYTHONIOENCODING": "cp1252"}, check=False,
                          capture_output=True, encoding="cp1252")
    assert done.returncode == 1 and "came\n?\n" in done.stdout, done.stderr


@pytest.mark.parametrize("variable", ["OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"])
def test_kernels_share_one_setting_of_threads(monkeypatch, variable):
    monkeypatch.delenv(variable, raising=False)
    assert series.environment()[variable] == "1"
    monkeypatch.setenv(variable, "2")
    assert series.environment()[variable] == "2"


# Numbers on the page


def nbval(root, *arguments, **environment):
    """Test the notebooks of a tree as `make test` does."""
    return python(root, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
                  "--color=no", "-rf", "notebooks", *arguments, **environment)


@pytest.mark.parametrize(
    ("stored", "printed", "alike"),
    [
        ("right: ≈ 99.1 %", "right: ≈ 98.7 %", True),
        ("≈ 9.5 s, ≈ 3 ms", "≈ 10.25 s, ≈ 12 ms", True),
        ("≈   9.5 s |", "≈ 110.5   s |", True),
        ("loss ≈ 0.5\nend", "loss ≈ 0.25\nend", True),
        ("right: 99.1 %", "right: 98.7 %", False),
        ("≈ 99.1 of 100", "≈ 99.1 of 101", False),
        ("12 ≈ 12.01", "13 ≈ 12.01", False),
        ("≈ 1\n2", "≈ 1\n3", False),
        ("≈ 99.1 %", "99.1 %", False),
    ],
)
def test_one_token_behind_almost_equal_is_left_out(stored, printed, alike):
    from nbval.plugin import get_sanitize_patterns

    ((pattern, replacement),) = get_sanitize_patterns(
        SCRIPT.with_name("sanitize.cfg").read_text(encoding="ascii"))
    stored, printed = (re.sub(pattern, replacement, text) for text in (stored, printed))
    assert (stored == printed) is alike


def test_nbval_compares_every_number_but_those(root):
    equip(root)
    changes = [("right: ≈ 1 % of 3", "right: ≈ 12 % of 3"), ("right: 1", "right: 2"),
               ("≈ 1 of 3", "≈ 1 of 4")]
    notebook = add(root, "01_tensor", [f"print({printed!r})" for printed, _ in changes])
    content = nbformat.read(notebook, as_version=4)
    for number, (cell, (_, stored)) in enumerate(zip(content.cells[1:], changes), start=1):
        cell.outputs = [new_output("stream", name="stdout", text=f"{stored}\n")]
        cell.execution_count = number
    nbformat.write(content, notebook)
    shutil.copy(notebook, root / "notebooks" / "01_tensor-Copy1.ipynb")  # nobody tests a copy
    tested = nbval(root)
    assert re.findall("(?m)^FAILED .*(Cell .)", tested.stdout) == ["Cell 1", "Cell 2"]
    assert "2 failed, 1 passed" in tested.stdout
