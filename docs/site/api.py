"""The page about the package: the docstrings of its public names, by where they stand.

They are read off the imported package, not off its text: many methods are bound to Tensor by a later
notebook, and only Python itself knows the outcome. First come PyTorch's addresses with PyTorch's names,
then the modules with what stands at none of them. A name is explained once, where it comes first.
"""

import ast
import importlib
import inspect
import re
import sys
from html import escape

import series

# In the order of use; what series.py adds to PyTorch's addresses comes behind.
FIRST = ("", "nn", "nn.functional", "nn.init", "nn.utils", "optim", "optim.lr_scheduler", "utils.data",
         "training", "datasets", "models")
COMMANDS = ("nptorch.gpt", "nptorch.__main__")


def html(root, paths):
    """Return the body of the page, for the package of the tree at root."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    modules = {module: path for module, (path, _) in series.read_all(root).items()}
    homes, cells = defining_cells(paths), {}
    for name in [*(f"nptorch.{a}".rstrip(".") for a in FIRST), *(f"nptorch.{m}" for m in modules)]:
        try:
            cells[name] = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
    parts, seen = [], {}
    for name, module in cells.items():
        entries, elsewhere = [], []
        for key, item in names_of(name, module):
            if id(item) in seen:
                if seen[id(item)][0] != name:
                    elsewhere.append((key, seen[id(item)][1]))
                continue
            address = f"{name}.{key}".removeprefix("nptorch.")
            seen[id(item)] = name, address
            entries.append(entry(address, key, item, homes, seen))
        path = modules.get(name.removeprefix("nptorch."))
        parts.append(section(name, module, entries, elsewhere, path))
    head = ("<h1>The package</h1><p>Every public name with its docstring, by where it stands: first "
            "PyTorch's addresses, then the modules with what PyTorch does not have. A name leads to "
            "the cell of the notebook that defines it.</p>")
    return head + "".join(filter(None, parts))


def defining_cells(paths):
    """Return {(module, name): address} of the cells that define the package's names."""
    import nbformat

    found = {}
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        default = None
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            target, lines = None, cell.source.split("\n")
            for line in lines:
                if directive := series.DIRECTIVE.fullmatch(line):
                    plain, command, module = directive.groups()
                    default = module if command == "default_exp" else default
                    target = default if plain else module if command == "export" else target
            if target:
                for statement in ast.parse(cell.source).body:
                    for name in series.defined(statement):
                        found[f"nptorch.{target}", name] = f"{path.stem}.html#cell-{cell.id}"
    return found


def names_of(name, module):
    """Return (key, object) for the public classes and functions of a module, in their order."""
    items = []
    for key, item in vars(module).items():
        if key.startswith("_") or not (inspect.isclass(item) or inspect.isroutine(item)):
            continue
        home = getattr(item, "__module__", None) or ""
        address = hasattr(module, "__path__") or name.removeprefix("nptorch.") in series.ADDRESSES
        ours = home.split(".")[0] == "nptorch"
        if ours and (address or home == name) and inspect.getdoc(item) and own_doc(item):
            items.append((key, item))
    return items


def own_doc(item):
    """Return a docstring that the object itself has."""
    return inspect.cleandoc(item.__doc__ or "")


def section(name, module, entries, elsewhere, path):
    """Return the part about one module; nothing where it has nothing to say."""
    if not entries and not elsewhere or not entries and name.removeprefix("nptorch.") not in (
            *series.ADDRESSES, "models"):
        return ""
    doc = re.sub(r"\s*\(notebooks/(\w+)\.ipynb\)\.?$", "", own_doc(module).split("\n\n")[0].strip())
    text = "" if doc.endswith("in the order of the notebooks.") else prose(doc)
    link = f'<p class="from">From <a href="{path.stem}.html">{path.stem}</a>.</p>' if path else ""
    also = ", ".join(f'<a href="#{there}"><code>{key}</code></a>' for key, there in elsewhere)
    also = f'<p class="unsearched">Also here: {also}.</p>' if also else ""
    return (f'<div class="ours"><h2>{name}</h2>{link}{text}{also}{"".join(entries)}</div>')


def entry(address, key, item, homes, seen):
    """Return what is said about one name: its signature, its docstring, its methods."""
    kind = "class " if inspect.isclass(item) else ""
    where = homes.get((item.__module__, item.__name__))
    shown = f'<a href="{where}"><code>{key}</code></a>' if where else f"<code>{key}</code>"
    methods = methods_of(address, item, seen) if kind else ""
    return (f'<section id="{address}"><h3 class="name">{shown}</h3>'
            f'<pre class="signature">{kind}{key}{escape(signature(item))}</pre>'
            f"{prose(own_doc(item))}{methods}</section>")


def methods_of(address, item, seen):
    """Return a list of a class's own methods; one that is a function explained above is named only."""
    told, named = [], []
    for key, value in vars(item).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if key.startswith("_") or not callable(function):
            continue
        if id(function) in seen:
            named.append(f'<a href="#{seen[id(function)][1]}"><code>{key}</code></a>')
        elif own_doc(function):
            call = "" if isinstance(value, property) else escape(signature(function))
            told.append(f'<dt id="{address}.{key}"><code>{key}{call}</code></dt>'
                        f"<dd>{prose(own_doc(function))}</dd>")
        elif address == "Tensor":
            named.append(f"<code>{key}</code>")
    also = f'<p class="unsearched">Also methods: {", ".join(named)}.</p>' if named else ""
    return (f"<dl>{''.join(told)}</dl>" if told else "") + also


def signature(item):
    """Return how a function or class is called."""
    try:
        return re.sub(r"<function (\w+).*?>", r"\1", str(inspect.signature(item)))
    except (TypeError, ValueError):
        return "(...)"


def prose(doc):
    """Return a docstring as HTML: its paragraphs, what is indented as code, backticks as code."""
    parts = []
    for block in re.split(r"\n\s*\n", doc):
        if block.startswith("    "):
            parts.append(f"<pre>{escape(inspect.cleandoc(block))}</pre>")
        elif block.strip():
            parts.append("<p>" + re.sub("`([^`]+)`", r"<code>\1</code>", escape(block)) + "</p>")
    return "".join(parts)
