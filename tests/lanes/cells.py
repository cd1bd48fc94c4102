"""Run a notebook's code cells in one namespace, without Jupyter, and say what went otherwise.

    python cells.py NOTEBOOK RESULT

RESULT is a JSON file: a list of {"cell", "id", "seconds", "error", "stored", "printed"}. error is
the line of the exception, or null; the two texts leave out whatever stands behind a ≈. wasm.py runs
this inside WebAssembly, so it needs the notebook's own packages and nothing more.
"""

import ast
import contextlib
import io
import json
import re
import sys
import time
import traceback
import types

ABOUT = re.compile("(\u2248) *\\S+ *")  # as in notebooks/sanitize.cfg


def display(*values, metadata=None, raw=False, **kwargs):
    """Print what IPython's display stores as text."""
    for value in values:
        print(value["text/plain"] if raw else repr(value))


def without_jupyter():
    """Let `from IPython.display import ...` work where IPython is not installed."""
    try:
        import IPython  # noqa: F401
    except ImportError:
        package, module = types.ModuleType("IPython"), types.ModuleType("IPython.display")
        module.display = display
        package.display, package.version_info = module, (9, 0)  # what matplotlib asks for
        package.get_ipython = lambda: None
        sys.modules |= {"IPython": package, "IPython.display": module}


class Out(io.StringIO):
    encoding = "utf-8"


def run(source, namespace, name):
    """Run a cell, and print the value of its last line if it is an expression, as Jupyter does."""
    tree = ast.parse(source)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, name, "exec"), namespace)
    value = eval(compile(last, name, "eval"), namespace) if last else None
    if value is not None:
        print(repr(value))


def stored(cell):
    """Return the text that a notebook stores for a cell."""
    parts = []
    for output in cell["outputs"]:
        if output.get("name") == "stderr":
            continue
        text = "".join(output.get("text") or output.get("data", {}).get("text/plain", ""))
        parts.append(text.strip("\n"))
    return "\n".join(filter(None, parts))


def plain(text):
    """Return a text without what hangs on the machine, and without empty lines."""
    lines = ABOUT.sub(r"\1", text).split("\n")
    return "\n".join(line.rstrip() for line in lines if line.strip())


def main(notebook, result, not_run=()):
    """Run a notebook's cells, but those whose ids are in not_run, and write RESULT after each."""
    without_jupyter()
    sys.path[:0] = ["."]
    module = types.ModuleType("__main__")
    module.__dict__["get_ipython"] = lambda: None
    sys.modules["__main__"] = module
    with open(notebook, encoding="utf-8") as file:
        cells = [c for c in json.load(file)["cells"] if c["cell_type"] == "code"]
    found = []
    for number, cell in enumerate(cells, start=1):
        source, out, error = "".join(cell["source"]), Out(), None
        start = time.perf_counter()
        with contextlib.redirect_stdout(out):
            try:
                if cell["id"] in not_run:
                    raise RuntimeError("not run")
                run(source, module.__dict__, f"[{number}]")
            except BaseException as raised:
                if isinstance(raised, KeyboardInterrupt):
                    raise
                frames = traceback.extract_tb(raised.__traceback__)
                lines = [f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in frames[1:]]
                error = f"{type(raised).__name__}: {raised} ({', '.join(lines[-4:])})"
        found.append({"cell": number, "id": cell["id"], "error": error,
                      "seconds": round(time.perf_counter() - start, 2),
                      "stored": plain(stored(cell)), "printed": plain(out.getvalue())})
        with open(result, "w", encoding="utf-8") as file:
            json.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
