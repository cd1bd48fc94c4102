"""The page about the package: the docstrings of its public names, by where they stand.

They are read off the imported package, not off its text as griffe does: most methods of Tensor are
bound to it by later notebooks, and only Python itself knows the outcome. pdoc knows it, too, but
shows each name where it is defined, not where its users find it. So first come PyTorch's addresses
with PyTorch's names, then the modules with what stands at none of them. A name is explained once.
"""

import ast
import importlib
import inspect
import re
import sys
from html import escape

import nbformat
import series

# In the order of use; modules follow with what stands at none of these.
ADDRESSES = ("", "nn", "nn.functional", "nn.init", "nn.utils", "optim", "optim.lr_scheduler",
             "utils.data", "training", "datasets", "models")
HEAD = """<h1>The package</h1>
<p>Every public name with its docstring, by where it stands: first PyTorch's addresses, then the
modules with what PyTorch does not have. A name leads to the cell that defines it.</p>
"""


def html(root, paths):
    """Return the body of the page, for the package of the tree at root."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    owners = {f"nptorch.{module}": path.stem for module, (path, _) in series.read_all(root).items()}
    wanted = [f"nptorch.{address}".rstrip(".") for address in ADDRESSES]
    modules = {name: importlib.import_module(name) for name in dict.fromkeys([*wanted, *owners])}
    shown = {name: names_of(name, module) for name, module in modules.items()}
    # Where each object is explained, {id: address}: at PyTorch's addresses first, then as a method
    # of what stands there, then in its module.
    home = {}
    for name in wanted:
        for key, item in shown[name]:
            home.setdefault(id(item), f"{name}.{key}".removeprefix("nptorch."))
    for name in wanted:
        for _, item in shown[name]:
            for key, function in methods_of(item):
                home.setdefault(id(function), f"{home[id(item)]}.{key}")
    for name in owners:
        for key, item in shown[name]:
            home.setdefault(id(item), f"{name}.{key}".removeprefix("nptorch."))
    cells = defining_cells(paths)
    return HEAD + "".join(section(name, modules[name], shown[name], home, cells, owners.get(name))
                          for name in modules)


def defining_cells(paths):
    """Return {(module, name): address} of the cells that define the package's names."""
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
    """Return (key, object) for what a module shows: classes and functions with a docstring.

    At an address all of ours that stand there, in other modules those that they define.
    """
    address = hasattr(module, "__path__") or name.removeprefix("nptorch.") in series.ADDRESSES
    return [(key, item) for key, item in vars(module).items()
            if not key.startswith("_") and (inspect.isclass(item) or inspect.isroutine(item))
            and item.__doc__ and item.__module__.startswith("nptorch.")
            and (address or item.__module__ == name)]


def section(name, module, shown, home, cells, owner):
    """Return the part about one module; nothing where all is said elsewhere."""
    short = name.removeprefix("nptorch").lstrip(".")
    here = [(key, item) for key, item in shown
            if home[id(item)] == f"{name}.{key}".removeprefix("nptorch.")]
    also = [f'<a href="#{home[id(item)]}"><code>{key}</code></a>' for key, item in shown
            if (key, item) not in here]
    if not here and short not in ADDRESSES:
        return ""
    doc = inspect.getdoc(module).split("\n\n")[0].split(" (notebooks/")[0].rstrip(".") + "."
    parts = [f'<div class="ours"><h2>{name}</h2>']
    parts += [f'<p>{escape(doc)} From <a href="{owner}.html">{owner}</a>.</p>'] if owner else []
    parts += [f'<p class="unsearched">Also here: {", ".join(also)}.</p>'] if also and (
        short in ADDRESSES) else []
    parts += [entry(key, item, home, cells) for key, item in here]
    return "".join(parts) + "</div>"


def entry(key, item, home, cells):
    """Return what is said about one name: its signature, its docstring, its methods."""
    address, kind = home[id(item)], "class " if inspect.isclass(item) else ""
    where, shown = cells.get((item.__module__, item.__name__)), f"<code>{key}</code>"
    if where:
        shown = f'<a href="{where}">{shown}</a>'
    return (f'<section id="{address}"><h3 class="name">{shown}</h3>'
            f'<pre class="signature">{kind}{key}{escape(signature(item))}</pre>\n'
            f"{prose(item.__doc__)}{methods(address, item, home) if kind else ''}</section>")


def methods_of(item):
    """Return (key, function) for a class's own public methods and properties with a docstring."""
    if not inspect.isclass(item):
        return []
    functions = [(key, value.fget if isinstance(value, property)
                  else getattr(value, "__func__", value)) for key, value in vars(item).items()]
    return [(key, function) for key, function in functions
            if not key.startswith("_") and callable(function) and function.__doc__]


def methods(address, item, home):
    """Return what is said about a class's methods; those explained elsewhere are named only."""
    told, named = [], []
    for key, function in methods_of(item):
        here = f"{address}.{key}"
        if home.get(id(function), here) != here:
            named.append(f'<a href="#{home[id(function)]}"><code>{key}</code></a>')
            continue
        call = "" if isinstance(vars(item)[key], property) else escape(signature(function))
        told.append(f'<dt id="{here}"><code>{key}{call}</code></dt>\n'
                    f"<dd>{prose(function.__doc__)}</dd>")
    also = f'<p class="unsearched">As methods, too: {", ".join(named)}.</p>' if named else ""
    return (f"<dl>{''.join(told)}</dl>" if told else "") + also


def signature(item):
    """Return how a function or class is called."""
    try:
        return re.sub(r"<(?:function (\w+).*?|class '(?:\w+\.)*(\w+)')>", r"\1\2",
                      str(inspect.signature(item)))
    except (TypeError, ValueError):
        return "(...)"


def prose(doc):
    """Return a docstring as HTML: its paragraphs, what is indented as code, backticks as code."""
    parts = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(doc)):
        if block.startswith("    "):
            parts.append(f"<pre>{escape(inspect.cleandoc(block))}</pre>")
        elif block.strip():
            parts.append("<p>" + re.sub("`([^`]+)`", r"<code>\1</code>", escape(block)) + "</p>")
    return "\n".join(parts)
