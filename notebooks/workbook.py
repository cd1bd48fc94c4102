"""The series with holes to fill, exercises to solve, and a check for each.

    python notebooks/series.py workbook                  write workbook/, keeping what is there
    python notebooks/series.py check-workbook [FOLDER]   what is filled rightly? 0 if all is
    python notebooks/series.py fill 03                   fill what is open in 03_module, export it
    python notebooks/series.py fill mul                  fill one hole

`#| hole mul`, below `#| export` if that is there, says that the reader writes the body of the
definition `mul` in that cell; signature and docstring stay. `#| hole nll_loss below rows = ` leaves
what stands above and on the first line that begins so: the reader writes the rest of the block that
follows it. A name that is no definition's calls a hole in the cell's own lines.

An exercise is markdown: its task, a hint and a solution that fold. `#| exercise Dual`, the first
line of a solution's code, makes it a hole with a cell of its own, at its place on the page. It says
what the reader writes as `#| hole` does, but a name that is no definition's takes out all lines. An
exercise holds nobody up: it may stay open, and the notebook runs to its end. A block of the task
that begins with `#| given` becomes a cell, too.

In the workbook: workbook.check("mul") says what came and what was expected, workbook.hint("mul")
gives a step, workbook.answer("mul") the series' own lines. The checks are in the folder checks/.
"""

import ast
import contextlib
import functools
import importlib.util
import inspect
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import tokenize
from collections import namedtuple
from itertools import pairwise, takewhile
from pathlib import Path

import series

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MADE = "# A workbook, made by `python notebooks/series.py workbook`\n"
SCRIPTS = ["series.py", "workbook.py", "plots.py", "scripts.py", "hunt.py", "pytorch_names.json"]
# An error that nobody catches by accident.
STUB = 'raise NameError("the hole {} of {}.ipynb is still open (or not saved and exported)")'
TASK = 'raise NameError("the exercise {} of {}.ipynb is still open")'
OPEN = re.compile(r"the (?:hole|exercise) (\S+) of (\S+)\.ipynb is still open")
FOLDED = "<details>\\s*<summary>{}</summary>(.*?)</details>\n*"
HINT = re.compile(FOLDED.format("Hint"), re.S)
SOLVED = re.compile(FOLDED.format("Solution"), re.S)
FENCED = re.compile(r"^```python\n(#\| exercise .*?)\n```$", re.S | re.M)
CHECKED = re.compile(r"^```python\nimport workbook\n(?:workbook\.check\(.+\)\n)+```$\n*", re.M)
GIVEN = re.compile(r"^```python\n#\| given\n(.*?)\n```$\n*", re.S | re.M)
FIRST = "import workbook  # not found? Open this notebook in the folder notebooks/ of the workbook"
AHEAD = "14_manners.ipynb"  # the second reading's modules come when the reader gets there
Hole = namedtuple("Hole", "name below notebook cell number kind", defaults=["hole"])
# number: as Jupyter counts, once each exercise has a cell


class WorkbookError(Exception):
    """What keeps a command from doing its work."""


def is_workbook(root=ROOT):
    """Return whether this tree is a reader's workbook, and not the series itself."""
    project = root / "pyproject.toml"
    return project.exists() and project.read_text(encoding="utf-8").startswith(MADE)


def forgetful(export):
    """Return series.export for a workbook. A module is there from the start, with its holes, and
    may be loaded long before it is exported; what has changed is forgotten, and imported anew."""
    @functools.wraps(export)
    def exported(*names, root=ROOT):
        before = {path: path.read_bytes() for path in (root / "nptorch").rglob("*.py")}
        export(*names, root=root)
        for path, text in before.items():
            if path.name != "__init__.py" and path.read_bytes() != text:
                sys.modules.pop(".".join(path.relative_to(root).with_suffix("").parts), None)

    return exported


if is_workbook():
    sys.path.insert(0, str(ROOT))  # the reader's nptorch, whatever else is installed
    series.export = forgetful(series.export)
BOOK = ROOT if is_workbook() else ROOT / "workbook"
SERIES = ROOT.parent if is_workbook() else ROOT  # a handed out workbook has none beside it


# Finding holes


def load(path):
    """Return a notebook as a dict, the sources of its cells as one text each, and what exercises
    have in code as cells of their own."""
    notebook = json.loads(Path(path).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook | {"cells": [part for cell in notebook["cells"] for part in parts_of(cell)]}


def parts_of(cell):
    """Return a cell as the workbook has it: cut where the code of an exercise stands, if any."""
    parts, end, text = [], 0, cell["source"] if cell["cell_type"] == "markdown" else ""
    code = [(found, found[1]) for found in GIVEN.finditer(text)]
    code += [(found, solution[1]) for found in SOLVED.finditer(text)
             if (solution := FENCED.search(found[1]))]
    for found, source in sorted(code, key=lambda pair: pair[0].start()):
        parts.append(cell | {"source": text[end:found.start()].rstrip()})
        parts.append({"cell_type": "code", "execution_count": None, "metadata": {},
                      "outputs": [], "source": source})
        end = found.end()
    parts.append(cell | {"source": cell["source"][end:]})
    for n, part in enumerate(parts[1:], start=1):
        part["id"] = f"{cell['id']}-{n}"
    return [part for part in parts if part["source"].strip() or part is parts[0]]


def code_cells(notebook):
    """Return {number: cell} of the code cells, numbered as Jupyter does, without empty ones."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return dict(enumerate((cell for cell in cells if cell["source"].strip()), start=1))


def directives(source):
    """Return (name, below or None, "hole" or "exercise") for each hole that a cell announces."""
    head = takewhile(lambda line: line.startswith("#|"), source.split("\n"))
    return [found.group("name", "below", "kind")
            for found in map(series.HOLE.fullmatch, head) if found]


@functools.cache
def holes(root=SERIES):
    """Return {name: Hole} of all holes and exercises of the series, in order."""
    found = {}
    for path in series.find(root):
        for number, cell in code_cells(load(path)).items():
            for name, below, kind in directives(cell["source"]):
                where = f"{path.name} [{number}]: the {kind} {name}"
                if name in found:
                    raise WorkbookError(f"{where} is also in {found[name].notebook}.ipynb")
                hole = Hole(name, below, path.stem, cell.get("id"), number, kind)
                region(cell["source"], hole)
                found[name] = hole
    return found


def counted(found):
    """Return how many of these are holes, and how many exercises."""
    kinds = [hole.kind for hole in found]
    return kinds.count("hole"), kinds.count("exercise")


def stub(hole):
    """Return the line that stands in the place of a hole."""
    return (STUB if hole.kind == "hole" else TASK).format(hole.name, hole.notebook)


def clean(source):
    """Return a cell's source without its magics, line for line."""
    return "\n".join("pass" if line[:1] in ("%", "!") else line for line in source.split("\n"))


def definition(tree, name):
    """Return the function or class in tree that is called name, classes and functions around it
    included as far as name says them ("DataLoader.__iter__"), or None."""
    kinds = ast.FunctionDef, ast.ClassDef

    def walk(node, path):
        for child in ast.iter_child_nodes(node):
            inner = [*path, child.name] if isinstance(child, kinds) else path
            if isinstance(child, kinds) and f".{'.'.join(inner)}".endswith(f".{name}"):
                yield child
            yield from walk(child, inner)

    return next(walk(tree, []), None)


def region(source, hole):
    """Return (first, last) of the lines that a hole takes out of a cell, counted from 1."""
    tree, lines = ast.parse(clean(source)), source.split("\n")
    function = definition(tree, hole.name)
    block = function.body if function else tree.body
    if function and ast.get_docstring(function) is not None:
        block = block[1:]
    if hole.below:
        start, end = (function.lineno, function.end_lineno) if function else (1, len(lines))
        marks = [n for n in range(start, end + 1) if lines[n - 1].strip().startswith(hole.below)]
        blocks = [value for node in ast.walk(function or tree) for _, value in ast.iter_fields(node)
                  if isinstance(value, list) and value and isinstance(value[0], ast.stmt)]
        later = [(first(statement), i, block) for block in blocks
                 for i, statement in enumerate(block) if marks and first(statement) > marks[0]]
        block = min(later, key=lambda entry: entry[0])[2][min(later)[1]:] if later else []
    if not block or not (function or hole.below or hole.kind == "exercise"):
        raise WorkbookError(f"{hole.notebook}.ipynb [{hole.number}]: nothing to take out for the "
                            f"{hole.kind} {hole.name}" + f" below {hole.below}" * bool(hole.below))
    return first(block[0]), block[-1].end_lineno


def first(statement):
    """Return the line that a statement begins on, its decorators included."""
    above = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(node.lineno for node in above)])


def replaced(source, hole, text):
    """Return a cell's source with text, which is not indented, in the place of a hole's lines."""
    lines = source.split("\n")
    start, end = region(source, hole)
    indent = re.match(r" *", lines[start - 1])[0]
    lines[start - 1:end] = textwrap.indent(text, indent).split("\n")
    return "\n".join(lines)


def emptied(source, found):
    """Return a cell's source with a stub in the place of each of these holes."""
    for hole in sorted(found, key=lambda hole: region(source, hole), reverse=True):
        source = replaced(source, hole, stub(hole))
    return source


def cell_of(hole, root=SERIES):
    """Return the source of the cell that a hole is in."""
    path = root / "notebooks" / f"{hole.notebook}.ipynb"
    for cell in load(path)["cells"] if path.exists() else ():
        asked = hole.name, hole.below, hole.kind
        if cell.get("id") == hole.cell and asked in directives(cell["source"]):
            return cell["source"]
    raise WorkbookError(f"the cell of the {hole.kind} {hole.name} is not in {path}")


def solution(hole):
    """Return the series' own lines for a hole."""
    lines = cell_of(hole).split("\n")
    start, end = region("\n".join(lines), hole)
    return textwrap.dedent("\n".join(lines[start - 1:end]))


def tokens(source):
    """Return a source's tokens without comments and layout; of what does not parse, its words."""
    layout = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
              tokenize.ENDMARKER)
    try:
        found = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return re.findall(r"\w+|[^\w\s]", source)
    return [token.string for token in found if token.type not in layout]


# Writing the workbook, and filling it


def book_of(path):
    """Return a notebook of the series as the workbook has it."""
    notebook = load(path)
    cells, numbers = [], {cell.get("id"): n for n, cell in code_cells(notebook).items()}
    inside = [hole for hole in holes().values() if hole.notebook == path.stem]
    for cell in notebook["cells"]:
        cells.append(cell)
        if cell["cell_type"] != "code":
            cell["source"] = CHECKED.sub("", cell["source"])  # the check has a cell of its own
            continue
        cell |= {"outputs": [], "execution_count": None, "metadata": {}}
        if numbers.get(cell.get("id")) == 1:
            lines = cell["source"].split("\n")
            head = list(takewhile(lambda line: line.startswith("#|"), lines))
            cell["source"] = "\n".join([*head, FIRST, *lines[len(head):]])
        if here := [hole for hole in inside if hole.cell == cell.get("id")]:
            cell["source"] = emptied(cell["source"], here)
            calls = [f'workbook.check("{hole.name}")' for hole in here]
            calls[0] += f'  # or .hint("{here[0].name}"), or .answer("{here[0].name}")'
            if here[0].kind == "exercise":  # the reader may leave it open, and run on
                cell["metadata"] = {"tags": ["raises-exception"]}
            cells.append(cell | {"id": f"hole-{cell['id']}", "source": "\n".join(calls)})
    return notebook | {"cells": cells}


def save(path, notebook):
    """Write a notebook as Jupyter would."""
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    series.write(path, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])


def make(book=BOOK):
    """Write the workbook: what is missing of its notebooks, and the scripts they need, anew."""
    if is_workbook():
        raise WorkbookError("this is a workbook; a new one is written from the series")
    version = re.search(r'^version = .*', (SERIES / "pyproject.toml").read_text("utf-8"), re.M)[0]
    series.write(book / "pyproject.toml", f'{MADE}[project]\nname = "nptorch"\n{version}\n')
    for name in SCRIPTS:
        series.write(book / "notebooks" / name, (HERE / name).read_bytes())
    for path in (HERE / "checks").glob("*.py"):
        series.write(book / "notebooks/checks" / path.name, path.read_bytes())
    kept = []
    for path in series.find(SERIES):
        if (target := book / "notebooks" / path.name).exists():
            kept.append(path.name)
        else:
            save(target, book_of(path))
    names = [path.name for path in series.find(book) if path.name < AHEAD]
    if not (book / "nptorch").exists():  # whose holes say their names
        with contextlib.redirect_stdout(io.StringIO()):
            series.export(*names, root=book)
    if kept:
        print("kept as they are:", ", ".join(kept))
    print("{}/ has {} holes and {} exercises. The first is in {}/notebooks/01_tensor.ipynb".format(
        book.name, *counted(holes().values()), book.name))


def fill(wanted, book=BOOK):
    """Fill a hole, or all open ones of a notebook that is named by its number or its name; return
    that notebook's name, or None if nothing was open."""
    beside()
    chosen = [hole for hole in holes().values() if hole.name == wanted]
    if not chosen:
        stem = Path(wanted).stem
        chosen = [hole for hole in holes().values()
                  if hole.notebook == stem or hole.notebook.split("_")[0] == stem]
        texts = {hole: cell_of(hole, book) for hole in chosen}
        chosen = [hole for hole in chosen if stub(hole) in texts[hole]]
        if not texts:
            raise WorkbookError(f"no hole and no notebook with holes is called {wanted}")
    for hole in chosen:
        path = book / "notebooks" / f"{hole.notebook}.ipynb"
        notebook = load(path)
        [cell] = [cell for cell in notebook["cells"] if cell.get("id") == hole.cell]
        cell["source"] = filled(cell["source"], hole)
        save(path, notebook)
        print(f"filled {hole.name} in {path.name}")
    if not chosen:
        print("nothing is open there")
    return path.name if chosen else None


def fill_and_export(wanted, book=BOOK):
    """Fill holes, or notebooks; export the notebooks, so that later ones find what was filled."""
    for name in filter(None, (fill(each, book) for each in wanted)):
        print(exported(book, name) or
              f"exported {name} to nptorch/; if it is open in Jupyter, reload it and run it again")


def filled(source, hole):
    """Return the reader's cell with the series' lines in a hole."""
    for line in source.split("\n"):
        if line.strip() == stub(hole):
            text = textwrap.indent(solution(hole), line[:len(line) - len(line.lstrip())])
            return source.replace(line, text, 1)
    with contextlib.suppress(SyntaxError, WorkbookError):
        start, end = region(source, hole)
        print("your lines were:", *source.split("\n")[start - 1:end], sep="\n")
        return replaced(source, hole, solution(hole))
    print("your cell was:", source, sep="\n")
    return cell_of(hole)


# Checking


class Wrong(Exception):
    """A hole that is not filled rightly: the message says what was expected, and what came."""

    def _render_traceback_(self):  # Jupyter shows this in the place of a traceback
        return [str(self)]


Check = namedtuple("Check", "function hints given")
_checks, _told = {}, {}


def hole(name, *hints, given=()):
    """Register the check of a hole: a function of definitions that the notebook has by then, named
    like its parameters. given: names that the check itself will provide. An exercise's first hint
    is the one on its page."""
    def register(function):
        _checks[name] = Check(function, hints, given)
        return function

    return register


@functools.cache
def checks():
    """Return {name: Check} of all checks that lie beside this file."""
    for path in sorted((HERE / "checks").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"checks_of_{path.stem}", path)
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return _checks


def verdict(name, namespace):
    """Return None if the hole is filled rightly in this namespace, else what is wrong."""
    function = checks()[name].function
    asked = list(inspect.signature(function).parameters)
    if missing := [key for key in asked if key not in namespace]:
        if function.__module__.endswith("_exercises"):
            return f"{name}: still open, or its cell was not run: {missing[0]} is not defined yet"
        return (f"{name}: {missing[0]} is not defined yet: run the cells above, and the hole's own "
                "when it is filled")
    try:
        function(*(namespace[key] for key in asked))
    except Wrong as wrong:
        return f"{name}: {wrong}"
    except Exception as error:
        return open_or_raised(name, error)
    return None


def open_or_raised(name, error):
    """Return what to say about an error that a check met."""
    if found := OPEN.search(str(error)):
        other, notebook = found.groups()
        if other == name:
            return f"{name}: still open: write its lines in the place of `raise`, and run that cell"
        return (f"{name}: needs the hole {other} of {notebook}.ipynb, which is still open (if you "
                "have filled it: save that notebook, restart its kernel, and run it to its end)")
    return f"{name}: raised {type(error).__name__}: {str(error) or 'without a message'}"


def expect(case, got, expected, atol=1e-6, rtol=1e-5):
    """Raise Wrong unless got, or what the function got returns, is expected: numbers up to
    atol + rtol · |expected|, and of the same shape; anything else equal."""
    if callable(got):
        try:
            got = got()
        except Exception as error:
            if isinstance(error, Wrong) or OPEN.search(str(error)):
                raise
            wanted = "" if expected is None else f"; expected {shown(expected)}"
            raise Wrong(f"{case} raised {type(error).__name__}: {error}{wanted}") from None
    if isinstance(expected, (bool, str, type(None))) or type(expected) in (list, tuple, set, dict):
        right = type(got) is type(expected) and got == expected
        if not right:
            raise Wrong(f"{case}: expected {shown(expected)}, got {shown(got)}")
        return
    compare(case, got, expected, atol, rtol)


def compare(case, got, expected, atol, rtol):
    """Raise Wrong unless two arrays agree; say where they differ most."""
    import numpy as np

    if not isinstance(got, (int, float, np.ndarray, np.generic)) and not hasattr(got, "grad_fn"):
        raise Wrong(f"{case}: expected {shown(expected)}, got {shown(got)}")
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape:
        raise Wrong(f"{case}: expected the shape {expected.shape}, got {got.shape}")
    if got.dtype.kind not in "fiub":
        raise Wrong(f"{case}: expected numbers, got {shown(got)}")
    with np.errstate(invalid="ignore"):
        gap = np.abs(got.astype(float) - expected)
    near = (gap <= atol + rtol * np.abs(expected)) & np.isfinite(expected)
    wrong = ~near & ~((got == expected) | (
        np.isnan(got.astype(float)) & np.isnan(expected.astype(float))))
    if wrong.any():
        worst = np.unravel_index(np.argmax(np.where(wrong, np.nan_to_num(gap, nan=np.inf), -1)),
                                 gap.shape)
        if got.size <= 6:
            apart = f", off by {gap.max():.1g}" if shown(got) == shown(expected) else ""
            raise Wrong(f"{case}: expected {shown(expected)}, got {shown(got)}{apart}")
        raise Wrong(f"{case}: {wrong.sum()} of {got.size} numbers differ, most at index "
                    f"{tuple(map(int, worst))}: expected {expected[worst]:.6g}, "
                    f"got {got[worst]:.6g}")


def way_back(case, f, plain, arrays, Tensor):
    """Raise Wrong unless f of Tensors gives what plain gives of arrays, its gradients are what
    finite differences of plain give, twice, and what came in is as it was."""
    import numpy as np

    arrays = [np.array(array, float) for array in arrays]
    leaves = [Tensor(array.copy(), True) for array in arrays]
    try:
        out = f(*leaves)
    except Exception as error:
        if OPEN.search(str(error)):
            raise
        raise Wrong(f"{case} raised {type(error).__name__}: {error}") from None
    edges = [*out.grad_fn.edges] if getattr(out, "grad_fn", None) else []
    if not getattr(out, "requires_grad", False) or not all(callable(back) for _, back in edges):
        raise Wrong(f"{case}: expected a Tensor with a way back, got {shown(out)} without one")
    value = np.asarray(plain(*arrays))
    expect(case, out, value)
    g = np.cos(1 + np.arange(value.size)).reshape(value.shape)
    came, all_slopes = g.copy(), []
    expect(f"{case}, then backward", lambda: out.backward(came, retain_graph=True), None)
    expect(f"{case}, then backward: the gradient that came in, afterwards", came, g, 0, 0)
    for i, (leaf, array) in enumerate(zip(leaves, arrays)):
        slopes = np.empty(array.shape)
        for index in np.ndindex(array.shape):
            moved = [array.copy(), array.copy()]
            moved[0][index] += 1e-5
            moved[1][index] -= 1e-5
            up, down = (plain(*arrays[:i], m, *arrays[i + 1:]) for m in moved)
            slopes[index] = np.sum((up - down) * g) / 2e-5
        which = f"input {i + 1}" if len(arrays) > 1 else "the input"
        found = leaf.grad if leaf.grad is not None else "no gradient"
        expect(f"{case}: the gradient of {which}, for {shown(g)} coming in", found, slopes)
        all_slopes.append(slopes)
    expect(f"{case}, then backward twice", lambda: out.backward(-3 * g), None)
    for leaf, array, slopes in zip(leaves, arrays, all_slopes):
        expect(f"{case}: the data of an input after the ways back", leaf, array, 0, 0)
        expect(f"{case}: the gradient of g, and then of -3 g on top", leaf.grad, -2 * slopes, 4e-6)


def shown(value):
    """Return a value in a line of at most 120 characters."""
    import numpy as np

    if isinstance(value, (float, np.ndarray, np.generic)):
        text = np.array2string(np.asarray(value), precision=6, separator=", ", threshold=20)
    else:
        text = repr(value)
    return textwrap.shorten(" ".join(text.split()), 120, placeholder=" ...")


def check(name):
    """Check the hole `name` of the notebook that calls this, and print that it is right."""
    known(name)
    if wrong := verdict(name, sys._getframe(1).f_globals):
        raise Wrong(wrong)
    print(f"{name}: right")


def hint(name):
    """Print the next hint for a hole."""
    known(name)
    hints = [*page_hints().get(name, ()), *checks()[name].hints]
    n = _told[name] = min(_told.get(name, 0) + 1, len(hints))
    print(f"{n} of {len(hints)}: {hints[n - 1]}")


@functools.cache
def page_hints():
    """Return {name: hints} of the exercises, as they stand on the pages beside this file."""
    found = {}
    for path in series.find(ROOT):
        cells = load(path)["cells"]
        for above, cell in pairwise(cells):
            if cell["cell_type"] == "code":
                hints = [" ".join(hint.split()) for hint in HINT.findall(above["source"])]
                found |= {name: hints for name, *_, kind in directives(cell["source"])
                          if kind == "exercise"}
    return found


def answer(name):
    """Print the series' own lines for a hole."""
    known(name)
    beside()
    print(solution(holes()[name]))


def beside():
    """Raise WorkbookError where the series, which has the answers, is not beside the workbook."""
    if not (SERIES / "notebooks" / "workbook.py").exists():
        raise WorkbookError("the answers are in the series, which is not beside this workbook")


def known(name):
    """Raise Wrong if there is no hole of this name."""
    if name not in checks():
        raise Wrong(f"no hole is called {name!r}; there are {', '.join(checks())}")


# A hole's namespace, without running the whole notebook


class Unit:
    """Statements that run together: what they bind, what they change, what they use."""

    def __init__(self, number, body, module=None):
        self.number, self.module = number, module
        self.code = compile(ast.Module(body, []), f"[{number}]", "exec")
        top = series.symbols_of(ast.unparse(ast.Module(body, [])))
        self.binds = {s.get_name() for s in top.get_symbols()
                      if s.is_assigned() or s.is_imported()}
        self.binds -= {node.name for statement in body for node in ast.walk(statement)
                       if isinstance(node, ast.ExceptHandler)}  # gone behind their blocks
        self.changes = set()
        self.uses = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
        tables = list(top.get_children())
        while tables:
            table = tables.pop()
            self.uses |= {s.get_name() for s in table.get_symbols() if s.is_global()}
            tables += table.get_children()
        targets = [t for node in ast.walk(ast.Module(body, [])) for t in (
            node.targets if isinstance(node, (ast.Assign, ast.Delete)) else
            [node.target] if isinstance(node, ast.AugAssign) else [])]
        for target in targets:
            for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                while isinstance(part, (ast.Attribute, ast.Subscript)):
                    part = part.value
                    if isinstance(part, ast.Name):
                        self.changes.add(part.id)


def units(sources, last, whole):
    """Return the Units of the cells up to number last, of which those in whole run as a whole."""
    found, default = [], None
    for number, source in sources.items():
        if number > last:
            break
        matches = filter(None, map(series.DIRECTIVE.fullmatch, source.split("\n")))
        exports = []
        for plain, command, module in map(re.Match.groups, matches):
            default = module if command == "default_exp" else default
            exports += [] if command == "default_exp" else [default if plain else module]
        found += cell_units(number, source, exports[0] if exports else None, number in whole)
    return found


@functools.cache
def cell_units(number, source, module, whole):
    """Return the Units of a cell: one if it is exported or runs as a whole, else its statements."""
    tree = ast.parse(clean(source))
    if module or whole:
        return [Unit(number, tree.body, module)]
    return [Unit(number, [node]) for node in tree.body if not isinstance(node, ast.Expr)]


def slice_for(sources, hole, given=()):
    """Return the Units that must run, in order, so that a hole's check finds what it asks for."""
    asked = set(inspect.signature(checks()[hole.name].function).parameters)
    in_lines = definition(ast.parse(clean(sources[hole.number])), hole.name) is None
    every = units(sources, hole.number, {hole.number} if in_lines else ())
    return needed(every, hole.number if in_lines else None, asked, given)


def needed(every, whole, asked=(), given=()):
    """Return those of the Units, in order, that bind what is asked for, and what cell number whole
    uses, and what these use in turn; not what is given."""
    chosen = {unit for unit in every if unit.number == whole}
    wanted = set(asked).union(*(unit.uses - unit.binds for unit in chosen)) - set(given)
    while True:
        modules = {unit.module for unit in chosen if unit.module}
        more = {unit for unit in every if unit not in chosen
                and ((unit.binds | unit.changes) & wanted or unit.module in modules)}
        if not more:
            return [unit for unit in every if unit in chosen]
        chosen |= more
        wanted = wanted.union(*(unit.uses for unit in more)) - set(given)


def judged(sources, hole):
    """Return None if a hole is filled rightly in {number: source of a cell}, else what is wrong."""
    namespace = {"__name__": "__main__"}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for unit in slice_for(sources, hole, checks()[hole.name].given):
                exec(unit.code, namespace)
            return verdict(hole.name, namespace)
    except SyntaxError as error:
        return f"{hole.name}: {error.msg} in line {error.lineno} of a cell"
    except Exception as error:
        return open_or_raised(hole.name, error)


def judge(stem):
    """Print a line of JSON, [name, what is wrong or null], for each hole of a notebook here."""
    notebook = load(HERE / f"{stem}.ipynb")
    sources = {n: cell["source"] for n, cell in code_cells(notebook).items()}
    for number, source in sources.items():
        for name, below, kind in directives(source):
            wrong = judged(sources, Hole(name, below, stem, None, number, kind))
            print(json.dumps([name, wrong]), flush=True)


def verdicts(book=BOOK, seconds=60):
    """Return {name: what is wrong, or None} for every hole, as the saved notebooks have it."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "workbook")
        shutil.copytree(book, root, ignore=shutil.ignore_patterns("build", "__pycache__", ".*"))
        shutil.copytree(HERE / "checks", root / "notebooks/checks", dirs_exist_ok=True)
        for name in SCRIPTS:  # whoever asks trusts these, and not the reader's copies
            shutil.copy(HERE / name, root / "notebooks" / name)
        early = [path.name for path in series.find(root) if path.name < AHEAD]
        one_by_one = exported(root, *early) is not None
        for path in series.find(root):
            broken = exported(root, path.name) if one_by_one and path.name in early else None
            inside = [name for name, hole in holes_of(book).items() if hole.notebook == path.stem]
            if inside:
                found |= {name: broken or "did not come to an end in time" for name in inside}
                found |= answers(path, root, seconds)
    return found


def exported(root, *names):
    """Export notebooks; return None, or why that is impossible."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            series.export(*names, root=root)
    except series.SeriesError as error:
        return str(error)
    return None


def answers(path, root, seconds):
    """Return {name: verdict} of a notebook's holes, found in a process of its own."""
    command = [sys.executable, root / "notebooks/workbook.py", "judge", path.stem]
    environment = series.environment(root) | {"PYTHONIOENCODING": "utf-8"}
    try:
        done = subprocess.run(command, check=False, capture_output=True, encoding="utf-8",
                              timeout=seconds, cwd=path.parent, env=environment)
        out, error = done.stdout, done.stderr.strip().rpartition("\n")[2]
    except subprocess.TimeoutExpired as late:
        out, error = late.stdout or "", ""
        out = out.decode() if isinstance(out, bytes) else out  # on Windows it is text
    told = dict(json.loads(line) for line in out.splitlines() if line.startswith("["))
    return told or ({None: error} if error else {})


def holes_of(book):
    """Return {name: Hole} of a workbook's own notebooks."""
    return {name: Hole(name, below, path.stem, cell.get("id"), number, kind)
            for path in series.find(book) for number, cell in code_cells(load(path)).items()
            for name, below, kind in directives(cell["source"])}


def table(book=BOOK):
    """Print a line for each hole, and return how many are not filled rightly."""
    if not is_workbook(book):
        raise WorkbookError(f"there is no workbook in {book}: make one with series.py workbook")
    found, there, right = verdicts(book), holes_of(book), []
    every = holes() if SERIES.joinpath("notebooks", "workbook.py").exists() else there
    for name, hole in every.items():
        lost = f"the directive `#| {hole.kind}` of this name is not in the notebook"
        wrong = found.get(name, lost)
        blank = name in there and stub(hole) in cell_of(there[name], book)
        waits = (wrong or "").startswith(f"{name}: needs the hole")
        state = ("right" if wrong is None else "open" if blank else "waits" if waits else "wrong")
        right += [hole] * (state == "right")
        said = "" if state in ("right", "open") else wrong.removeprefix(f"{name}: ")
        print(f"{hole.notebook:<16} {name:<26} {state:<6} {said}".rstrip())
    print("{} of {} holes are filled rightly, {} of {} exercises solved".format(
        *(n for pair in zip(counted(right), counted(every.values())) for n in pair)))
    return len(every) - len(right)


def main(arguments):
    """Run a command of series.py; return its exit status: 1 if a hole or an exercise is not filled
    rightly, 2 if the command could not do its work."""
    command, *names = arguments
    try:
        if command == "workbook" and not names:
            make()
        elif command == "check-workbook" and len(names) < 2:
            return min(table(*map(Path, names)), 1)
        elif command == "fill" and names:
            fill_and_export(names)
        elif command == "judge":
            judge(*names)
        else:
            raise WorkbookError("usage: workbook | check-workbook [FOLDER] | fill NUMBER|HOLE ...")
    except (WorkbookError, series.SeriesError) as error:
        print(f"series.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    import workbook  # the module that the checks import

    sys.exit(workbook.main(sys.argv[1:]))
