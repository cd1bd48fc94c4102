"""The workbook: its holes, their checks, which are themselves checked, and its commands.

Thorough runs are commands of their own: see workbook_bench.py.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap

import exercise_cases
import nbformat
import pytest
import series
import workbook
import workbook_bench as bench
import workbook_cases
from workbook_bench import HARMLESS, RIGHT, WRONG

HOLES = workbook.holes()  # the exercises are among them
COUNTED = workbook.counted(HOLES.values())
RIGHTLY = "{} of {} holes are filled rightly, {} of {} exercises solved"
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="tries what readers write in a fork")


@pytest.fixture(params=HOLES.values(), ids=lambda hole: hole.name)
def hole(request):
    return request.param


# The checks


def test_every_hole_has_a_check_hints_solutions_and_mistakes():
    for kind in "hole", "exercise":
        names = [name for name, hole in HOLES.items() if hole.kind == kind]
        assert names == [name for name in WRONG if HOLES[name].kind == kind]
    assert set(HOLES) == set(workbook.checks())
    assert 45 <= COUNTED[0] <= 60 and len({hole.notebook for hole in HOLES.values()}) == 13
    assert {name: len(check.hints) for name, check in workbook.checks().items()
            if not 1 <= len(check.hints) <= 3} == {}
    exercises = {name for name, hole in HOLES.items() if hole.kind == "exercise"}
    assert set(workbook.page_hints()) == exercises
    assert all(hints != [] for hints in workbook.page_hints().values())
    assert {name: len(wrong) for name, wrong in WRONG.items() if len(wrong) < 3} == {}
    assert len(RIGHT) >= len(HOLES) / 2 and set(RIGHT) | set(HARMLESS) <= set(HOLES)


def test_other_solutions_are_others():
    for name, texts in RIGHT.items():
        ours = workbook.tokens(workbook.solution(HOLES[name]))
        assert all(workbook.tokens(text.strip("\n")) != ours for text in texts), name


@forks
def test_check_rejects_the_empty_hole_by_its_name(hole):
    [said] = bench.judged(hole, workbook.stub(hole))
    assert said.startswith(f"{hole.name}: still open")


@forks
def test_check_accepts_right_solutions_within_two_seconds(hole):
    bench.warm_up()
    for text in [workbook.solution(hole), *RIGHT.get(hole.name, [])]:
        before = os.times()
        assert bench.judged(hole, text) == [None]
        after = os.times()
        assert after.children_user + after.children_system < (
            before.children_user + before.children_system + 2)


@forks
def test_check_rejects_mistakes_and_says_why_in_two_lines(hole):
    texts = [bench.mistaken(hole, mistake) for mistake in WRONG[hole.name].values()]
    for name, said in zip(WRONG[hole.name], bench.judged(hole, *texts)):
        assert said is not None and said.startswith(f"{hole.name}: "), name
        assert len(said) < 500 and said.count("\n") <= 1, said
        assert re.search(r"expected|raised|is not defined|did not come to an end|line", said), said
        assert "AssertionError" not in said


@forks
@pytest.mark.parametrize(
    "name", ["mul", "youngest", "_mean", "step_matrix", "cross_entropy", "Dual", "strokes"])
def test_check_rejects_all_mutants(name):
    hole = HOLES[name]
    found = bench.mutants(workbook.solution(hole))
    assert len(found) >= 3
    assert None not in bench.judged(hole, *found)


def test_mutants_are_programs_and_differ():
    found = bench.mutants("if a < 1:\n    a += 2\nreturn f(a, b=-a)")
    assert len(found) == len(set(found)) >= 10
    assert all(ast.parse(f"def f():\n{textwrap.indent(text, '    ')}") for text in found)
    assert "if a <= 1:\n    a += 2\nreturn f(a, b=-a)" in found
    assert "if a < 1:\n    a = 2\nreturn f(a, b=-a)" in found
    assert "if a < 1:\n    pass\nreturn f(a, b=-a)" in found


def test_checks_import_nothing_of_a_later_notebook():
    owners = {f"nptorch.{module}": path.stem for module, (path, _) in series.read_all().items()}
    for path in sorted((workbook.HERE / "checks").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert all(alias.name.split(".")[0] != "nptorch" for alias in node.names)
            if isinstance(node, ast.ImportFrom) and node.module in owners:
                assert owners[node.module] <= path.stem, node.module


@pytest.mark.parametrize(
    ("got", "expected", "said"),
    [
        (2, 3, "two: expected 3, got 2"),
        (lambda: 2.0, 3.0, "two: expected 3., got 2."),
        (lambda: 1 / 0, 3, "two raised ZeroDivisionError: division by zero; expected 3"),
        ([1], [2], "two: expected [2], got [1]"), (None, 3, "two: expected 3, got None"),
        ("3", 3, "two: expected 3, got '3'"), (True, "x", "two: expected 'x', got True"),
        ([1, 2], (1, 2), "two: expected (1, 2), got [1, 2]"),
    ],
)
def test_messages(got, expected, said):
    with pytest.raises(workbook.Wrong) as wrong:
        workbook.expect("two", got, expected)
    assert str(wrong.value) == said
    assert wrong.value._render_traceback_() == [said]


def test_messages_about_arrays():
    import numpy as np

    a = np.arange(12.0).reshape(3, 4)
    b = a.copy()
    b[1, 2] = 9
    for got, said in [
        (b, "a: 1 of 12 numbers differ, most at index (1, 2): expected 6, got 9"),
        (a[:2], "a: expected the shape (3, 4), got (2, 4)"),
        (a.astype(str), "a: expected numbers, got "),
        (np.where(a == 5, np.nan, a), "a: 1 of 12 numbers differ, most at index (1, 1): "
                                      "expected 5, got nan"),
    ]:
        with pytest.raises(workbook.Wrong, match=re.escape(said)):
            workbook.expect("a", got, a)
    with pytest.raises(workbook.Wrong, match=r"expected \[1.\], got \[1.\], off by 1e-09"):
        workbook.expect("a", np.ones(1) + 1e-9, np.ones(1), 0, 0)
    workbook.expect("a", a + 1e-9, a)
    workbook.expect("nan and infinity", np.array([np.nan, np.inf]), np.array([np.nan, np.inf]))


LEADS = [  # a mistake, and what its message must name for a reader to see it
    ("FirstNorm.forward", "return (x - x.mean(0)) / (x.var(0) + 1e-5).sqrt()", "divided by n"),
    ("_normalize", WRONG["_normalize"]["the g of others, changed"],
     "the gradient that came in, afterwards: expected [[ 0.540302"),
    ("clip_grad_norm_", WRONG["clip_grad_norm_"]["no gradient, no end"], "[6] and None"),
    ("CosineAnnealingLR.__init__", "super().__init__(optimizer, lambda n: math.cos("
     "math.pi * n / T_max / 2), last_epoch)", "expected [[0.1 ], [0.08], [0.04], [0.02]]"),
    ("generate", RIGHT["generate"][0].replace("([found[-model.context:]])",
                                              "(found[-model.context:])"), "a batch of one"),
]


@forks
@pytest.mark.parametrize(("name", "mistake", "part"), LEADS)
def test_message_names_what_leads_to_the_mistake(name, mistake, part):
    [said] = bench.judged(HOLES[name], mistake)
    assert part in said


def test_check_hint_and_answer_in_a_notebook(capsys):
    reader = {"check": workbook.check}
    with pytest.raises(workbook.Wrong, match="^Proximal: still open, or its cell was not run: "):
        exec("check('Proximal')", reader)
    with pytest.raises(workbook.Wrong, match="^youngest: youngest is not defined yet: run"):
        exec("check('youngest')", reader)
    exec("def youngest(waiting):\n    return waiting[0]\n", reader)
    with pytest.raises(workbook.Wrong, match="^youngest: of nodes .* expected the one born at 2"):
        exec("check('youngest')", reader)
    exec("def youngest(waiting):\n    return max(waiting, key=lambda n: n.born)\n", reader)
    exec("check('youngest')", reader)
    assert capsys.readouterr().out == "youngest: right\n"
    for n in 1, 2, 2:
        workbook.hint("youngest")
        assert capsys.readouterr().out.startswith(f"{n} of 2: ")
    workbook.answer("youngest")
    assert capsys.readouterr().out == workbook.solution(HOLES["youngest"]) + "\n"
    for said in "1 of 2: The slope of a product is the sum", "2 of 2: In a product each factor":
        workbook.hint("Dual")
        assert capsys.readouterr().out.startswith(said)
    for ask in workbook.check, workbook.hint, workbook.answer:
        with pytest.raises(workbook.Wrong, match="no hole is called 'oldest'; there are Num"):
            ask("oldest")


# The directive


def notebook_with(root, *sources):
    (root / "notebooks").mkdir(exist_ok=True)
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    path = root / "notebooks" / "01_tensor.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.mark.parametrize(
    ("name", "below", "left"),
    [
        ("f", None, ["class A:", "    def f(self):", '        """Doc."""', "        STUB"]),
        ("A.f", None, ["class A:", "    def f(self):", '        """Doc."""', "        STUB"]),
        ("f", "if x", ["            if x:", "                STUB"]),
        ("f", "for x", ["        for x in y:", "            STUB"]),
        ("f", "a = 1", ["        a = 1", "        STUB"]),
        ("f", "return 3", ["                return 3", "        STUB"]),
        ("g", None, ["    @property", "    def g(self):", "        STUB"]),
        ("last", "x =", ["x = 1", "STUB"]),
    ],
)
def test_what_a_hole_takes_out(name, below, left):
    source = """class A:
    def f(self):
        \"\"\"Doc.\"\"\"
        a = 1
        for x in y:
            if x:
                return 3
        b = 2
        return a + b
    @property
    def g(self):
        return 2
x = 1
y = 2"""
    hole = workbook.Hole(name, below, "01_tensor", "id", 1)
    start, end = workbook.region(source, hole)
    stub = workbook.STUB.format(name, "01_tensor")
    emptied = workbook.emptied(source, [hole])
    assert "\n".join(left).replace("STUB", stub) in emptied
    lines = source.split("\n")[start - 1:end]
    indent = len(lines[0]) - len(lines[0].lstrip())
    assert workbook.replaced(source, hole, "\n".join(line[indent:] for line in lines)) == source


def test_hole_leaves_no_trace_in_the_module_and_needs_something_to_take_out(tmp_path):
    head = '#| default_exp a\n#| export\n"""A (notebooks/01_tensor.ipynb)."""'
    path = notebook_with(
        tmp_path, head, "#| export\n#| hole f below a =\ndef f():\n    a = 1\n    b = 2")
    assert series.read(path)["a"][2] == "def f():\n    a = 1\n    b = 2"
    assert list(workbook.holes(tmp_path)) == ["f"]
    for cell, reason in [("#| hole f\nx = 1", "nothing to take out for the hole f"),
                         ("#| hole f below z\ndef f():\n    a = 1", "the hole f below z"),
                         ("#| hole f below a =\ndef f():\n    a = 1", "the hole f below a =")]:
        workbook.holes.cache_clear()
        notebook_with(tmp_path, cell)
        with pytest.raises(workbook.WorkbookError, match=rf"01_tensor.ipynb \[1\]: .*{reason}"):
            workbook.holes(tmp_path)
    twice = "#| hole f\ndef f():\n    return 1"
    notebook_with(tmp_path, twice, twice)
    with pytest.raises(workbook.WorkbookError, match="the hole f is also in 01_tensor.ipynb"):
        workbook.holes(tmp_path)
    workbook.holes.cache_clear()
    path = notebook_with(tmp_path, "#| hole\ndef f():\n    return 1")
    with pytest.raises(series.SeriesError, match="'#| hole' must be"):
        series.read(path)


# The workbook


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """An empty workbook, which no test changes."""
    root = tmp_path_factory.mktemp("empty") / "workbook"
    workbook.make(root)
    return root


@pytest.fixture
def mine(book, tmp_path):
    """An empty workbook to be changed."""
    shutil.copytree(book, tmp_path / "workbook")
    return tmp_path / "workbook"


def python(root, *arguments):
    """Run Python in a workbook's notebooks/, as Jupyter does; return the finished process."""
    return subprocess.run(
        [sys.executable, *arguments], check=False, capture_output=True, encoding="utf-8",
        cwd=root / "notebooks", env=os.environ | {"PYTHONUTF8": "1", "PYTHONPATH": ""})


def test_workbook_is_the_series_with_holes(book):
    assert [path.name for path in series.find(book)] == [path.name for path in series.find()]
    for path in series.find(book):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        original = nbformat.read(series.ROOT / "notebooks" / path.name, as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(not cell.outputs and cell.execution_count is None for cell in code)
        assert "import workbook" in code[0].source
        added = [cell.source for cell in code if cell.id not in
                 {cell.id for cell in original.cells}]
        checked = re.findall(r'^workbook\.check\("(.+?)"\)', "\n".join(added), re.MULTILINE)
        assert checked == [h.name for h in HOLES.values() if h.notebook == path.stem]
        for hole in HOLES.values():
            if hole.notebook == path.stem:
                text = workbook.cell_of(hole, book)
                assert text.count(workbook.stub(hole)) == 1
                assert f"#| {hole.kind} {hole.name}" in text


def spaced(text):
    """Return a text's tokens with one blank between them, and one at either end."""
    return f" {' '.join(workbook.tokens(text))} "


def test_no_solution_is_left_in_the_workbook(book):
    """Not as a whole, and no statement of fifteen tokens or more: neither in a notebook's cells and
    prose, nor in the modules, the scripts and the hints."""
    texts = {path: path.read_text(encoding="utf-8") for path in book.rglob("*.py")}
    for path in series.find(book):
        cells = workbook.load(path)["cells"]
        texts |= {(path.name, i): cell["source"] for i, cell in enumerate(cells)}
    read, found = {where: spaced(text) for where, text in texts.items()}, []
    assert len(read) > 500
    for hole in HOLES.values():
        solution = workbook.solution(hole)
        parts = [solution]
        tree = ast.parse(f"def f():\n{textwrap.indent(solution, '    ')}")
        for node in ast.walk(tree):
            if isinstance(node, (ast.Return, ast.Assign, ast.AugAssign, ast.Expr)):
                parts.append(ast.unparse(node))
        needles = [part for part in map(spaced, dict.fromkeys(parts))
                   if part.count(" ") > 15 or part == spaced(solution)]
        assert spaced(solution) in spaced(workbook.cell_of(hole))
        found += [(hole.name, where, needle) for needle in needles
                  for where, text in read.items() if needle in text]
    assert found == []


def test_second_make_keeps_what_the_reader_wrote(mine, capsys):
    path = mine / "notebooks" / "01_tensor.ipynb"
    path.write_text(path.read_text("utf-8").replace("remembers", "never forgets"), "utf-8")
    before = path.read_bytes()
    (mine / "notebooks" / "06_data.ipynb").unlink()
    (mine / "nptorch" / "autograd.py").write_text("mine = 1\n")
    workbook.make(mine)
    assert path.read_bytes() == before and (mine / "notebooks" / "06_data.ipynb").exists()
    assert (mine / "nptorch" / "autograd.py").read_text() == "mine = 1\n"
    said = capsys.readouterr().out
    assert "kept as they are: 01_tensor.ipynb" in said and "06_data" not in said


USES = {  # what a later notebook does, and the hole that it finds open
    "mul": "Tensor(3.0) * 2.0", "lifted": "nptorch.exp(Tensor([1.0]))",
    "matmul": "Tensor([[1.0]]).matmul(Tensor([[1.0]]))",
    "softmax": "nptorch.softmax(Tensor([1.0]), 0)",
    "_getitem": "Tensor([1.0])[0]", "permute": "Tensor([[1.0]]).T",
    "Linear.__init__": "nn.Linear(2, 3)", "named_modules": "list(nn.Module().modules())",
    "cross_entropy": "nn.functional.cross_entropy(Tensor([[1.0]]), [0])",
    "SGD.step": "nptorch.optim.SGD([Tensor([1.0], True)]).step()",
    "DataLoader.__iter__": "list(nptorch.utils.data.DataLoader([1, 2]))",
    "Sequential.forward": "nn.Sequential()(1)", "LeNet.__init__": "models.lenet.LeNet()",
    "max_pool2d": "nn.MaxPool2d(2)(Tensor(np.ones((1, 1, 2, 2))))",
    "parse_idx": "datasets.parse_idx(b'')", "dropout": "nn.functional.dropout(Tensor([1.0]))",
    "CosineAnnealingLR.__init__": "nptorch.optim.lr_scheduler.CosineAnnealingLR(None, 5)",
    "clip_grad_norm_": "nn.utils.clip_grad_norm_([], 1.0)",
    "batch_norm": "nn.functional.batch_norm(Tensor([[1.0]]), None, None)",
    "layer_norm": "nn.functional.layer_norm(Tensor([1.0]), 1)",
    "GPT.forward": "models.gpt.GPT.forward(None, None)",
    "generate": "models.gpt.generate(None, [], 1)",
}


def test_later_use_of_an_open_hole_fails_with_its_name(book):
    program = (
        "import workbook, json, sys, numpy as np, nptorch\n"
        "from nptorch import Tensor, datasets, models, nn\n"
        "import nptorch.models.lenet, nptorch.models.gpt\n"
        "assert nptorch.__file__.startswith(str(workbook.ROOT)), nptorch.__file__\n"
        "for name, use in json.loads(sys.argv[1]).items():\n"
        "    try:\n"
        "        eval(use)\n"
        "    except Exception as error:\n"
        "        print(f'{type(error).__name__}: {error}')\n"
        "    else:\n"
        "        print('silence')\n")
    done = python(book, "-c", program, json.dumps(USES))
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == len(USES)
    for line in said:
        assert re.match(r"NameError: the hole \S+ of \d\d_\w+\.ipynb is still open ", line), line
    direct = ["mul", "softmax", "matmul", "_getitem", "permute", "Linear.__init__",
              "named_modules", "Sequential.forward", "LeNet.__init__", "parse_idx", "SGD.step",
              "DataLoader.__iter__", "CosineAnnealingLR.__init__", "clip_grad_norm_",
              "batch_norm", "layer_norm", "GPT.forward", "generate"]
    by_name = dict(zip(USES, said))
    assert sum(f"the hole {name} of" in by_name[name] for name in direct) >= 12


def test_fill_one_hole_and_a_notebook(mine, capsys):
    workbook.fill("softmax", mine)
    text = workbook.cell_of(HOLES["softmax"], mine)
    assert workbook.solution(HOLES["softmax"]).split("\n")[1] in text
    assert workbook.STUB.format("log_softmax", "02_operations") in text
    path = mine / "notebooks" / "01_tensor.ipynb"
    stub = workbook.STUB.format("mul", "01_tensor")
    wrong = path.read_text("utf-8").replace(json.dumps(stub)[1:-1], "return a + b")
    path.write_text(wrong, "utf-8")
    assert "return a + b\\n" in path.read_text("utf-8")
    capsys.readouterr()
    workbook.fill("01", mine)
    said = capsys.readouterr().out
    assert "filled youngest in 01_tensor.ipynb" in said and "filled mul" not in said
    workbook.fill("mul", mine)
    assert "your lines were:\n    return a + b\n" in capsys.readouterr().out
    for hole in HOLES.values():
        if hole.notebook == "01_tensor":
            assert workbook.cell_of(hole, mine) == workbook.cell_of(hole), hole.name
    assert "filled Dual in 01_tensor.ipynb" in said
    workbook.fill("01_tensor", mine)
    assert capsys.readouterr().out == "nothing is open there\n"
    workbook.fill_and_export(["05", "06"], mine)
    assert "exported 05_optimizer.ipynb to nptorch/" in capsys.readouterr().out
    for module in "optim/optimizer.py", "optim/sgd.py":
        ours = series.ROOT / "nptorch" / module
        assert (mine / "nptorch" / module).read_bytes() == ours.read_bytes()
    with pytest.raises(workbook.WorkbookError, match="no hole and no notebook with holes .* 77"):
        workbook.fill("77", mine)


LEFT_OPEN = ["youngest", "slopes", "Sketch.parameters", "_bce_with_logits", "rate", "parse_idx",
             "_mean", "suspects", "LeNet.__init__", "uphill", "nudge", "adagrad", "adam",
             "CosineAnnealingLR.__init__", "clip_grad_norm_", "plan", "clipping", "batch_norm",
             "silent", "generate", "attention", "GPT.forward"]  # which no other check needs


def test_in_the_readers_own_package_what_is_filled_passes_and_nothing_else(mine, capsys):
    """The short journey. python tests/workbook_bench.py journey fills hole by hole, asks all checks
    after each, and runs every notebook."""
    for name in set(HOLES) - set(LEFT_OPEN):
        workbook.fill(name, mine)
    found = workbook.verdicts(mine)
    assert set(found) == set(HOLES)
    assert [name for name, wrong in found.items() if wrong is not None] == LEFT_OPEN
    assert all(found[name].startswith(f"{name}: still open") for name in LEFT_OPEN)


def test_command_line(mine):
    path = mine / "notebooks" / "01_tensor.ipynb"
    for other in series.find(mine):
        if other != path:
            other.unlink()
    stub = json.dumps(workbook.STUB.format("youngest", "01_tensor"))[1:-1]
    path.write_text(path.read_text("utf-8").replace(stub, "return waiting[0]"), "utf-8")
    done = python(mine, "series.py", "check-workbook")
    lines = done.stdout.splitlines()
    assert done.returncode == 1 and len(lines) == 12, done.stderr
    assert lines[0].split() == ["01_tensor", "Num.__mul__", "open"]
    assert lines[1].startswith(f"01_tensor        {'youngest':<26} wrong  of nodes [born")
    assert lines[8].split() == ["01_tensor", "Dual", "open"]
    assert lines[-1] == RIGHTLY.format(0, 8, 0, 3)
    for command, said in [
        (["fill"], "usage: "), (["workbook", "x"], "usage: "),
        (["workbook"], "this is a workbook"), (["fill", "01"], "is not beside this workbook"),
    ]:
        refused = python(mine, "series.py", *command)
        assert refused.returncode == 2 and said in refused.stderr, refused.stderr


def test_marking_trusts_nothing_in_the_folder_but_the_cells(mine):
    path = mine / "notebooks" / "01_tensor.ipynb"
    for other in series.find(mine):
        if other != path:
            other.unlink()
    for name in "mul", "lifted", "backward", "youngest":
        workbook.fill(name, mine)
    path.write_text(path.read_text("utf-8").replace("#| hole youngest", "# youngest"), "utf-8")
    (mine / "notebooks" / "workbook.py").write_text("1 / 0\n")
    for check in (mine / "notebooks" / "checks").glob("*.py"):
        check.write_text("1 / 0\n")
    done = python(series.ROOT, "series.py", "check-workbook", str(mine))
    lines = {line.split()[1]: line for line in done.stdout.splitlines()}
    assert done.returncode == 1, done.stderr
    assert lines["mul"].split() == ["01_tensor", "mul", "right"]
    assert lines["_walk"].split() == ["01_tensor", "_walk", "open"]
    assert lines["backward"].split()[2:] == (
        "waits needs the hole _walk of 01_tensor.ipynb, which is still open (if you have filled "
        "it: save that notebook, restart its kernel, and run it to its end)").split()
    for name in "youngest", "softmax":
        assert lines[name].endswith("of this name is not in the notebook")
    assert done.stdout.endswith(RIGHTLY.format(2, COUNTED[0], 0, COUNTED[1]) + "\n")
    refused = python(series.ROOT, "series.py", "check-workbook", str(mine / "nowhere"))
    assert refused.returncode == 2 and "there is no workbook in" in refused.stderr


@pytest.mark.parametrize("said", [None, b'["mul", null]\n', '["mul", null]\n'])
def test_what_was_judged_before_the_time_was_up_counts(monkeypatch, tmp_path, said):
    """subprocess.run hands over bytes in the end, on Windows text."""
    def late(command, **options):
        raise subprocess.TimeoutExpired(command, 1, said)

    monkeypatch.setattr(subprocess, "run", late)
    found = workbook.answers(tmp_path / "notebooks/01_tensor.ipynb", tmp_path, 1)
    assert found == ({"mul": None} if said else {})


def test_readers_may_print_what_a_terminal_lacks(mine, monkeypatch):
    """On Windows the output of a process is not UTF-8, unless it is told."""
    path = mine / "notebooks" / "01_tensor.ipynb"
    notebook = workbook.load(path)
    [cell] = [c for c in notebook["cells"] if "#| hole youngest" in c["source"]]
    mine_too = "print('gr\u00f6\u00dfer', file=__import__('sys').stderr)\nreturn waiting[0]"
    cell["source"] = workbook.replaced(cell["source"], HOLES["youngest"], mine_too)
    workbook.save(path, notebook)
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    found = workbook.answers(path, mine, 60)
    assert found["youngest"].startswith("youngest: of nodes")


def test_what_is_exported_is_imported_anew(mine):
    """05 loads nptorch.optim.optimizer with its hole, exports it filled, and imports it for SGD."""
    program = (
        "import workbook, series, nptorch\n"
        "from nptorch import optim\n"
        "old, book = optim.Optimizer, workbook.ROOT\n"
        "path = book / 'notebooks/05_optimizer.ipynb'\n"
        "stub = workbook.STUB.format('_regularization', '05_optimizer').replace('\"', '\\\\\"')\n"
        "text = path.read_text('utf-8')\n"
        "assert stub in text\n"
        "path.write_text(text.replace(stub, 'return 7'), 'utf-8')\n"
        "series.export('05_optimizer.ipynb')\n"
        "from nptorch.optim.optimizer import Optimizer\n"
        "assert Optimizer is not old\n"
        "print(Optimizer._regularization(optim.SGD([nptorch.zeros(1)], alpha=1)))\n")
    done = python(mine, "-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "7"


def test_hole_by_hole_in_a_fresh_kernel(mine):
    """Jupyter runs up to the first open hole's check; filled, it runs to the end and exports what
    the series exports, whether or not an exercise is open."""
    path = mine / "notebooks" / "01_tensor.ipynb"
    with pytest.raises(series.SeriesError) as stopped:
        series.execute(path, mine)
    assert "Num.__mul__: still open: write its lines" in str(stopped.value)
    inside = [hole for hole in HOLES.values() if hole.notebook == "01_tensor"]
    for hole in inside[:-1]:
        workbook.fill(hole.name, mine)
    assert inside[-1].name == "yours"
    notebook = series.execute(path, mine)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.get("text", "") for output in outputs)
    for hole in inside[:-1]:
        assert f"{hole.name}: right\n" in printed
    [failed] = [output for output in outputs if output.output_type == "error"]
    assert "yours: still open" in "\n".join(failed.traceback)
    for module in "autograd.py", "inplace.py":
        ours = series.ROOT / "nptorch" / module
        assert (mine / "nptorch" / module).read_bytes() == ours.read_bytes()


def test_teachers_page_lists_every_hole_and_counts_them():
    page = (series.ROOT / "docs" / "teachers.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d\d) \| `(\S+)` \| (\d+) \| \S.* \|$", page, re.MULTILINE)
    assert [(number, name) for number, name, _ in rows] == [
        (hole.notebook[:2], name) for name, hole in HOLES.items() if hole.kind == "hole"]
    assert all(5 <= int(minutes) <= 15 for _, _, minutes in rows)
    assert abs(sum(int(minutes) for _, _, minutes in rows) / 60 - 9) < 0.5
    readme = (series.ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{COUNTED[0]} holes" in page and f"{COUNTED[0]} holes" in readme
    words = " ".join(page.split())
    right, wrong, harmless = (sum(map(len, cases.values())) for cases in (
        workbook_cases.RIGHT, workbook_cases.WRONG, workbook_cases.HARMLESS))
    assert f" {right} other right solutions pass" in words
    assert f" {wrong // 100 * 100} typical mistakes are rejected" in words
    assert "of more than 1,200 small bugs planted in our solutions 98 %." in words
    planted = sum(len(bench.mutants(workbook.solution(hole))) for hole in HOLES.values()
                  if hole.kind == "hole")
    assert planted > 1200 and harmless <= 0.02 * planted


def test_teachers_page_lists_every_exercise_and_counts_them():
    page = (series.ROOT / "docs" / "teachers.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d\d) \| ((?:`\w+`(?:, )?)+) \| \S.* \|$", page, re.MULTILINE)
    listed = [(number, name) for number, names in rows for name in re.findall(r"\w+", names)]
    assert [pair for pair in listed if pair[1] not in workbook_cases.WRONG] == [
        (hole.notebook[:2], name) for name, hole in HOLES.items() if hole.kind == "exercise"]
    words = " ".join(page.split())
    right, wrong, harmless = (sum(map(len, cases.values())) for cases in (
        exercise_cases.RIGHT, exercise_cases.WRONG, exercise_cases.HARMLESS))
    assert f"the {COUNTED[1]} exercises" in words
    assert (f"{right} other right solutions pass, {wrong // 10 * 10} typical mistakes are "
            f"rejected, and of 714 small bugs planted in our solutions {714 - harmless}") in words
    assert f"the other {harmless} are right answers" in words


def test_what_a_comprehension_binds_is_its_own_in_every_python():
    source = "a = [b for b in c]\nd = {e: f for e, f in g}\nfor h in {i for i in j}:\n    pass"
    [unit] = workbook.units({1: source}, 1, {1})
    assert unit.binds == {"a", "d", "h"} and unit.uses == {"c", "g", "j"}
