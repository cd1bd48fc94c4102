"""The notebooks: what they store is clean, and they rebuild the package byte for byte."""

import copy
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
import series

NOTEBOOKS = series.find(series.ROOT)
MACHINE = re.compile(r"site-packages|ipykernel_\d|/home/|/Users/|/tmp/|[A-Z]:\\| at 0x[0-9a-f]")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def outputs(notebook):
    """Return every (cell, output) of a notebook."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [(cell, output) for cell in cells for output in cell.outputs]


def test_there_is_a_notebook():
    assert NOTEBOOKS


# What they store


def test_every_cell_was_executed_once_in_order(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


def test_only_cells_that_say_so_failed(notebook):
    failed = [cell for cell, output in outputs(notebook) if output.output_type == "error"]
    assert all("raises-exception" in cell.metadata.get("tags", []) for cell in failed)


def test_no_widget_is_stored(notebook):
    assert not any(
        "widget" in kind for _, output in outputs(notebook) for kind in output.get("data", ())
    )


def test_notebook_is_as_refresh_writes_it(path, notebook):
    normalised = copy.deepcopy(notebook)
    series.normalise(normalised)
    assert notebook == normalised
    assert path.read_bytes().decode() == nbformat.writes(notebook).rstrip("\n") + "\n"


def test_outputs_tell_nothing_of_the_machine(notebook):
    for _, output in outputs(notebook):
        data = output.get("data", {})
        texts = [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
        texts += output.get("traceback", [])
        assert not MACHINE.search("\n".join(texts))


def test_notebook_is_smaller_than_a_megabyte(path):
    assert path.stat().st_size < 1_000_000


# What they export


@pytest.fixture
def emptied(tmp_path):
    """Return a copy of the tree whose package holds the hand-written files alone."""
    ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    shutil.copytree(series.ROOT / "notebooks", tmp_path / "notebooks", ignore=ignore)
    for file in series.HAND_WRITTEN:
        source, target = series.ROOT / "nptorch" / file, tmp_path / "nptorch" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.exists():
            shutil.copy(source, target)
    return tmp_path


def package(root):
    """Return the package's sources as {name: bytes}."""
    folder = root / "nptorch"
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*.py")}


def test_package_is_what_the_notebooks_export():
    assert series.check()


def test_each_module_imports_with_only_its_predecessors(emptied):
    for path in series.find(emptied):
        series.export(path.name, root=emptied)
        module, _ = series.read(path)
        if module:
            program = f"import nptorch.{module}; print(nptorch.__file__)"
            call = [sys.executable, "-c", program]
            result = subprocess.run(call, check=False, cwd=emptied, capture_output=True, text=True)
            assert result.returncode == 0, f"{path.name}: {result.stderr}"
            assert emptied.name in result.stdout


def test_running_the_series_rebuilds_the_package(emptied, monkeypatch):
    # Without MNIST the series must run to its end as well; and so it does in less time.
    for name in "NPTORCH_DATA", "XDG_CACHE_HOME":
        monkeypatch.setenv(name, str(emptied / "empty"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    for path in series.find(emptied):
        series.execute(path, root=emptied)
    assert package(emptied) == package(series.ROOT)
