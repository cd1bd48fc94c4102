"""Write the site: a page for each notebook, each page of docs/ and the package; contents, search.

    python docs/site/pages.py [FOLDER]      build/site/ unless another folder is named

No notebook is run: what it has stored is shown. `series.py run` writes its pages here, too, with
what it has just computed. The site needs no network, no server, and no script to be read; what
scripts add works from a plain folder, too, where nothing can be fetched.

Why nbconvert with templates of our own, and not Sphinx with MyST-NB? nbconvert comes with Jupyter,
so whoever runs the series gets the same pages from the same builder, without another toolchain.
Sphinx would bring search and an API page, but its formulas are drawn by a script from a network,
and its themes are heavier than all our templates, styles and scripts together.
"""

import argparse
import importlib.util
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from base64 import b64decode
from itertools import count
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import mistune
import nbformat
from bs4 import BeautifulSoup, NavigableString
from jinja2 import Environment, FileSystemLoader
from latex2mathml.converter import convert
from markupsafe import Markup
from nbconvert import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML

HERE = Path(__file__).resolve().parent
MOVES = HERE / "moving"
sys.path.append(str(HERE.parent.parent / "notebooks"))

import api  # noqa: E402
import series  # noqa: E402

# The figure by which the contents show a notebook, by its cell; the first one where none is named.
KEY_FIGURES = {
    "02_operations": "ops-044",
    "04_loss": "log-p-figure",
    "05_optimizer": "t05-45",
    "06_data": "noise-figure",
    "07_training": "t07-31",
    "08_convolution": "c17",
    "09_lenet": "09-37",
    "11_adam": "adam-50",
    "12_normalization": "norm-51",
    "13_gpt": "c044",
    "15_speed": "speed-46",
    "16_bridge": "bridge-c09",
    "17_bug_hunt": "hunt-069",
    "18_names": "names-c35d",
    "19_layers": "layers-c11",
    "20_recurrent": "recurrent-c30",
}
# What the links at the top of each page are called; other pages of docs/ go by their file's name.
LABELS = {"README.md": "Start", "docs/pytorch.md": "PyTorch"}
BELOW = ("CONTRIBUTING.md", "CHANGELOG.md")  # linked from the foot of each page
WORDS, LINES = 200, 20  # read in a minute: of prose, of code


class Page:
    """A page of the site: its source in the repository, its file, and what came of it."""

    def __init__(self, source, file, label=None):
        self.source, self.file, self.label = source, file, label
        self.title, self.description = label or Path(file).stem, ""
        self.body, self.toc = "", []
        self.length = self.previous = self.next = None  # of notebooks: (words, lines), pages
        self.figures, self.scripts, self.styles = {}, [], []
        self.cards, self.sections = [], []  # for the contents, for the search


# Formulas


def mathml(markdown):
    """Return markdown with its $formulas$ as MathML, which a browser draws without a network."""

    def drawn(formula):
        block, inline = formula.groups()
        math = convert(block or inline, display="block" if block else "inline")
        # A bar is a bracket here; as an operator it would have space on both sides.
        return re.sub(r"<mo[^>]*>(\||&#x0007C;)</mo>", r'<mo lspace="0" rspace="0">\1</mo>', math)

    parts = re.split(r"(`[^`]*`)", markdown)  # what stands between backticks keeps its dollars
    formula = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)
    parts[::2] = [formula.sub(drawn, part) for part in parts[::2]]
    return "".join(parts)


# From a notebook to the body of its page


class Cells(HTMLExporter):
    """nbconvert's exporter with our template of cells, and a class only where the style has one."""

    plain = re.compile(r'<span class="(?:n|p|o|w|nn|ne|err|gp|go)">([^<]*)</span>|<span></span>')

    def __init__(self):
        # nbconvert's own anchors would spoil formulas in headings; finish makes others.
        super().__init__(template_file="cells.html.j2", mathjax_url="", require_js_url="",
                         extra_loaders=[FileSystemLoader(HERE / "templates")],
                         exclude_anchor_links=True)
        self.register_filter("highlight_code", Highlight2HTML(pygments_lexer="ipython3"))

    def from_notebook_node(self, nb, resources=None, **kw):
        # Not HTMLExporter's own: it reads each page into a tree and writes it again, as we do.
        html, resources = TemplateExporter.from_notebook_node(self, nb, resources, **kw)
        return self.plain.sub(r"\1", html), resources


def moving():
    """Return which figures a script of moving/ sets in motion: {(notebook, cell): its name}."""
    table = MOVES / "places.json"
    places = json.loads(table.read_text(encoding="utf-8")) if table.exists() else {}
    return {(Path(notebook).stem, cell): name for notebook, cells in places.items()
            for cell, name in cells.items()}


def place_figures(notebook, page, out):
    """Write the notebook's figures into out/figures, and note in each where it is and how large.

    It is shown as large as it was drawn, but at no more than half of its pixels, so that it is
    sharp where a screen has two pixels for one.
    """
    numbers, places = count(1), moving()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" not in output.get("data", {}):
                continue
            image = b64decode(output.data["image/png"])
            columns, rows = struct.unpack(">II", image[16:24])
            meta = output.metadata.setdefault("image/png", {})
            meta["src"] = f"figures/{Path(page.file).stem}-{next(numbers)}.png"
            meta["width"] = round(min(meta.get("width", columns / 2), columns / 2))
            meta["height"] = round(rows * meta["width"] / columns)
            meta["alt"] = meta.get("alt", "")
            meta["moving"] = places.get((Path(page.file).stem, cell.get("id")))
            page.figures.setdefault(cell.get("id"), dict(meta))
            series.write(out / meta["src"], image)


def lengths(notebook):
    """Return how many words of prose a notebook has, and how many lines of code."""
    words = sum(len(c.source.split()) for c in notebook.cells if c.cell_type == "markdown")
    lines = sum(len([s for s in c.source.split("\n") if s.strip()])
                for c in notebook.cells if c.cell_type == "code")
    return words, lines


def convert_notebook(notebook, page, out):
    """Fill a page with a notebook."""
    place_figures(notebook, page, out)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = mathml(cell.source)
    html, _ = Cells().from_notebook_node(notebook)
    page.body = BeautifulSoup(html, "html.parser")
    for bar in page.body("mo", string="\u2015"):  # few fonts draw one as long as what it is above
        bar.parent.name, bar.parent["class"] = "mrow", "bar"
        bar.decompose()
    if names := {meta["moving"] for meta in page.figures.values()} - {None}:
        common = sorted(p.name for p in MOVES.glob("*.js") if p.stem not in moving().values())
        page.scripts = [f"moving/{name}" for name in common]
        page.scripts += [f"moving/{name}{end}" for name in sorted(names)
                         for end in (".data.js", ".js")]
        page.styles = [f"moving/{p.name}" for p in sorted(MOVES.glob("*.css"))]


def convert_markdown(text, page, out):
    """Fill a page with Markdown, which is a notebook of one cell."""
    cell = nbformat.v4.new_markdown_cell(text)
    convert_notebook(nbformat.v4.new_notebook(cells=[cell]), page, out)


# What every body needs


def read(tag):
    """Return the text of a tag; that of a formula with spaces between its parts."""
    parts = (part.get_text(" ") if part.name == "math" else part.get_text()
             for part in tag.children)
    return " ".join("".join(parts if tag.name != "math" else tag.get_text(" ")).split())


def slug(text):
    """Return a heading's address: its words, joined."""
    return re.sub(r"[^\w.]+", "-", text.lower()).strip("-") or "section"


def finish(page):
    """Give the headings addresses; read off the title, the table of contents, what search needs."""
    soup, taken = page.body, set()
    for heading in soup(re.compile("^h[1-6]$")):
        text = read(heading)
        if heading.parent.get("id") and heading.parent.name == "section":
            address = heading.parent["id"]  # of the API page, which names its own
        else:
            address = slug(text)
            while address in taken:
                address += "-"
            heading["id"] = address
        taken.add(address)
        if heading.name == "h1":
            page.title = text
        elif heading.name in ("h2", "h3") and not heading.get("class"):
            page.toc.append((heading.name, address, Markup(heading.decode_contents())))
    for label in soup("th"):
        if not label.get_text(strip=True):  # an empty corner is no heading
            label.name = "td"
    for table in soup("table"):
        table.wrap(soup.new_tag("div", attrs={"class": "wide"}))
        # Where its words don't fit side by side on a narrow screen, a row is a few lines there.
        columns = zip(*(row(["th", "td"]) for row in table("tr")))
        if sum(max(len(word) for cell in column for word in ["", *cell.get_text().split()]) + 2
               for column in columns) > 45:
            table["class"] = "stacked"
            labels = [label.get_text() for label in table.tr(["th", "td"])]
            for row in table("tr"):
                for label, cell in zip(labels, row("td")):
                    cell["data-label"] = label
    page.sections = searchable(soup, page)


def searchable(soup, page):
    """Return [address, heading, text] for each section of a page; outputs are left out."""
    sections = [["", page.title, []]]

    def visit(node):
        for child in node.children:
            if isinstance(child, NavigableString):
                sections[-1][2].append(str(child))
            elif child.name == "math":
                sections[-1][2].append(read(child))
            elif re.fullmatch("h[1-6]", child.name):
                address = child.get("id") or child.parent.get("id", "")
                heading = address if "name" in child.get("class", ()) else read(child)
                sections.append([address if child.name != "h1" else "", heading, []])
            elif not {"out", "unsearched"} & set(child.get("class", ())):
                visit(child)

    visit(soup)
    joined = [[address, heading, " ".join("".join(text).split())]
              for address, heading, text in sections]
    return joined[1:] if len(joined) > 1 and not joined[0][2] else joined


def link(page, pages, root, out):
    """Point the links between sources at their pages, and return those that lead nowhere.

    A file that has no page is copied.
    """
    by_source, lost = {other.source: other for other in pages}, []

    def source_of(path):
        path = os.path.normpath(os.path.join(os.path.dirname(page.source), unquote(path)))
        return path.replace(os.sep, "/")

    for a in page.body("a", href=True):
        parts = urlsplit(a["href"])
        if parts.scheme or a["href"].startswith("figures/") or a.find_parent(class_="ours"):
            continue
        source = source_of(parts.path) if parts.path else page.source
        there = by_source.get(source)
        fragment = slug(unquote(parts.fragment)) if parts.fragment else ""
        if not there and not (root / source).is_file():
            lost.append(f"{page.source}: {a['href']}")
            a.unwrap()
            continue
        if fragment and there and not there.body.find(id=fragment):
            lost.append(f"{page.source}: {a['href']}")
            fragment = ""
        target = there.file if there else copied(source, root, out)
        a["href"] = f"{target}#{fragment}" if fragment else target
    for image in page.body("img", src=True):
        if not image["src"].startswith(("figures/", "data:")):
            source = Path(source_of(image["src"]))
            image["src"] = copied(source.as_posix(), root, out)
            still = source.with_suffix(".png")
            if source.suffix == ".gif" and (root / still).exists():  # for those who want no motion
                picture = image.wrap(page.body.new_tag("picture"))
                picture.insert(0, page.body.new_tag(
                    "source", media="(prefers-reduced-motion: reduce)",
                    srcset=copied(still.as_posix(), root, out)))
    return lost


def copied(source, root, out):
    """Copy a file of the repository into the site, and return its address there."""
    name = f"files/{source}" + (".txt" if "." not in Path(source).name else "")
    series.write(out / name, (root / source).read_bytes())
    return name


# The contents, out of the README


def readme(root):
    """Return the README's lead, and its section about the notebooks as [(prose, rows)].

    A row is (name of the notebook, what one can do afterwards). Without a README all is empty.
    """
    path = root / "README.md"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lead = text.split("\n## ")[0]
    section = re.search(r"^## The notebooks\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    row = re.compile(r"^\| \[(\w+)\]\(notebooks/\w+\.ipynb\) \| (.+?) \|$", re.MULTILINE)
    # What stands before a table, the table; what comes behind the last one belongs to Start.
    blocks = re.findall(r"(.*?)((?:^\|[^\n]*\n)+)", (section[1] if section else "") + "\n",
                        re.MULTILINE | re.DOTALL)
    return lead, [(prose.strip(), row.findall(table)) for prose, table in blocks]


def contents(root, out, pages):
    """Return the contents page, the README's words around a card for each notebook."""
    lead, blocks = readme(root)
    page = Page("README.md", "index.html")
    convert_markdown(lead or "# nptorch", page, out)
    notebooks = {Path(other.file).stem: other for other in pages if other.length}
    told = {name for _, rows in blocks for name, _ in rows}
    if rest := [(name, "") for name in notebooks if name not in told]:
        blocks.append(("", rest))
    for prose, rows in blocks:
        cards = [card(notebooks[name], able) for name, able in rows if name in notebooks]
        page.cards.append((markup(prose), cards))
    finish(page)
    return page


def card(page, able):
    """Return what the contents say of a notebook."""
    name, (words, lines) = Path(page.file).stem, page.length
    page.description = able
    return dict(
        page=page, number=name[:2], able=markup(able), words=f"{words:,}",
        minutes=round(words / WORDS + lines / LINES),
        figure=page.figures.get(KEY_FIGURES.get(name)) or next(iter(page.figures.values()), None))


def markup(text):
    """Return a paragraph of Markdown as HTML, without its tag."""
    return Markup(re.sub(r"^<p>|</p>$", "", mistune.html(text).strip()))


# All of it


def build(root, out, fresh=()):
    """Write the site of the tree at root into the folder out. Return what links lead nowhere.

    fresh {name: notebook} are shown instead of what the notebooks of that name have stored.
    """
    for old in ("figures", "files", "moving"):
        shutil.rmtree(out / old, ignore_errors=True)
    paths = series.find(root)
    notebooks = {path.stem: dict(fresh).get(path.stem) or nbformat.read(path, as_version=4)
                 for path in paths}
    pages = [Page(f"notebooks/{path.name}", f"{path.stem}.html", series.title(path))
             for path in paths]
    for page, notebook in zip(pages, notebooks.values()):
        page.length = lengths(notebook)
        convert_notebook(notebook, page, out)
    for page, before, after in zip(pages, [None, *pages], [*pages[1:], None]):
        page.previous, page.next = before, after
    documents = [root / name for name in ("README.md", *BELOW) if (root / name).exists()]
    documents[1:1] = sorted(root.glob("docs/*.md"), key=lambda p: (p.stem != "pytorch", p.stem))
    for path in documents:
        source = path.relative_to(root).as_posix()
        file = "start.html" if source == "README.md" else f"{path.stem.lower()}.html"
        page = Page(source, file, LABELS.get(source, path.stem.capitalize()))
        text = path.read_text(encoding="utf-8")
        if source == "README.md":  # its lead stands on the contents page
            text = text[text.index("\n## ") + 2 :] if "\n## " in text else text
        convert_markdown(text, page, out)
        pages.append(page)
    if (root / "nptorch/__init__.py").exists():
        page = Page("nptorch/", "api.html", "API")
        page.body = BeautifulSoup(api.html(root, paths), "html.parser")
        pages.insert(len(pages) - len([p for p in pages if p.source in BELOW]), page)
    for page in pages:
        finish(page)
    first = contents(root, out, pages)
    lost = [line for page in [first, *pages] for line in link(page, pages, root, out)]
    write(root, out, first, pages)
    return lost


def write(root, out, first, pages):
    """Write the pages, and what they share: styles, scripts, the index for the search."""
    environment = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True,
                              trim_blocks=True, lstrip_blocks=True)
    documents = [page for page in pages if not page.length]
    shared = dict(
        first=first,
        above=[page for page in documents if page.source not in BELOW],
        below=[page for page in documents if page.source in BELOW],
        words=WORDS, lines=LINES)
    for page in [first, *pages]:
        template = environment.get_template("contents.html.j2" if page is first else "page.html.j2")
        html = template.render(page=page, body=Markup(page.body), browser=in_browser(page, out),
                               **shared)
        series.write(out / page.file, html)
    for name in ("site.css", "site.js", "theme.js"):
        series.write(out / name, (HERE / name).read_bytes())
    rows = [[page.file + (f"#{address}" if address else ""), heading, page.title, text]
            for page in pages for address, heading, text in page.sections]
    index = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    series.write(out / "index.js", f"nptorch.index = [\n{index}\n];\n")
    series.write(out / ".nojekyll", "")
    if any(page.scripts for page in pages):
        move(root, out)


def move(root, out):
    """Copy the scripts of the figures that move, and have their numbers computed."""
    for path in [*MOVES.glob("*.js"), *MOVES.glob("*.css")]:
        series.write(out / "moving" / path.name, path.read_bytes())
    compute(root, out / "moving")


def compute(root, folder):
    """Write the numbers of the figures that move into a folder."""
    if (MOVES / "make.py").exists():
        subprocess.run([sys.executable, str(MOVES / "make.py"), str(folder.resolve())], check=True,
                       cwd=root)


def in_browser(page, out):
    """Return where this page's notebook runs in the browser, or where all do for another page.

    None where docs/site/lite.py has not built the folder lite/.
    """
    files, name = out / "lite/files", page.source.rpartition("/")[2]
    if not (out / "lite/index.html").exists():
        return None
    found = sorted(files.rglob(name)) if page.length else []
    if not found or not (out / "lite/lab/index.html").exists():
        return "lite/index.html"
    return f"lite/lab/index.html?path={quote(found[0].relative_to(files).as_posix())}"


def main():
    """Run the command line; see the top of this file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default="build/site", type=Path)
    out = parser.parse_args().folder.resolve()
    if (HERE / "lite.py").exists() and importlib.util.find_spec("jupyterlite_core"):
        subprocess.run([sys.executable, str(HERE / "lite.py"), str(out / "lite")], check=True)
    for line in build(series.ROOT, out):
        print(f"leads nowhere: {line}")
    total = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"see {out / 'index.html'}: {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
