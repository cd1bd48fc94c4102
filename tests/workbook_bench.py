"""Puts the workbook's checks to the test. Three commands, no part of make test:

    python tests/workbook_bench.py mutants [HOLE ...]   plant bugs in the series' lines: noticed?
    python tests/workbook_bench.py journey              fill hole by hole, in fresh kernels (long)
    python tests/workbook_bench.py others               run on other right solutions alone (long)
"""

import ast
import contextlib
import copy
import functools
import importlib
import io
import json
import os
import shutil
import signal
import sys
import textwrap
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "notebooks")]
series, workbook = map(importlib.import_module, ("series", "workbook"))
cases = [importlib.import_module(name) for name in ("workbook_cases", "exercise_cases")]
RIGHT, WRONG, HARMLESS = (functools.reduce(dict.__or__, (getattr(case, which) for case in cases))
                          for which in ("RIGHT", "WRONG", "HARMLESS"))


@functools.cache
def warm_up():
    """Import once what every child process needs."""
    import sklearn.datasets

    import nptorch
    import nptorch.datasets
    import nptorch.training

    sklearn.datasets.load_digits()
    for hole in workbook.holes().values():  # their cells are read here, once
        workbook.slice_for(sources(hole.notebook), hole, workbook.checks()[hole.name].given)
    return nptorch


@functools.cache
def sources(notebook):
    """Return {number: source} of a notebook of the series."""
    path = series.ROOT / "notebooks" / f"{notebook}.ipynb"
    return {n: cell["source"] for n, cell in workbook.code_cells(workbook.load(path)).items()}


def in_cells(hole, text):
    """Return {number: source} of a hole's notebook, with this text in the hole."""
    cells = dict(sources(hole.notebook))
    cells[hole.number] = workbook.replaced(cells[hole.number], hole, text.strip("\n"))
    return cells


def mistaken(hole, mistake):
    """Return the text of a mistake: (old, new) is an exchange in the series' own lines."""
    if isinstance(mistake, str):
        return mistake
    solution = workbook.solution(hole)
    assert mistake[0] in solution, f"{hole.name}: {mistake[0]!r} is not in the series' lines"
    return solution.replace(mistake[0], mistake[1], 1)


def judged(hole, *texts, seconds=20):
    """Return the verdict on each of these texts in a hole. They run in a child process, so that
    what they bind is gone then; one that does not end takes its process along."""
    warm_up()
    found = []
    while len(found) < len(texts):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            _judge(hole, texts[len(found):], seconds, write)
        os.close(write)
        with open(read, encoding="utf-8") as said:
            found += map(json.loads, said.read().splitlines())
        os.waitpid(child, 0)
        if len(found) < len(texts):
            found.append(f"{hole.name}: did not come to an end")
    return found


def _judge(hole, texts, seconds, write):
    """Write a line of JSON for each text, and end this process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1), os.dup2(nowhere, 2)
    for text in texts:
        signal.alarm(seconds)
        try:
            wrong = workbook.judged(in_cells(hole, text), hole)
        except BaseException as error:
            wrong = f"{hole.name}: {type(error).__name__}: {error}"
        os.write(write, (json.dumps(wrong) + "\n").encode())
    os._exit(0)


# Mutants

SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.MatMult: ast.Mult,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And,
}


def become(node, other):
    """Make a node of a syntax tree another one, in its place."""
    node.__class__, node.__dict__ = other.__class__, other.__dict__


COMMUTING = "maximum", "minimum", "swapaxes", "transpose", "isinstance", "vecdot", "mean"


def changes(node):
    """Yield functions, each of which changes this node of a syntax tree for the worse."""
    for field in ("op", "ops"):
        operators = getattr(node, field, None)
        for i, operator in enumerate(operators if isinstance(operators, list) else [operators]):
            if type(operator) in SWAPS:
                other = SWAPS[type(operator)]()
                yield lambda n, f=field, i=i, o=other: (
                    getattr(n, f).__setitem__(i, o) if f == "ops" else setattr(n, f, o))
    for side in ("left", "right") if isinstance(node, ast.BinOp) else ():
        kept = getattr(node, side)
        if not isinstance(kept, ast.Constant):  # the operator and its other side are gone
            yield lambda n, side=side: become(n, getattr(n, side))
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        value = not node.value if isinstance(node.value, bool) else node.value + 1
        yield lambda n: setattr(n, "value", value)
    if isinstance(node, ast.IfExp):
        yield lambda n: setattr(n, "orelse", n.body)
        yield lambda n: setattr(n, "body", n.orelse)
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        yield lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))
    if isinstance(node, ast.AugAssign):
        yield lambda n: become(n, ast.Assign([n.target], n.value))
    if isinstance(node, ast.Call):
        for i in range(len(node.keywords)):
            yield lambda n, i=i: n.keywords.pop(i)
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if len(node.args) == 2 and called not in COMMUTING:
            yield lambda n: n.args.reverse()
        if len(node.args) > 1:
            yield lambda n: n.args.pop()
    if isinstance(node, ast.Return) and node.value is not None:
        yield lambda n: setattr(n, "value", None)
    if isinstance(node, ast.Slice):
        for part in "lower", "upper", "step":
            if getattr(node, part):
                yield lambda n, part=part: setattr(n, part, None)
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        yield lambda n: n.elts.reverse()
    for field, block in ast.iter_fields(node):
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            for i in range(len(block)):
                yield lambda n, f=field, i=i: getattr(n, f).__setitem__(i, ast.Pass())


def unary(tree):
    """Yield copies of a tree, each without one of its minus signs and nots."""
    count = sum(isinstance(node, ast.UnaryOp) for node in ast.walk(tree))
    for wanted in range(count):
        class Drop(ast.NodeTransformer):
            seen = -1

            def visit_Raise(self, node):
                return node

            def visit_UnaryOp(self, node):
                self.seen += 1
                here = self.seen == wanted  # noqa: B023
                return self.visit(node.operand) if here else self.generic_visit(node)

        yield Drop().visit(copy.deepcopy(tree))


def left_out(tree):
    """Return the parts of a tree that no check judges: the words of an error, and which negative
    number stands in a reshape for the length to be worked out."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            found |= {part for text in ast.walk(node) if isinstance(text, ast.JoinedStr)
                      for part in ast.walk(text)}
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "reshape":
            found |= {a.operand for a in node.args if isinstance(a, ast.UnaryOp)}
    return found


def mutants(text):
    """Return the texts of all mutants of a solution, each once."""
    body = ast.parse(f"def f():\n{textwrap.indent(text, '    ')}").body[0]
    trees, left = list(unary(body)), left_out(body)
    for i, node in enumerate(ast.walk(body)):
        if node is body or node in left:
            continue
        for k, _ in enumerate(changes(node)):
            twin = copy.deepcopy(body)
            target = list(ast.walk(twin))[i]
            list(changes(target))[k](target)
            trees.append(twin)
    for i in range(len(body.body)):
        twin = copy.deepcopy(body)
        twin.body[i] = ast.Pass()
        trees.append(twin)
    texts = []
    for tree in trees:
        try:
            texts.append("\n".join(map(ast.unparse, ast.fix_missing_locations(tree).body)))
            compile(f"def f():\n{textwrap.indent(texts[-1], '    ')}", "mutant", "exec")
        except (SyntaxError, AttributeError, ValueError, TypeError):
            texts.pop() if len(texts) else None
    same = "\n".join(map(ast.unparse, body.body))
    return [mutant for mutant in dict.fromkeys(texts) if mutant != same]


def run_mutants(names):
    """Try all mutants, print those that pass, each with its reason, and return how many have
    none."""
    killed = planted = riddles = 0
    for hole in workbook.holes().values():
        if names and hole.name not in names:
            continue
        solution, start = workbook.solution(hole), time.perf_counter()
        found = mutants(solution)
        verdicts = judged(hole, *found)
        survivors = [mutant for mutant, wrong in zip(found, verdicts) if wrong is None]
        planted, killed = planted + len(found), killed + len(found) - len(survivors)
        print(f"{hole.name:<26} {len(found) - len(survivors):3} of {len(found):3} rejected, "
              f"{time.perf_counter() - start:5.1f} s", flush=True)
        for mutant in survivors:
            reasons = [(part, why) for part, why in HARMLESS.get(hole.name, {}).items()
                       if part in mutant]
            part, why = reasons[0] if reasons else (mutant, "NO REASON IS KNOWN")
            print(f"    passes: {part.strip()} ({why})", flush=True)
            riddles += not reasons
    print(f"{killed} of {planted} mutants rejected: {killed / planted:.1%}; "
          f"{planted - killed - riddles} pass for a reason, {riddles} for none that is known")
    return riddles


# The journey


def journey(root):
    """Fill an empty workbook hole by hole: after each step exactly the filled holes pass."""
    os.environ.pop("PYTHONPATH", None)  # kernels shall find what lies beside their notebooks
    with contextlib.redirect_stdout(io.StringIO()):
        workbook.make(root)
    filled = set()
    for name in [None, *workbook.holes()]:
        if name:
            with contextlib.redirect_stdout(io.StringIO()):
                workbook.fill(name, root)
            filled.add(name)
        passed = {hole for hole, wrong in workbook.verdicts(root).items() if wrong is None}
        assert passed == filled, (name, passed ^ filled)
        print(f"{len(filled):2} filled, these and no others pass: {name}", flush=True)
    run_all(root)


def others(root):
    """Fill an empty workbook with other right solutions: what a check lets pass must carry all the
    notebooks to their ends."""
    os.environ.pop("PYTHONPATH", None)
    with contextlib.redirect_stdout(io.StringIO()):
        workbook.make(root)
    for name, hole in workbook.holes().items():
        path = root / "notebooks" / f"{hole.notebook}.ipynb"
        notebook = workbook.load(path)
        [cell] = [cell for cell in notebook["cells"] if cell.get("id") == hole.cell]
        text = RIGHT.get(name, [workbook.solution(hole)])[0].strip("\n")
        cell["source"] = workbook.replaced(cell["source"], hole, text)
        workbook.save(path, notebook)
    run_all(root)


def run_all(root):
    """Run the notebooks of a filled workbook in fresh kernels, each on what the others exported."""
    for path in series.find(root):
        if path.name < "14":
            series.execute(path, root)
            print(f"{path.stem} ran to its end", flush=True)


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "mutants":
        sys.exit(run_mutants(rest) > 0)
    if command in ("journey", "others"):
        folder = series.scratch().name
        globals()[command](Path(folder, "workbook"))
        shutil.rmtree(folder, ignore_errors=True)
