"""Export the notebooks into the package, run them all, or refresh what they store.

    python notebooks/series.py export [--check] [NOTEBOOK ...]
    python notebooks/series.py run [NOTEBOOK ...]
    python notebooks/series.py refresh [NOTEBOOK ...]
    python notebooks/series.py check-outputs [NOTEBOOK ...]; see outputs.py
    python notebooks/series.py workbook | check-workbook | fill ...; see workbook.py

`#| default_exp nn.module` at the top of a notebook's first code cell names its module. `#| export`
at the top of a cell sends the cell there, `#| export nn.layers` to another module of the notebook.
A module is its cells, verbatim and in order, with two blank lines around a definition and one
elsewhere between them; its first cell has its docstring and its imports.
`#| hole NAME` leaves no trace in it: workbook.py empties that definition for the reader to fill.
Messages number cells as Jupyter does: [3] is the third to run.
"""

import argparse
import ast
import builtins
import contextlib
import functools
import importlib.util
import json
import os
import re
import subprocess
import symtable
import sys
import tempfile
import textwrap
import time
from base64 import b64decode
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # as plots.py does: the notebooks import what they export
    sys.path.insert(0, str(ROOT))
BROWSER = sys.platform in ("emscripten", "wasi")  # WebAssembly: slow, without threads or processes
# Processor time, which other programs don't lengthen; but Windows counts it in steps of 16 ms, and
# Pyodide up to 0.27 not at all.
clock = time.perf_counter if sys.platform in ("win32", "emscripten") else time.process_time
SITE = ROOT / "docs/site"  # what makes pages of notebooks
NAME = re.compile(r"\d\d_[a-z_]+\.ipynb")  # how a notebook of the series is called
DIRECTIVE = re.compile(r"#\| (?:(export)|(export|default_exp) (\w+(?:\.\w+)*)) *")
HOLE = re.compile(r"#\| (?P<kind>hole|exercise) (?P<name>[\w.]+)(?: below (?P<below>.+?))? *")
DEFINITIONS = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef
ALMOST = re.compile(r"#\||\s*#+\s*\|?\s*(default_exp\b|exports?(\s+[\w.]+)?\s*$)", re.IGNORECASE)
ADDRESSES = {  # of PyTorch, each in a file that the exporter writes from names of its folder
    "nn.functional": "The functions behind the modules of nptorch.nn",
    "optim.lr_scheduler": "Learning rates that change from step to step",
}
NAMES = json.loads(Path(__file__).with_name("pytorch_names.json").read_text(encoding="utf-8"))
ASKED_FOR = ("training", "datasets", "models", "bridge")  # what `import nptorch` leaves out
# The commands, which no notebook exports.
BY_HAND = ("nptorch/__main__.py", "nptorch/gpt.py", "nptorch/series.py")
# What the exporter writes begins with this. A later notebook may bind anew what an earlier one did
# simply, so the order counts: pyproject.toml has ruff leave these imports unsorted.
HEAD = '"""{}, in plain NumPy, in the order of the notebooks."""\n\n'


class SeriesError(Exception):
    """A notebook that cannot be exported or run; the message names the notebook and the cell."""


@contextlib.contextmanager
def needs(what):
    """Run a block that needs threads or processes; where a browser has none, say so and go on."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if not BROWSER:
            raise
        print(f"Left out, since this Python has no {what}: {error}")


# Reading the notebooks


def find(root=ROOT, names=()):
    """Return the paths of the notebooks with these names or numbers, of all when there are none."""
    paths = sorted(p for p in (root / "notebooks").glob("*.ipynb") if NAME.fullmatch(p.name))
    numbers = {path.name[:2]: path.name for path in paths}
    wanted = {numbers.get(name, Path(name).name) for name in names}
    if unknown := wanted - {path.name for path in paths}:
        raise SeriesError(f"no notebook of the series: {', '.join(sorted(unknown))}")
    return [path for path in paths if not wanted or path.name in wanted]


def left_out(root=ROOT):
    """Return the paths of the notebooks that are none of the series: copies and drafts."""
    return sorted(set((root / "notebooks").glob("*.ipynb")) - set(find(root)))


def code_cells(path):
    """Return the code cells of a notebook as {number: source}, without the empty ones."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return dict(enumerate(filter(str.strip, sources), start=1))


def read(path):
    """Return what a notebook exports, {module: {number of a cell: source}}."""
    default, modules = None, {}
    for number, source in code_cells(path).items():
        where, lines = f"{path.name} [{number}]", source.split("\n")
        head = list(takewhile(lambda s: DIRECTIVE.fullmatch(s) or HOLE.fullmatch(s), lines))
        body = lines[len(head) :]
        if wrong := next(filter(ALMOST.match, body), None):
            raise SeriesError(
                f"{where}: {wrong!r} must be `#| export`, `#| export MODULE` or "
                "`#| default_exp MODULE`, spelled like this, at the top of its cell"
            )
        targets = []
        for plain, command, module in (found.groups() for found in map(DIRECTIVE.fullmatch, head)
                                       if found):
            if command == "default_exp" and (number > 1 or default):
                raise SeriesError(f"{where}: default_exp belongs in the first code cell, once")
            if command == "default_exp":
                default = module
            else:
                targets.append(default if plain else module)
        if len(targets) > 1 or None in targets:
            reason = "goes to one module only" if targets[1:] else "needs a `#| default_exp MODULE`"
            raise SeriesError(f"{where}: an exported cell {reason}")
        for module in targets:
            modules.setdefault(module, {})[number] = "\n".join(body).strip("\n")
    if default and default not in modules:
        raise SeriesError(f"{path.name} [1]: no cell is exported to {default}")
    return modules


def read_all(root=ROOT):
    """Return every module of the series, {module: (path, cells)}, each with one owner."""
    owners = {}
    for path in find(root):
        for module, cells in read(path).items():
            where = f"{path.name} [{min(cells)}]: {file_of(module)}"
            if module in ADDRESSES or "__" in module:
                raise SeriesError(f"{where} is no notebook's to write")
            for other, (owner, there) in owners.items():
                # A folder nn/ would hide a file nn.py.
                if f"{module}.".startswith(f"{other}.") or other.startswith(f"{module}."):
                    claim = f"{owner.name} [{min(there)}], which writes {file_of(other)}"
                    raise SeriesError(f"{where} is also claimed by {claim}")
            owners[module] = path, cells
    return owners


def file_of(module):
    """Return the file of a module, seen from the root of the repository."""
    return f"nptorch/{module.replace('.', '/')}.py"


# Writing the package


def module_text(module, path, cells):
    """Return the text of a notebook's module, or raise an error if a cell breaks the rules."""
    origin, first, text, above = {}, min(cells), "", []
    for number, source in cells.items():
        where = f"{path.name} [{number}]"
        try:
            tree = ast.parse(source)
        except SyntaxError as error:
            line = (error.text or "").strip()
            reason = "magics cannot be exported" if line.startswith(("%", "!")) else error.msg
            raise SeriesError(f"{where}: {reason}: {line}") from None
        if number == first and f"notebooks/{path.name}" not in (ast.get_docstring(tree) or ""):
            raise SeriesError(
                f"{where}: {file_of(module)} must begin with a docstring that says what it holds "
                f"and ends in (notebooks/{path.name})"
            )
        for statement in tree.body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)) and number != first:
                raise SeriesError(f"{where}: imports belong in {module}'s first cell, [{first}]")
            for name in defined(statement):
                if name in origin:
                    raise SeriesError(f"{where}: {name} is already defined in [{origin[name]}]")
                origin[name] = number
        # As PEP 8 has it: two blank lines around a definition, one elsewhere.
        meet = any(isinstance(statement, DEFINITIONS) for statement in above[-1:] + tree.body[:1])
        text += (text and ("\n\n" if meet else "\n")) + source + "\n"
        above = tree.body
    there = {*dir(builtins), "__file__", "__name__", *globals_of(text)[0]}
    for number, source in cells.items():
        for name in sorted(globals_of(source)[1] - there):
            raise SeriesError(f"{path.name} [{number}]: {file_of(module)} has no {name}: define or "
                              f"import it in a cell of that module; imports belong in [{first}]")
    return text


class OwnScopes(ast.NodeTransformer):
    """Turn comprehensions into generators, whose scope is their own in every Python."""

    def visit_ListComp(self, node):
        return self.generic_visit(ast.GeneratorExp(node.elt, node.generators))

    def visit_DictComp(self, node):
        pair = ast.Tuple([node.key, node.value], ast.Load())
        return self.generic_visit(ast.GeneratorExp(pair, node.generators))

    visit_SetComp = visit_ListComp


def symbols_of(source):
    """Return the symbol table of a source, as Pythons before 3.12 see it."""
    tree = OwnScopes().visit(ast.parse(source))
    return symtable.symtable(ast.unparse(tree), "cell", "exec")


def globals_of(source):
    """Return the global names that a source binds, and those that it uses, in two sets."""
    bound, used, tables = set(), set(), [symbols_of(source)]
    for table in tables:  # which grows on the way
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_global() or table is tables[0]:
                if symbol.is_assigned() or symbol.is_imported():
                    bound.add(symbol.get_name())
                if symbol.is_referenced():
                    used.add(symbol.get_name())
    return bound, used


def defined(statement):
    """Return the names that a top-level statement defines: a function, a class or variables."""
    if isinstance(statement, DEFINITIONS):
        return [statement.name]
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return []
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    nodes = (node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))
    return [node.id for node in nodes if isinstance(node.ctx, ast.Store)]


def public(text):
    """Return the public names that a module's text defines, in order."""
    names = [name for statement in ast.parse(text).body for name in defined(statement)]
    return list(dict.fromkeys(name for name in names if not name.startswith("_")))


def standing(address, modules):
    """Return what stands at one of PyTorch's addresses, as {module: [names]}.

    The rule: of the modules in its folder and in the folders above it, the names that PyTorch has
    there; at an address of our own, all names of its folder. Of two modules with the same name the
    later counts. modules is {module: text}.
    """
    folder = package_of(address) if address in ADDRESSES else address
    allowed, owner = NAMES.get(address, ()), {}
    for module, text in modules.items():
        above = package_of(module)
        if address in ASKED_FOR and above == address:
            owner |= dict.fromkeys(public(text), module)
        elif module not in [*ASKED_FOR, *on_bridge(modules)] and (
                not above or f"{folder}.".startswith(f"{above}.")):
            owner |= {name: module for name in public(text) if name in allowed}
    return {module: names for module in modules
            if (names := [name for name in owner if owner[name] == module])}


def on_bridge(modules):
    """Return the modules that stand on the bridge, but not in it: they are loaded with it."""
    return [module for module, text in modules.items()
            if package_of(module) != "bridge" and "\nfrom nptorch.bridge" in text]


def package_of(module):
    """Return the package that a module or package lies in; "" is nptorch itself."""
    return module.rpartition(".")[0]


def import_line(package, module, names):
    """Return the statement by which a package imports names, at most 100 columns wide.

    They come from one of the modules in its folder or above it, or from the folder itself ("").
    """
    depth = len(package.split(".")) if package else 0
    up = depth - module.count(".") if module else 0
    source = "." * (up + 1) + module.rpartition(".")[2]
    line = f"from {source} import {', '.join(names)}\n"
    if len(line) > 101:
        start = f"from {source} import ("
        line = textwrap.fill(f"{start}{', '.join(names)})", 100,
                             subsequent_indent=" " * len(start)) + "\n"
    return line


def init_text(package, modules, version):
    """Return the text of a package's `__init__.py`; modules is {module: text}."""
    names = standing(package, modules)
    later = on_bridge(modules)
    inside = [module.removeprefix(f"{package}.") for module in modules
              if (not package or module.startswith(f"{package}.")) and module not in later]
    inside += [address.rpartition(".")[2] for address in written(modules)
               if package_of(address) == package]
    # Modules without a name of PyTorch are imported for what they bind; its addresses stand too.
    prefix = f"{package}." if package else ""
    others = [child for child in dict.fromkeys(name.split(".")[0] for name in inside)
              if prefix + child not in ASKED_FOR
              and (prefix + child not in names or prefix + child in NAMES)]
    text = HEAD.format(f"What stands in nptorch.{package}" if package else "PyTorch's core")
    text += "".join(import_line(package, module, names[module]) for module in names)
    text += import_line(package, "", others) if others else ""
    if package == "bridge":
        for place in dict.fromkeys(map(package_of, later)):
            inside = [module.rpartition(".")[2] for module in later if package_of(module) == place]
            text += f"from {f'nptorch.{place}'.rstrip('.')} import {', '.join(inside)}\n"
    if not package:
        text += f'\n__version__ = "{version}"\n'
        if "autograd" in modules and "finite_differences" in modules:  # its place in PyTorch
            text += "autograd.gradcheck = finite_differences.gradcheck\n"
    return text


def written(modules):
    """Return the ADDRESSES at which something stands, given {module: text}."""
    packages = {package_of(module) for module in modules}
    return [address for address in ADDRESSES
            if package_of(address) in packages and standing(address, modules)]


def address_text(address, modules):
    """Return the text of such a file."""
    names, package = standing(address, modules), package_of(address)
    text = HEAD.format(ADDRESSES[address])
    return text + "".join(import_line(package, module, names[module]) for module in names)


def build(root=ROOT, names=()):
    """Return {file: text} of what is to be written, and {file: notebook's name} of every module.

    The texts are those of the named notebooks' modules (all by default), and of what the exporter
    writes by itself, every `__init__.py` and the ADDRESSES, for the modules that are there.
    """
    requested, texts, modules, owners = find(root, names), {}, {}, {}
    for module, (path, cells) in read_all(root).items():
        file = file_of(module)
        owners[file] = path.name
        if path in requested:
            modules[module] = texts[file] = module_text(module, path, cells)
        elif (root / file).exists():
            modules[module] = (root / file).read_text(encoding="utf-8")
    packages = {""}
    for module in modules:
        while module := package_of(module):
            packages.add(module)
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+?)"', project, re.MULTILINE)[1]
    for package in sorted(packages):
        file = file_of(f"{package}.__init__".lstrip("."))
        texts[file] = init_text(package, modules, version)
    for address in written(modules):
        texts[file_of(address)] = address_text(address, modules)
    return texts, owners


def differs(path, text):
    """Return whether a file is missing or holds anything but this text."""
    return not path.exists() or path.read_bytes() != text.encode()


def write(path, content):
    """Write a file in one step, so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.replace(temporary, path)  # Windows refuses this while somebody has the file open
    finally:
        temporary.unlink(missing_ok=True)


def export(*names, root=ROOT):
    """Write the modules of the named notebooks (all by default), and what imports them.

    When anything is wrong nothing is written, and a file that is up to date is left alone.
    """
    texts, owners = build(root, names)
    for file, text in texts.items():
        if differs(root / file, text):
            write(root / file, text)
    for path in find(root, names):
        files = [file for file in owners if owners[file] == path.name]
        print(path.name, "->", ", ".join(files) or "nothing")


def check(*names, root=ROOT):
    """Return whether the package is what the notebooks export, and print the files that differ."""
    texts, owners = build(root, names)
    stale = [file for file, text in texts.items() if differs(root / file, text)]
    present = sorted(path.relative_to(root).as_posix() for path in root.glob("nptorch/**/*.py"))
    strays = set(present) - {*texts, *owners, *BY_HAND}
    for file in stale:
        print(f"{file} differs from the notebooks")
    for file in sorted(strays):
        print(f"{file} belongs to no notebook")
    return not stale and not strays


# Running the notebooks


@functools.cache
def scratch():
    """Return a folder that is empty now and gone when this process ends."""
    return tempfile.TemporaryDirectory(prefix="nptorch-", ignore_cleanup_errors=True)


@functools.cache
def fonts():
    """Return a folder that can be written, with matplotlib's list of this machine's fonts.

    It is .venv/matplotlib, where `make` has the list made, or a temporary one where it is made now.
    """
    folder = Path(sys.prefix, "matplotlib")
    if not os.access(folder, os.W_OK):
        folder = Path(scratch().name, "matplotlib")
        folder.mkdir(exist_ok=True)
    if not any(folder.glob("fontlist-*.json")):
        command = [sys.executable, "-c", "import matplotlib.font_manager"]
        subprocess.run(command, env=os.environ | {"MPLCONFIGDIR": str(folder)}, check=False)
    return folder


def environment(root=ROOT):
    """Return the environment that kernels run in, the same one whoever starts them.

    It has nothing of the user's settings of IPython and matplotlib, and finds this tree's package.
    Matrix products run in one thread, unless the caller says otherwise: how many threads add up a
    sum shows in its last digits. (On macOS the products are Apple's.)
    """
    kept = {key: value for key, value in os.environ.items()
            if key not in ("PYTHONSTARTUP", "MATPLOTLIBRC")}
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    return {"OPENBLAS_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1"} | kept | {
        "PYTHONPATH": path,
        "IPYTHONDIR": str(Path(scratch().name, "ipython")),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": str(fonts()),
    }


@functools.cache
def missing(notebook):
    """Return what a notebook needs and this machine doesn't have, or None."""
    if notebook in ("09_lenet.ipynb", "10_pytorch.ipynb"):
        from nptorch.datasets import mnist

        try:
            mnist()
        except (ConnectionError, ImportError):
            return "MNIST is not on this machine and can't be downloaded"
    if notebook == "10_pytorch.ipynb" and importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed"
    return None


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
    print(f"{path.stem:<16}", end="", flush=True)
    start = time.perf_counter()
    try:
        notebook = client.execute(env=environment(root))
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
            if "metadata" in output:  # a figure's alternative text and its width stay
                kept = ("image/png",)
                output.metadata = {k: output.metadata[k] for k in kept if k in output.metadata}
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


def run(*names, root=ROOT):
    """Execute notebooks in order, and write build/: the site, with what they have just computed."""
    import nbformat

    fresh = {}
    for path in find(root, names):
        if "torch" in path.stem and importlib.util.find_spec("torch") is None:
            print(f"{path.stem:<16}as stored: PyTorch is not installed")
            fresh[path.stem] = nbformat.read(path, as_version=4)
        else:
            fresh[path.stem] = execute(path, root)
    if not SITE.exists():
        print("no pages are written, for docs/site is not here")
        return
    sys.path.append(str(SITE))
    import pages

    pages.build(root, root / "build", fresh)
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


def check_outputs(*names):
    """Return whether notebooks still print what they store; see outputs.py."""
    import outputs

    return outputs.check_outputs(*names)


def main():
    """Run the command line; see the top of this file."""
    sys.stdout.reconfigure(errors="replace")  # Windows may lack some signs
    if sys.argv[1:2] and sys.argv[1] in ("workbook", "check-workbook", "fill"):
        import workbook

        sys.exit(workbook.main(sys.argv[1:]))
    commands = {"export": export, "run": run, "refresh": refresh, "check-outputs": check_outputs}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=commands)
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="all of them by default")
    parser.add_argument("--check", action="store_true", help="export nothing, only compare")
    options = parser.parse_intermixed_args()
    if options.check and options.command != "export":
        parser.error(f"--check goes with export; {options.command} cannot only compare")
    for path in left_out():
        print(f"left out, being none of the series: {path.name}")
    try:
        command = check if options.check else commands[options.command]
        sys.exit(command(*options.notebooks) is False)  # a comparison that has found something
    except SeriesError as error:
        sys.exit(f"series.py: {error}")


if __name__ == "__main__":
    import series  # what the other scripts import, so that there is one SeriesError

    series.main()
