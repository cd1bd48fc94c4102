"""The set-up: one list of dependencies, and a package that imports NumPy alone."""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest brings tomli
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_environment_adds_nothing_to_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python = "python" + PROJECT["requires-python"]
    assert environment["name"] == PROJECT["name"]
    assert environment["dependencies"] == [python, "pip", {"pip": ["-e .[dev]"]}]
    assert "dev" in PROJECT["optional-dependencies"]


def test_numpy_is_the_only_dependency():
    assert [requirement.partition(">")[0] for requirement in PROJECT["dependencies"]] == ["numpy"]


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


def test_readme_links_to_files_that_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
