"""python -m nptorch.series copy DIR: the notebooks, for who has installed the package."""

import importlib.util
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import series

from nptorch.series import NOTEBOOKS, PACKAGE, copy


def command(monkeypatch, *arguments):
    """Run the command in this process, where its lines are counted."""
    monkeypatch.setattr(sys, "argv", ["nptorch.series", *map(str, arguments)])
    monkeypatch.delitem(sys.modules, "nptorch.series")
    runpy.run_module("nptorch.series", run_name="__main__")


def files(folder):
    """Return {path: content} of what is in a folder, without what Python and Jupyter leave."""
    paths = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(folder): p.read_bytes() for p in paths
            if ".ipynb_checkpoints" not in p.parts}


def test_a_copy_has_the_notebooks_and_the_package(tmp_path, monkeypatch, capsys):
    command(monkeypatch, "copy", tmp_path / "mine")
    assert capsys.readouterr().out == f"now open them: jupyter lab {tmp_path / 'mine/notebooks'}\n"
    assert files(tmp_path / "mine/notebooks") == files(series.ROOT / "notebooks")
    assert files(tmp_path / "mine/nptorch") == files(series.ROOT / "nptorch")


def test_a_copy_names_what_is_still_to_be_installed(tmp_path, monkeypatch, capsys):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: (
        None if name in ("jupyterlab", "sklearn") else there(name)))
    command(monkeypatch, "copy", tmp_path / "mine")
    assert capsys.readouterr().out.splitlines()[1:] == [
        "they need more than is here: pip install jupyter scikit-learn"]


def test_notebooks_of_a_copy_export_to_it_and_import_from_it(tmp_path):
    copy(tmp_path)
    exported = subprocess.run([sys.executable, "notebooks/series.py", "export", "--check"],
                              cwd=tmp_path, capture_output=True, text=True)
    assert (exported.returncode, exported.stdout, exported.stderr) == (0, "", "")
    program = "import plots, nptorch; print(nptorch.__file__)"
    environment = {key: os.environ[key] for key in os.environ if key != "PYTHONPATH"}
    imported = subprocess.check_output([sys.executable, "-c", program], text=True,
                                       cwd=tmp_path / "notebooks", env=environment)
    assert Path(imported.strip()) == tmp_path / "nptorch/__init__.py"


@pytest.mark.parametrize("part", ["notebooks", "nptorch"])
def test_nothing_is_overwritten(tmp_path, monkeypatch, part):
    (tmp_path / part).mkdir()
    with pytest.raises(SystemExit, match=f"{part} is there already: name another folder"):
        command(monkeypatch, "copy", tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == [part]


def test_an_installed_package_has_its_notebooks_inside(tmp_path):
    installed = tmp_path / "site-packages/nptorch"
    shutil.copytree(PACKAGE, installed)
    shutil.copytree(NOTEBOOKS, installed / "notebooks")
    done = subprocess.run([sys.executable, "-m", "nptorch.series", "copy", tmp_path / "mine"],
                          cwd=installed.parent, capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": ""})
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "mine/notebooks") == files(NOTEBOOKS)
    assert files(tmp_path / "mine/nptorch") == files(PACKAGE)
