"""The set-up: one list of dependencies, a make that checks its Python, and a package that needs
NumPy alone."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest brings tomli
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


# What is installed


def test_environment_adds_nothing_to_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python = "python" + PROJECT["requires-python"]
    assert environment["name"] == PROJECT["name"]
    assert environment["dependencies"] == [python, "pip", {"pip": ["-e .[dev]"]}]


def packages(extra):
    """Return the packages that an extra brings, those of the extras that it names included."""
    found = set()
    for requirement in EXTRAS[extra]:
        name, _, inner = re.match(r"([\w-]+)(\[([\w,-]+)\])?", requirement).groups()
        found |= set().union(*map(packages, inner.split(","))) if inner else {name}
    return found


def test_numpy_is_the_only_dependency():
    assert [requirement.partition(">")[0] for requirement in PROJECT["dependencies"]] == ["numpy"]


def test_dev_brings_everything_but_pytorch_and_a_browser():
    assert packages("dev") >= set().union(*map(packages, {*EXTRAS} - {"dev", "parity", "site"}))
    assert packages("parity") == {"torch"}
    assert "torch" not in packages("dev")


def test_the_lock_has_a_version_and_hashes_for_each_package():
    text = (ROOT / "requirements-lock.txt").read_text(encoding="utf-8")
    entries = re.findall(r"^(\S.*?) \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.M)
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(entries) == len(lines) > 100
    locked = {}
    for entry, _ in entries:
        requirement = Requirement(entry)
        [pinned] = requirement.specifier
        assert pinned.operator == "=="
        locked.setdefault(requirement.name, []).append(pinned.version)
    asked = [name for extra in EXTRAS.values() for name in extra] + PROJECT["dependencies"]
    for requirement in map(Requirement, asked):
        if requirement.name not in ("nptorch", "torch"):
            versions = locked[requirement.name]
            assert all(requirement.specifier.contains(version) for version in versions)


def test_import_loads_no_third_party_module_but_numpy():
    program = (
        "import json, sys\n"
        "before = set(sys.modules)\n"
        "import nptorch\n"
        "new = [name for name in sys.modules if name not in before]\n"
        # NumPy's compiled parts register helpers that come from no file.
        "print(json.dumps([name for name in new if hasattr(sys.modules[name], '__file__')]))"
    )
    output = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)
    loaded = {name.partition(".")[0] for name in json.loads(output)}
    assert loaded - set(sys.stdlib_module_names) == {"numpy", "nptorch"}


# One version, one set of links


def test_there_is_one_version():
    import nptorch

    assert nptorch.__version__ == PROJECT["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## ([\d.]+)", changelog, re.MULTILINE)[0] == PROJECT["version"]


def test_every_tested_python_is_named():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    tested = workflow["jobs"]["make"]["strategy"]["matrix"]["python"]
    named = re.findall(r":: (3\.\d+)'", str(PROJECT["classifiers"]))
    assert tested == named
    assert PROJECT["requires-python"] == ">=" + tested[0]


def test_readme_installs_the_wheel_of_this_version():
    """By its file: on the package index the name is another project's."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    installed = re.findall(r'pip install (?:-\w )*"?(nptorch[^"\s]*)', readme)
    assert {*installed} == {f"nptorch-{PROJECT['version']}-py3-none-any.whl[notebooks]"}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_pages_link_to_files_that_exist(page):
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


# make


@pytest.fixture
def make(tmp_path):
    """Return a function that runs make in a folder that holds nothing but what set-up needs."""
    program = shutil.which("make")
    if program is None or os.name == "nt":
        pytest.skip("there is no make")
    for name in "Makefile", "pyproject.toml":
        shutil.copy(ROOT / name, tmp_path)
    # A make that calls this test must not hand down what it was told.
    inherited = {"PYTHON", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    environment = {name: os.environ[name] for name in {*os.environ} - inherited}
    return lambda *args: subprocess.run([program, *args], cwd=tmp_path, env=environment, text=True,
                                        capture_output=True, check=False)


def python_of(folder, version):
    """Return a program that is this Python, and says that it is another."""
    fake = folder / f"python{version}"
    fake.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c 'import sys, sysconfig\n"
                    f"sys.version_info = {tuple(map(int, version.split('.')))}\n"
                    f'sysconfig.get_path = lambda name: "/lib/python{version}"\n'
                    "exec(sys.argv[2])' \"$@\"\n", encoding="utf-8")
    fake.chmod(0o755)
    return str(fake)


def test_make_refuses_an_old_python_in_one_sentence(make, tmp_path):
    old = python_of(tmp_path, "3.9")
    for target in "series", "lab", "test", "refresh":
        result = make(target, f"PYTHON={old}")
        assert result.returncode and not result.stdout
        assert f"nptorch needs Python 3.10 or newer, but {old} is 3.9" in result.stderr
        assert result.stderr.count("\n") == 1
    assert not (tmp_path / ".venv").exists()


def test_make_says_that_a_python_is_missing(make):
    result = make("PYTHON=python3.0.0")
    assert result.returncode and "but python3.0.0 is missing" in result.stderr


def test_make_clean_asks_for_no_python(make):
    assert make("clean", "PYTHON=python3.0.0").returncode == 0


@pytest.mark.parametrize("status, failed", [(0, False), (1, False), (2, True)])
def test_open_holes_are_no_error_of_make(make, tmp_path, status, failed):
    """`make check-workbook` is for readers; a machine that wants the status 1 asks series.py."""
    (tmp_path / "python").write_text(f"#!/bin/sh\nexit {status}\n", encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    result = make("-o", ".venv/ready", f"BIN={tmp_path}", "check-workbook")
    assert "notebooks/series.py check-workbook" in result.stdout
    assert bool(result.returncode) == failed and ("Error" in result.stderr) == failed


def test_venv_follows_python(make, tmp_path):
    for folder in "bin", "lib/python3.11":
        (tmp_path / ".venv" / folder).mkdir(parents=True)
    shutil.move(python_of(tmp_path, "3.11"), tmp_path / ".venv/bin/python")
    (tmp_path / ".venv/ready").touch()
    same, other = python_of(tmp_path, "3.11"), python_of(tmp_path, "3.12")
    assert "venv --clear" not in make("-n", "lab").stdout  # whatever python3 is now
    assert "venv --clear" not in make("-n", "lab", f"PYTHON={same}").stdout
    plan = make("-n", "lab", f"PYTHON={other}").stdout
    assert plan.index(f"{other} -m venv --clear .venv") < plan.index("pip install")
