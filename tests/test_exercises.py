"""The exercises at the notebooks' ends: every solution on the page passes the check on the page.

Not in 09, where these train LeNet several times, nor in 10, where they need PyTorch. The workbook's
checks, which are stricter, are asked about all solutions in test_workbook.py.
"""

import inspect
import os
import re
import sys
import textwrap
import traceback
import types

import nbformat
import pytest
import series
import workbook
import workbook_bench as bench

TITLE = re.compile(r"^\*\*(\d)\. (.+?)\*\*", re.MULTILINE)
SOLUTION = re.compile(r"<details><summary>Solution</summary>(.*?)</details>", re.DOTALL)
FENCED = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}.*\n|^\n)+", re.MULTILINE)


def code_in(text):
    """Return the code of a piece of markdown: fenced, or indented by four blanks."""
    fenced = FENCED.findall(text)
    found = fenced or [textwrap.dedent(block) for block in INDENTED.findall(text)]
    return "\n".join(block.strip("\n") for block in found if block.strip())


def page(stem):
    """Return the markdown of a notebook, in one text."""
    cells = nbformat.read(series.ROOT / "notebooks" / f"{stem}.ipynb", as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def exercises(path):
    """Return {number: (the check, the solution's code)} of a notebook."""
    parts = TITLE.split(page(path.stem).partition("## Exercises\n")[2])[1:]
    found = {}
    for number, text in zip(map(int, parts[::3]), parts[2::3]):
        text = text.partition("\n## ")[0]
        [answer] = SOLUTION.findall(text)
        blocks = [block.strip("\n") for block in FENCED.findall(SOLUTION.sub("", text))]
        setup = [block for block in blocks if block.startswith("#| given")]
        given = "\n".join(block for block in blocks if block not in setup)
        found[number] = given, "\n".join([*setup, code_in(answer)])
    return found


TOO_LONG = "09_lenet", "10_pytorch"
STEMS = [path.stem for path in series.find() if path.name < "14"]
CASES = [(stem, number) for stem in STEMS if stem not in TOO_LONG for number in (1, 2, 3)
         if (stem, number) != ("11_adam", 2)]  # which trains twenty nets
CASES += [(path.stem, number) for path in series.find() if path.name > "14"
          for number in exercises(path)]


def program_of(stem, number):
    """Return the text of a program that solves an exercise and checks the solution."""
    given, code = exercises(series.ROOT / "notebooks" / f"{stem}.ipynb")[number]
    return f"{code}\n\n{given}"


def run(stem, number):
    """Run what the notebook defines as far as the program needs it, and then the program."""
    path = series.ROOT / "notebooks" / f"{stem}.ipynb"
    sources = {n: cell["source"] for n, cell in workbook.code_cells(workbook.load(path)).items()}
    last = len(sources) + 1
    sources[last] = program_of(stem, number)
    main = sys.modules["__main__"] = types.ModuleType("__main__")  # 15 looks itself up there
    asked = {key for name in re.findall(r"workbook\.check\(\"(.+?)\"\)", sources[last])
             for key in inspect.signature(workbook.checks()[name].function).parameters}
    for unit in workbook.needed(workbook.units(sources, last, {last}), last, asked):
        exec(unit.code, vars(main))


@pytest.mark.parametrize(("stem", "number"), CASES)
def test_solution_passes_the_check(stem, number, tmp_path):
    """In a child process, since notebooks bind methods to the package's own classes."""
    if not hasattr(os, "fork"):
        pytest.skip("runs solutions in a fork")
    bench.warm_up()
    said = tmp_path / "said"
    child = os.fork()
    if child == 0:
        with said.open("w", encoding="utf-8") as file:
            os.dup2(file.fileno(), 1), os.dup2(file.fileno(), 2)
            try:
                run(stem, number)
            except BaseException:
                traceback.print_exc(file=file)
                file.flush()
                os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, said.read_text(encoding="utf-8")


def test_every_exercise_has_a_check_and_a_solution():
    assert len(CASES) >= 40
    for path in series.find():
        if path.name > "14" and "## Exercises" in page(path.stem):
            for number, (given, code) in exercises(path).items():
                assert re.search(r"assert|gradcheck", given) and code, (path.stem, number)
    for stem in STEMS:
        found = exercises(series.ROOT / "notebooks" / f"{stem}.ipynb")
        assert list(found) == [1, 2, 3], stem
        named = [name for name, hole in workbook.holes().items()
                 if hole.kind == "exercise" and hole.notebook == stem]
        assert [re.findall(r"#\| exercise (\w+)", code) for _, code in found.values()] == [
            [name] for name in named]
        for number, (given, _) in found.items():
            asked = f'workbook.check("{named[number - 1]}")'
            assert re.search(r"assert|check", given) or (
                stem in TOO_LONG) or asked in page(stem), (stem, number)
