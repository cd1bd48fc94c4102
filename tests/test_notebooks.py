"""The notebooks: what they store is clean, what they export is the package, and what the rubric of
the series counts is counted. What it asks besides, a reader has to judge."""

import ast
import copy
import json
import re
import shutil
import subprocess
import sys
from itertools import pairwise, takewhile

import nbformat
import pytest
import series

NOTEBOOKS = series.find()
MACHINE = re.compile(r"site-packages|ipykernel_\d|/home/|/Users/|/tmp/|[A-Z]:\\| at 0x[0-9a-f]")
LENGTHS = {  # at most so many words of prose and code cells
    "01_tensor": (2200, 38),
    "02_operations": (3500, 65),
    "03_module": (2800, 48),
    "04_loss": (2300, 32),
    "05_optimizer": (3200, 38),
    "06_data": (2400, 36),
    "07_training": (2200, 32),
    "08_convolution": (3000, 44),
    "09_lenet": (2600, 42),
    "10_pytorch": (2000, 24),
    "11_adam": (2200, 34),
    "12_normalization": (2200, 34),
    "13_gpt": (3000, 44),
    "14_manners": (3000, 50),
    "15_speed": (2500, 36),
    "16_bridge": (1800, 43),
    "17_bug_hunt": (2600, 48),
    "18_names": (1380, 68),  # two pages to look things up in
    "19_layers": (1250, 72),
    "20_recurrent": (1600, 36),
}


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


def test_package_is_what_the_notebooks_export():
    assert series.check()


def test_each_module_imports_with_only_its_predecessors(tmp_path):
    ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    shutil.copytree(series.ROOT / "notebooks", tmp_path / "notebooks", ignore=ignore)
    shutil.copy(series.ROOT / "pyproject.toml", tmp_path)
    for path in NOTEBOOKS:
        series.export(path.name, root=tmp_path)
        modules = "".join(f"import nptorch.{module}; " for module in series.read(path))
        call = [sys.executable, "-c", f"import nptorch; {modules}print(nptorch.__file__)"]
        result = subprocess.run(call, check=False, cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, f"{path.name}: {result.stderr}"
        assert tmp_path.name in result.stdout


@pytest.fixture
def modules(path):
    """Return {module: text} of what this notebook and those before it export."""
    earlier = NOTEBOOKS[: NOTEBOOKS.index(path) + 1]
    return {module: "\n".join(cells.values())
            for other in earlier for module, cells in series.read(other).items()}


def known(modules):
    """Return {module or package of nptorch: the names that can be imported from it}."""
    names = {module: set(series.public(text)) for module, text in modules.items()}
    for text in modules:
        while text:
            package, _, child = text.rpartition(".")
            names.setdefault(package, set()).add(child)
            text = package
    for address in [*names, *series.written(modules)]:
        found = series.standing(address, modules).values() if address not in modules else ()
        names.setdefault(address, set()).update(*found)
    for address in series.written(modules):
        package, _, child = address.rpartition(".")
        names[package].add(child)
    return names


def test_notebook_imports_only_what_was_exported_before(path, modules):
    names, missing = known(modules), []
    for number, source in series.code_cells(path).items():
        for node in ast.walk(tree(source)):
            wanted = []
            if isinstance(node, ast.Import):
                wanted = [(alias.name, None) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                wanted = [(node.module, alias.name) for alias in node.names]
            for module, name in wanted:
                if module.split(".")[0] != "nptorch":
                    continue
                place = module.removeprefix("nptorch").lstrip(".")
                if place not in names or (name and name not in names[place] | {"__version__"}):
                    missing.append(f"[{number}] {module} {name or ''}")
    assert not missing


def test_no_module_is_named_like_a_name_beside_it():
    names = known({module: "\n".join(cells.values())
                   for path in NOTEBOOKS for module, cells in series.read(path).items()})
    for module in names:
        package, _, child = module.rpartition(".")
        assert not module or child not in set().union(
            *series.standing(package, {m: "" for m in names}).values())


def test_pytorch_addresses_hold_only_names_of_pytorch():
    """What stands at nptorch.ADDRESS, modules aside, stands at torch.ADDRESS; but autograd is the
    engine's own module, too."""
    owned = {module: "\n".join(cells.values())
             for path in NOTEBOOKS for module, cells in series.read(path).items()}
    packages = {series.package_of(module) for module in owned} | {*series.ADDRESSES}
    program = (
        "import importlib, inspect, json, sys\n"
        "for address in sys.argv[1:]:\n"
        "    here = vars(importlib.import_module(f'nptorch.{address}'.rstrip('.')))\n"
        "    names = [n for n, x in here.items() if n[0] != '_' and not inspect.ismodule(x)]\n"
        "    print(json.dumps([address, names]))\n"
    )
    generated = [address for address in series.NAMES if address in packages]
    result = subprocess.run([sys.executable, "-c", program, *generated], check=False,
                            cwd=series.ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found = dict(map(json.loads, result.stdout.splitlines()))
    found |= {address: series.public(text) for address, text in owned.items()
              if address in series.NAMES and address != "autograd"}
    extra = {address: set(names) - set(series.NAMES[address]) for address, names in found.items()}
    assert {address: names for address, names in extra.items() if names} == {}


# What the rubric counts


def tree(source):
    """Return the syntax tree of a cell, without its magics."""
    lines = source.split("\n")
    return ast.parse("\n".join("pass" if line[:1] in ("%", "!") else line for line in lines))


def code(source):
    """Return the lines of a cell, without directives and blank lines."""
    lines = source.split("\n")
    head = list(takewhile(lambda line: line.startswith("#|"), lines))
    return [line for line in lines[len(head):] if line.strip()]


def shown(notebook):
    """Return the text that each code cell shows, {number: text}; figures left out."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    texts = {}
    for number, cell in enumerate(cells, start=1):
        parts = [output.get("text", "") for output in cell.outputs]
        parts += [output.data.get("text/plain", "") for output in cell.outputs
                  if "data" in output and "image/png" not in output.data]
        texts[number] = "\n".join(parts)
    return texts


def test_notebook_keeps_to_its_length(path, notebook):
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    words = sum(len(text.split()) for text in prose)
    most_words, most_cells = LENGTHS[path.stem]
    assert words <= most_words and len(cells) <= most_cells


def test_cells_are_short(path):
    cells = series.code_cells(path)
    lengths = {number: len(code(source)) for number, source in cells.items()}
    assert not [number for number, source in cells.items()  # with directives, as a reader sees it
                if sum(map(bool, map(str.strip, source.splitlines()))) > 30]
    assert sum(length <= 6 for length in lengths.values()) >= len(lengths) / 2


def test_exported_cells_are_at_most_45_lines(path):
    cells = [(module, number, len(source.split("\n")))
             for module, exported in series.read(path).items()
             for number, source in exported.items()]
    assert not [cell for cell in cells if cell[2] > 45]


def test_first_cell_has_at_most_six_lines_of_imports(path):
    statements = tree(series.code_cells(path)[1]).body
    imports = [node for node in statements if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert sum(node.end_lineno - node.lineno + 1 for node in imports) <= 6


def test_notebooks_end_with_a_link_to_the_next():
    for path, following in pairwise(NOTEBOOKS):
        cells = nbformat.read(path, as_version=4).cells
        last = [cell.source for cell in cells if cell.cell_type == "markdown"][-1]
        assert f"]({following.name})" in last, path.name


def test_first_import_of_ours_says_what_to_do_when_it_fails(path):
    """The traceback shows this line to whoever opens a notebook alone, in another folder."""
    lines = [line for source in series.code_cells(path).values() for line in source.split("\n")
             if re.match(r"(import|from) (plots|series|nptorch)\b", line)]
    assert not lines or lines[0].endswith(
        "# not found? Open this notebook in the folder notebooks/ of a clone, after `make`")


def test_figures_have_an_alternative_text(notebook):
    figures = [output for _, output in outputs(notebook) if "image/png" in output.get("data", ())]
    texts = [output.metadata.get("image/png", {}).get("alt", "") for output in figures]
    assert all(len(text) >= 20 for text in texts)
    drawings = [match for cell in notebook.cells if cell.cell_type == "markdown"
                for match in re.findall(r"!\[(.*?)\]\(|<img(.*?)>", cell.source)]
    assert all(markdown or "alt=" in html for markdown, html in drawings)


def test_at_most_five_cells_print_true_or_false(notebook):
    cells = [number for number, text in shown(notebook).items()
             if re.search(r"\b(True|False)\b", text)]
    assert len(cells) <= 5, cells
