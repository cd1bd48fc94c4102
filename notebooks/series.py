"""Export the notebooks into the package, run them all, or refresh what they store.

    python notebooks/series.py export [--check] [NOTEBOOK ...]
    python notebooks/series.py run [NOTEBOOK ...]
    python notebooks/series.py refresh [NOTEBOOK ...]

A notebook names its module with `#| default_exp nn.module` as the first line of its first code
cell, and marks a cell for export with `#| export` as the cell's first line. The module is those
cells, verbatim and in order. Messages number cells as Jupyter does: [3] is the third to run.
"""

import argparse
import ast
import importlib.util
import json
import os
import re
import sys
import textwrap
import time
from base64 import b64decode
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HAND_WRITTEN = ("__main__.py", "nn/functional.py")
FLAT = ("tensor", "ops")  # the modules whose names stand in `nptorch` itself, as in PyTorch
INDEX = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>nptorch</title>
<style>body {{ font: 1.1rem/1.7 system-ui; max-width: 40rem; margin: 4rem auto }}</style>
<h1>nptorch</h1>
<ol>
{}</ol>
</html>
"""


class SeriesError(Exception):
    """A notebook that cannot be exported or run; the message names the notebook and the cell."""


def find(root, names=()):
    """Return the paths of the notebooks with these names, of all when there are none, in order."""
    paths = sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    wanted = {Path(name).name for name in names}
    if unknown := wanted - {path.name for path in paths}:
        raise SeriesError(f"no such notebook: {', '.join(sorted(unknown))}")
    return [path for path in paths if not wanted or path.name in wanted]


def read(path):
    """Return the module that a notebook names, or None, and its export cells, {number: source}."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    module, cells = None, {}
    for number, source in enumerate(filter(str.strip, sources), start=1):
        lines = source.split("\n")
        head = list(takewhile(lambda line: line.startswith("#|"), lines))
        body = lines[len(head) :]
        for line in head + [line for line in body if line.startswith("#|")]:
            match line.removeprefix("#|").split():
                case ["default_exp", name] if number == 1 and line in head:
                    module = name
                case ["export"] if line in head:
                    cells[number] = "\n".join(body).strip("\n")
                case _:
                    raise SeriesError(f"{path.name} [{number}]: unknown or misplaced: {line}")
    if bool(module) != bool(cells):
        raise SeriesError(f"{path.name} [1]: a module's name and its export cells go together")
    return module, cells


def module_text(path, cells):
    """Return the text of a notebook's module, or raise an error if a cell breaks the rules."""
    origin = {}
    for number, source in cells.items():
        where = f"{path.name} [{number}]"
        try:
            statements = ast.parse(source).body
        except SyntaxError as error:
            line = (error.text or "").strip()
            reason = "magics cannot be exported" if line.startswith(("%", "!")) else error.msg
            raise SeriesError(f"{where}: {reason}: {line}") from None
        for statement in statements:
            if isinstance(statement, (ast.Import, ast.ImportFrom)) and number != min(cells):
                raise SeriesError(f"{where}: imports belong in the first export cell")
            for name in defined(statement):
                if name in origin:
                    raise SeriesError(f"{where}: {name} is already defined in [{origin[name]}]")
                origin[name] = number
    docstring = f'"""Built, step by step, in notebooks/{path.name}."""'
    return docstring + "\n\n" + "\n\n\n".join(cells.values()) + "\n"


def defined(statement):
    """Return the names that a top-level statement defines: a function, a class or variables."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [statement.name]
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return []
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    nodes = (node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))
    return [node.id for node in nodes if isinstance(node.ctx, ast.Store)]


def public(text):
    """Return the public names that a module's text defines, in order."""
    names = [name for statement in ast.parse(text).body for name in defined(statement)]
    return [name for name in names if not name.startswith("_")]


def import_line(module, names):
    """Return the statement that imports names from a module, at most 100 columns wide."""
    line = f"from .{module} import {', '.join(names)}\n"
    if len(line) > 101:
        block = textwrap.indent(textwrap.fill(", ".join(names) + ",", 96), "    ")
        line = f"from .{module} import (\n{block}\n)\n"
    return line if names else ""


def init_texts(modules, functional):
    """Return {file: text} of the package's `__init__.py`s, for its modules {dotted name: text}.

    They import the modules that stand there, and nn/functional.py (whose text is `functional`)
    once every module that it imports from does.
    """
    names = {module: public(text) for module, text in modules.items()}
    files = [name for name in names.get("nn.module", ()) if name in ("load", "save")]
    others = dict.fromkeys(module.split(".")[0] for module in names if module not in FLAT)
    top = [import_line(module, names[module]) for module in names if module in FLAT]
    top += [import_line("nn.module", files), import_line("", others)]
    nn = [import_line(module[3:], names[module]) for module in names if module.startswith("nn.")]
    if functional and needs(functional) <= {f"nptorch.{module}" for module in modules}:
        nn += [import_line("", ["functional"])]
    texts = {"__init__.py": '"""PyTorch\'s core, in plain NumPy."""\n\n' + "".join(top)}
    if nn:
        texts["nn/__init__.py"] = '"""Modules, layers and losses."""\n\n' + "".join(nn)
    return texts


def needs(functional):
    """Return the modules of the package that the text of nn/functional.py imports from."""
    imports = [node for node in ast.parse(functional).body if isinstance(node, ast.ImportFrom)]
    names = ["." * node.level + (node.module or "") for node in imports]
    names = [importlib.util.resolve_name(name, "nptorch.nn") for name in names]
    return {name for name in names if name.startswith("nptorch.")}


def build(root, names=()):
    """Return {notebook: file}, the owner of every module, and {file: text}, what is to be written.

    The texts are those of the named notebooks' modules (all by default) and of the `__init__.py`s.
    Files are named relative to nptorch/, with forward slashes.
    """
    package, requested = root / "nptorch", find(root, names)
    owners, texts, modules = {}, {}, {}
    for path in find(root):
        module, cells = read(path)
        if module is None:
            continue
        file = module.replace(".", "/") + ".py"
        if file in HAND_WRITTEN or file in owners.values():
            raise SeriesError(f"{path.name} [1]: nptorch/{file} is not this notebook's to write")
        owners[path.name] = file
        if path in requested:
            modules[module] = texts[file] = module_text(path, cells)
        elif (package / file).exists():
            modules[module] = (package / file).read_text(encoding="utf-8")
    functional = package / "nn/functional.py"
    functional = functional.read_text(encoding="utf-8") if functional.exists() else ""
    return owners, texts | init_texts(modules, functional)


def differs(path, text):
    """Return whether a file is missing or holds anything but this text."""
    return not path.exists() or path.read_bytes() != text.encode()


def write(path, content):
    """Write a file in one step, so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.replace(temporary, path)


def export(*names, root=ROOT):
    """Write the modules of the named notebooks (all by default) and the package's `__init__.py`s.

    When anything is wrong nothing is written, and a file that is up to date is left alone.
    """
    owners, texts = build(root, names)
    for file, text in texts.items():
        if differs(root / "nptorch" / file, text):
            write(root / "nptorch" / file, text)
    for path in find(root, names):
        file = owners.get(path.name)
        print(path.name, "->", f"nptorch/{file}" if file else "nothing")


def check(*names, root=ROOT):
    """Print the package's files that the notebooks don't account for; return whether all is well."""
    owners, texts = build(root, names)
    package = root / "nptorch"
    known = {*owners.values(), *HAND_WRITTEN, "__init__.py", "nn/__init__.py"}
    stale = [file for file, text in texts.items() if differs(package / file, text)]
    present = sorted(path.relative_to(package).as_posix() for path in package.rglob("*.py"))
    strays = [file for file in present if file not in known]
    for file in stale:
        print(f"nptorch/{file} differs from the notebooks")
    for file in strays:
        print(f"nptorch/{file} belongs to no notebook")
    return not stale and not strays


def execute(path, root=ROOT):
    """Return a copy of a notebook, executed in a fresh kernel that imports this tree's package."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = NotebookClient(
        nbformat.read(path, as_version=4),
        kernel_name="python3",
        timeout=600,
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        # Some kernels warn about their own sockets at start-up, which no reader can act on.
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    folders = filter(None, [str(root), os.environ.get("PYTHONPATH")])
    print(f"{path.stem:<16}", end="", flush=True)
    start = time.perf_counter()
    try:
        notebook = client.execute(env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        print("failed")
        raise SeriesError(f"{path.name} failed:\n{error}") from None
    print(f"{time.perf_counter() - start:6.1f} s")
    return notebook


def normalise(notebook):
    """Strip an executed notebook of everything that depends on the machine or on the editor."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {key: cell.metadata[key] for key in ("tags",) if key in cell.metadata}
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = {}
            if output.output_type == "error":
                # Frames outside the notebook tell where its packages are installed.
                frames = output.traceback
                output.traceback = [f for f in frames if not re.match(r"(\x1b\[[\d;]*m)*File ", f)]


def title(path):
    """Return a notebook's first heading, or its name if it has none."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    heading = re.search(r"^#+ (.+)", prose, re.MULTILINE)
    return heading[1] if heading else path.stem


def figures(notebook):
    """Return (file name, PNG in base64) for each figure whose cell is tagged with a file name."""
    found = []
    for cell in notebook.cells:
        names = [tag for tag in cell.metadata.get("tags", []) if tag.endswith(".png")]
        data = [output.get("data", {}) for output in cell.get("outputs", [])]
        found += zip(names, (item["image/png"] for item in data if "image/png" in item))
    return found


def mathml(markdown):
    """Return markdown with its $formulas$ as MathML, which a browser draws without a network."""
    from latex2mathml.converter import convert

    def drawn(formula):
        block, inline = formula.groups()
        return convert(block or inline, display="block" if block else "inline")

    parts = re.split(r"(`[^`]*`)", markdown)  # what stands between backticks keeps its dollars
    formula = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)
    parts[::2] = [formula.sub(drawn, part) for part in parts[::2]]
    return "".join(parts)


def run(*names, root=ROOT):
    """Execute notebooks in order, and write build/: a page for each, and an index of the pages."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(mathjax_url="", require_js_url="")
    for path in find(root, names):
        notebook = execute(path, root)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = mathml(cell.source)
        resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
        page, _ = exporter.from_notebook_node(notebook, resources)
        # The notebooks link to each other; so do their pages.
        write(root / "build" / f"{path.stem}.html", page.replace('.ipynb"', '.html"'))
    pages = {path: f"{path.stem}.html" for path in find(root)}
    pages = {path: page for path, page in pages.items() if (root / "build" / page).exists()}
    links = [f'<li><a href="{page}">{title(path)}</a></li>\n' for path, page in pages.items()]
    write(root / "build/index.html", INDEX.format("".join(links)))
    print("see build/index.html")


def refresh(*names, root=ROOT):
    """Execute notebooks in place, normalise what they store, and export them.

    The figure of a cell tagged `name.png` is also stored in that file, beside the notebooks.
    """
    import nbformat

    for path in find(root, names):
        notebook = execute(path, root)
        normalise(notebook)
        for name, image in figures(notebook):
            write(path.with_name(name), b64decode(image))
        write(path, nbformat.writes(notebook).rstrip("\n") + "\n")
        export(path.name, root=root)


def main():
    """Run the command line; see the top of this file."""
    commands = {"export": export, "run": run, "refresh": refresh}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=commands)
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="all of them by default")
    parser.add_argument("--check", action="store_true", help="export nothing, only compare")
    options = parser.parse_intermixed_args()
    try:
        if options.check:
            sys.exit(0 if check(*options.notebooks) else 1)
        commands[options.command](*options.notebooks)
    except SeriesError as error:
        sys.exit(f"series.py: {error}")


if __name__ == "__main__":
    main()
