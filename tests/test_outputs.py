"""The second way of comparing outputs says of every cell what nbval says."""

import copy
import json
import random
import re
import subprocess
import sys

import nbformat
import outputs
import pytest
import series
from nbformat.v4 import new_code_cell, new_notebook, new_output

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
REPLAY = """
import json, sys
from IPython.display import display
for output in json.loads({!r}):
    if output["output_type"] == "stream":
        print(output["text"], end="", file=getattr(sys, output["name"]), flush=True)
    else:
        display(output["data"], raw=True, metadata=output["metadata"])
"""


def cells_of_the_series():
    """Return the outputs of the cells of the series that have any, as they are stored."""
    found = []
    for path in series.find():
        cells = nbformat.read(path, as_version=4).cells
        found += [cell.outputs for cell in cells if cell.get("outputs")]
    return found


def texts(corrupted):
    """Return where texts stand in outputs, as (dict, key)."""
    where = [(o, "text") for o in corrupted if o["output_type"] == "stream"]
    return where + [(o["data"], mime) for o in corrupted if "data" in o for mime in o["data"]
                    if mime.startswith("text/")]


def corrupt(stored, rng):
    """Return outputs with one thing changed, of a kind that rng draws, and that kind."""
    new = copy.deepcopy(stored)
    kind = rng.choice(("digit", "letter", "behind the sign", "blank", "lost", "twice", "swapped",
                       "pixels", "format", "alternative text", "warning", "line", "nothing"))
    holder, key = rng.choice(texts(new) or [({"": ""}, "")])
    text = holder[key]
    spots = {"digit": r"\d", "letter": r"[a-z]", "behind the sign": r"(?<=≈ )\S", "line": r".+\n"}
    if kind in spots and (found := list(re.finditer(spots[kind], text))):
        a, b = rng.choice(found).span()
        holder[key] = text[:a] + "" * (kind == "line") + rng.choice("0123456789xyz") + text[b:]
    elif kind == "blank":
        holder[key] = text + rng.choice([" ", "\n"])
    elif kind == "lost":
        del new[rng.randrange(len(new))]
    elif kind == "twice":
        new.insert(0, copy.deepcopy(rng.choice(new)))
    elif kind == "swapped":
        holder[key] = "".join(reversed(text.splitlines(keepends=True)))
        new.reverse()
    elif kind == "warning":
        new.append(new_output("stream", name="stderr", text="a warning\n"))
    for output in new:
        if kind == "pixels" and "image/png" in output.get("data", {}):
            output["data"]["image/png"] = PNG
        if kind == "alternative text":
            output.get("metadata", {}).clear()
        if kind == "format" and "data" in output:
            output["data"]["text/html"] = "<b>bold</b>"
    return kind, new


@pytest.fixture(scope="module")
def corrupted(tmp_path_factory):
    """A folder with a notebook whose 200 cells print something else than they store, perhaps."""
    folder = tmp_path_factory.mktemp("series") / "notebooks"
    folder.mkdir()
    rng, every, kinds = random.Random(0), cells_of_the_series(), []
    notebook = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python"}})
    for number in range(1, 201):
        kind = new = stored = None
        while kind != "nothing" and new == stored:  # not every kind can happen to every cell
            stored = rng.choice(every)
            kind, new = corrupt(stored, rng)
        cell = new_code_cell(REPLAY.format(json.dumps(new)), outputs=stored, execution_count=number)
        notebook.cells.append(cell)
        kinds.append(kind)
    nbformat.write(notebook, folder / "01_corrupted.ipynb")
    return folder / "01_corrupted.ipynb", kinds


def test_both_find_the_same_of_200_corruptions(corrupted):
    path, kinds = corrupted
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-q",
               "--rootdir", str(path.parent), "-c", "/dev/null", "--color=no", "-rf", "--tb=no",
               "--nbval", "--nbval-current-env", str(path), "--nbval-sanitize-with",
               str(series.ROOT / "notebooks/sanitize.cfg")]
    said = subprocess.run(command, capture_output=True, text=True, env=series.environment())
    theirs = {int(n) + 1 for n in re.findall(r"(?m)^FAILED .*Cell (\d+)", said.stdout)}
    stored = nbformat.read(path, as_version=4)
    found = outputs.differences(stored, series.execute(path, path.parent.parent))
    ours = {number for number, *_ in found}
    assert f"{len(theirs)} failed, {200 - len(theirs)} passed" in said.stdout
    assert ours == theirs, [(n, kinds[n - 1]) for n in sorted(ours ^ theirs)]
    # Every kind is caught, but for those that may differ.
    assert {kinds[n - 1] for n in ours} == {*kinds} - {"pixels", "alternative text", "nothing",
                                                       "behind the sign"}


def test_a_cell_that_was_never_run_is_reported():
    cells = [new_code_cell("1"), new_code_cell("2", execution_count=1)]
    notebook = new_notebook(cells=cells)
    assert outputs.differences(notebook, notebook) == [(1, "run", ["never"], ["now"])]


def test_check_outputs_names_the_cell_and_shows_both(tmp_path, capsys):
    (tmp_path / "notebooks").mkdir()
    stored = [new_output("stream", name="stdout", text=f"{text}\n") for text in ("≈ 1 s", "2")]
    cells = [new_code_cell(f"print({text!r})", outputs=[out], execution_count=n + 1)
             for n, (text, out) in enumerate(zip(("≈ 5 s", "3"), stored))]
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks/01_tensor.ipynb")
    assert not outputs.check_outputs(root=tmp_path)
    printed = capsys.readouterr().out.partition(" s\n")[2]
    assert printed == "01_tensor.ipynb [2] stdout: stored\n2\n\ncame\n3\n\n"
    nbformat.write(new_notebook(cells=cells[:1]), tmp_path / "notebooks/01_tensor.ipynb")
    assert outputs.check_outputs(root=tmp_path)


def test_what_this_machine_lacks_is_left_out(tmp_path, capsys, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    notebook = new_notebook(cells=[new_code_cell("1/0")])
    nbformat.write(notebook, tmp_path / "notebooks/09_lenet.ipynb")
    monkeypatch.setattr(series, "missing", lambda name: f"no data for {name}")
    assert outputs.check_outputs(root=tmp_path)
    assert capsys.readouterr().out == "09_lenet        left out: no data for 09_lenet.ipynb\n"
