"""The bug hunt: every bug is there, its check says so in a sentence, and right mends pass it."""

import contextlib
import io
import re
import time

import hunt
import numpy as np
import plots
import pytest
import series
import workbook

PATH = series.ROOT / "notebooks/17_bug_hunt.ipynb"
CALL = re.compile(r'hunt\.check\("(\w+)"\)')
DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)
DIFF = re.compile(r"<summary>Solution</summary>.*?```diff\n(.*?)```", re.DOTALL)

# Other right mends, {bug: [(lines of the broken code, lines in their place), ...]}.
OTHERS = {
    "square": [
        ("            self.grad = other.value * out.grad\n            other.grad = self.value",
         "            self.grad = self.grad + other.value * out.grad\n"
         "            other.grad = other.grad + self.value"),
    ],
    "order": [
        ("        node = waiting.pop(0)",
         "        node = max(waiting, key=lambda node: node.born)\n        waiting.remove(node)"),
    ],
    "company": [
        ("    e = np.exp(x - x.max())\n    return e / e.sum(axis=-1, keepdims=True)",
         "    x = x - np.max(x, -1)[..., None]\n"
         "    return np.exp(x - np.log(np.exp(x).sum(-1, keepdims=True)))"),
    ],
    "future": [
        ("    future = np.triu(np.ones(scores.shape, dtype=bool), k=2)",
         "    future = np.arange(len(q))[:, None] < np.arange(len(k))"),
        ("    future = np.triu(np.ones(scores.shape, dtype=bool), k=2)",
         "    future = ~np.tri(len(q), dtype=bool)"),
    ],
    "line": [
        ("        loss = ((line(inputs) - targets) ** 2).mean()",
         "        loss = ((line(inputs)[:, 0] - targets) ** 2).mean()"),
        ("        loss = ((line(inputs) - targets) ** 2).mean()",
         "        loss = nn.MSELoss()(line(inputs).reshape(-1), targets)"),
    ],
    "shuffle": [
        ("    x, y = rng.permutation(x), rng.permutation(y)",
         "    x = rng.permutation(x)\n    y = np.random.default_rng(seed).permutation(y)"),
        ("    x, y = rng.permutation(x), rng.permutation(y)",
         "    pairs = list(zip(x, y))\n    rng.shuffle(pairs)\n"
         "    x, y = map(np.array, zip(*pairs))"),
    ],
    "pixels": [
        ("    x = Tensor(pixels)",
         "    x = Tensor((pixels - pixels.mean()) / pixels.std())"),
        ("    x = Tensor(pixels)", "    x = Tensor(np.divide(pixels, 128) - 1)"),
    ],
    "head": [
        ("optim.SGD(net.parameters(), lr=0.1", "optim.SGD([*net.body.parameters(), "
         "*head.parameters()], lr=0.1"),
    ],
    "stack": [
        ("stack.reshape(-1, 64)", "np.moveaxis(stack, -1, 0).reshape(-1, 64)"),
        ("stack.reshape(-1, 64)", "stack.transpose(2, 0, 1).reshape(stack.shape[2], -1)"),
        ("stack.reshape(-1, 64)",
         "np.array([stack[:, :, n].ravel() for n in range(stack.shape[2])])"),
    ],
    "bias": [
        ("        self.b = self.b - lr * g", "        self.b -= lr * (np.ones(len(g)) @ g)"),
    ],
    "noise": [
        ("        image = self.images[i]", "        image = self.images[i].copy()"),
    ],
    "running": [
        ("        self.mean = self.momentum * self.mean + (1 - self.momentum) * batch.mean(axis=0)",
         "        self.mean += self.momentum * (batch.mean(axis=0) - self.mean)"),
    ],
    "measure": [
        ("    with no_grad():\n        return np.mean(net(x).data.argmax(axis=1) == y)",
         "    modes = [(module, module.training) for module in net.modules()]\n"
         "    answers = net.eval()(x).data.argmax(axis=1)\n"
         "    for module, module.training in modes:\n        pass\n"
         "    return (answers == y).sum() / len(y)"),
    ],
    "best": [
        ("            best = net.state_dict()",
         "            best = __import__('copy').deepcopy(net.state_dict())"),
    ],
    "memory": [
        ("        total = total + nn.functional.cross_entropy(net(x), y)\n"
         "    return total.item() / len(batches)",
         "        with no_grad():\n"
         "            total = total + nn.functional.cross_entropy(net(x), y)\n"
         "    return total.item() / len(batches)"),
        ("    for x, y in batches:\n"
         "        total = total + nn.functional.cross_entropy(net(x), y)\n"
         "    return total.item() / len(batches)",
         "    for x, y in batches:\n        loss = nn.functional.cross_entropy(net(x), y)\n"
         "        total = total + float(loss.data)\n    return total / len(batches)"),
    ],
}
# Mends that are not enough.
HALF = {
    "square": [("self.grad = other.value * out.grad", "self.grad += other.value * out.grad")],
    "order": [("waiting.pop(0)", "waiting.pop()")],
    "company": [("x.max()", "x.max(axis=0)"), (" - x.max()", "")],
    "future": [("k=2", "k=0"), ("np.triu", "np.tril")],
    "shuffle": [("    x, y = rng.permutation(x), rng.permutation(y)\n", "")],
    "line": [("steps=200", "steps=2000")],
    "pixels": [("lr=0.1", "lr=0.02"), ("lr=0.1", "lr=3e-5"),
               ("lr=0.1", "lr=0.0"), ("Tensor(pixels)", "Tensor(-pixels)")],
    "head": [("    net.head = head\n", ""), ("net.parameters()", "head.parameters()")],
    "stack": [("stack.reshape(-1, 64)", "stack.T.reshape(-1, 64)"),  # mirrored
              ("stack.reshape(-1, 64)", "stack.reshape(64, -1)"),
              ("stack.reshape(-1, 64)", "np.swapaxes(stack, 0, 2).reshape(-1, 64)")],
    "bias": [("lr * g", "lr * g.mean(axis=0)"), ("lr * g", "lr * g.sum()")],
    "noise": [("self.images, self.rng = images,", "self.images, self.rng = images.copy(),")],
    "running": [("batch.mean(axis=0)", "batch.mean()")],
    "measure": [("    with no_grad():", "    net.eval()\n    with no_grad():"),
                ("        return np.mean(net(x)", "        return np.mean(net.eval()(x)")],
    "best": [("net.state_dict()", "dict(net.state_dict())"), ("min(losses)", "max(losses)")],
    "memory": [("total.item() / len(batches)", "total.item()"), ("total.item()", "total.data"),
               ("in batches:", "in list(batches):")],
}


def cases():
    """Return {bug: (code, symptom, what comes before its cell, solution's markdown)}, in order."""
    cells, found = workbook.load(PATH)["cells"], {}
    for i, cell in enumerate(cells):
        if cell["cell_type"] == "code" and (call := CALL.fullmatch(cell["source"].strip())):
            code, symptom = [c["source"] for c in cells[:i] if c["cell_type"] == "code"][-2:]
            found[call[1]] = code, symptom, cells[i + 1]["source"]
    return found


CASES = cases()


@pytest.fixture
def namespace():
    """What the notebook's first two cells define, without figures."""
    cells = list(workbook.code_cells(workbook.load(PATH)).values())
    names = {"__name__": "__main__"}
    for cell in cells[:2]:
        exec(cell["source"], names)
    return names


def solved(name):
    """Return the broken code with the page's own mend, a diff, applied."""
    code, _, text = CASES[name]
    [diff] = DIFF.findall(text)
    old, new = ("\n".join(side(diff, sign)) for sign in "-+")
    return replaced(code, old, new)


def side(diff, sign):
    """Return the lines of one side of a diff: those with the sign, and those without any."""
    return [line[1:] for line in diff.splitlines() if line[0] in f" {sign}"]


def replaced(code, old, new):
    assert code.count(old) == 1, f"{old!r} stands {code.count(old)} times"
    return code.replace(old, new)


def verdict(name, code, namespace):
    exec(code, namespace)
    start = time.process_time()
    wrong = hunt.verdict(name, namespace)
    assert time.process_time() - start < 2
    return wrong


def test_there_are_at_least_twelve_bugs_and_each_has_a_check():
    assert len(CASES) >= 12
    assert list(CASES) == list(hunt._bugs)
    assert set(OTHERS) <= set(CASES) and len(OTHERS) >= len(CASES) / 2


@pytest.mark.parametrize("name", CASES)
def test_broken_code_fails_its_check_with_a_sentence(name, namespace):
    wrong = verdict(name, CASES[name][0], namespace)
    assert wrong and len(wrong) <= 190 and "raised" not in wrong
    assert re.search("expected|of 100 images", wrong)


@pytest.mark.parametrize("name", CASES)
def test_solution_passes_the_check_and_the_symptom_cell_still_runs(name, namespace, monkeypatch):
    assert verdict(name, solved(name), namespace) is None
    monkeypatch.setattr(plots, "show", lambda alt: plots.plt.close())
    with contextlib.redirect_stdout(io.StringIO()):
        exec(CASES[name][1], namespace)


@pytest.mark.parametrize(("name", "old", "new"),
                         [(name, *mend) for name, mends in OTHERS.items() for mend in mends])
def test_other_right_mends_pass(name, old, new, namespace):
    assert verdict(name, replaced(CASES[name][0], old, new), namespace) is None


@pytest.mark.parametrize(("name", "old", "new"),
                         [(name, *mend) for name, mends in HALF.items() for mend in mends])
def test_mends_that_are_not_enough_fail(name, old, new, namespace):
    code = CASES[name][0]
    assert old in code
    assert verdict(name, code.replace(old, new), namespace)


def test_no_solution_stands_outside_its_details():
    cells = workbook.load(PATH)["cells"]
    open_text = "\n".join(DETAILS.sub("", cell["source"]) for cell in cells)
    outputs = "\n".join("".join(output.get("text", "")) for cell in cells
                        for output in cell.get("outputs", ()))
    for name, (_, _, text) in CASES.items():
        [diff] = DIFF.findall(text)
        new = [line[1:].strip() for line in diff.splitlines() if line[0] == "+"]
        old = [line[1:].strip() for line in diff.splitlines() if line[0] == "-"]
        for line in set(new) - set(old) - {"with no_grad():"}:
            assert line not in open_text and line not in outputs, (name, line)
        assert text.index("<summary>Hint") < text.index("<summary>Solution"), name
        assert not DETAILS.sub("", text).strip(), f"{name}: its solution's cell holds open text"


def test_the_notebook_stores_the_bugs_as_they_are():
    for cell in workbook.load(PATH)["cells"]:
        if cell["cell_type"] == "code" and (call := CALL.fullmatch(cell["source"].strip())):
            text = "".join(line for output in cell["outputs"] for line in output["text"])
            assert text.startswith("not yet: "), call[1]
            assert text.count("\n") <= 2, call[1]


def test_check_counts_what_is_mended(namespace, capsys, monkeypatch):
    monkeypatch.setattr(hunt, "_mended", {})
    exec(CASES["stack"][0] + '\nhunt.check("stack")', namespace)
    assert capsys.readouterr().out == (
        "not yet: the numbers in row 1 of a stack (8, 8, 3), if image n is 16 n everywhere: "
        "expected [1.0],\ngot [0.0, 1.0, 2.0]\n")
    exec(solved("stack") + '\nhunt.check("stack")', namespace)
    exec(solved("company") + '\nhunt.check("company")\nhunt.check("company")', namespace)
    n = len(CASES)
    assert capsys.readouterr().out == (f"mended: stack, 1 of {n}\nmended: company, 2 of {n}\n"
                                       f"mended: company, 2 of {n}\n")
    exec('hunt.check("bias")', namespace)
    assert capsys.readouterr().out == ("not yet: Layer is not defined yet: run the cell that "
                                       "defines it\n")
    with pytest.raises(KeyError, match="no bug is called 'bies'"):
        hunt.check("bies")


def test_an_error_of_the_readers_code_is_named():
    def softmax(x):
        raise IndexError("axis 7")

    wrong = hunt.verdict("company", {"softmax": softmax})
    assert wrong == "raised IndexError: axis 7"


def test_float32_softmax_fails_at_a_distance_of_104():
    row = np.arange(3, dtype=np.float32)
    for distance, survive in (103, 1), (104, 0):
        x = np.array([row, row + np.float32(distance)])
        assert (np.exp(x - x.max())[0] > 0).sum() == survive
