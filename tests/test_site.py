"""The site that `make site` writes: its links, sizes and texts, and how it does in a browser.

The browser is Chromium, which Playwright drives; where one of them is missing, these tests are
skipped.
"""

import copy
import importlib.resources
import importlib.util
import json
import os
import re
import shutil
import struct
import sys
from base64 import b64decode
from itertools import pairwise

import nbformat
import pages
import pytest
import series
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

NOTEBOOKS = [path.stem for path in series.find()]
PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
         "rkJggg==")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the folder of the site, and what the builder says leads nowhere."""
    out = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        if not (series.ROOT / "build/lenet.npz").exists():  # which took a minute to train
            patch.setattr(pages, "compute", without_numbers)
        return out, pages.build(series.ROOT, out)


def without_numbers(root, folder):
    """What stands in for pages.compute: the figures that move stay what they are without it."""
    for name in pages.moving().values():
        (folder / f"{name}.data.js").write_text("")


@pytest.fixture(scope="module")
def site(built):
    return built[0]


@pytest.fixture(scope="module")
def soups(site):
    """Return {name: parsed page}."""
    return {path.name: BeautifulSoup(path.read_text("utf-8"), "html.parser")
            for path in sorted(site.glob("*.html"))}


def prose(name):
    """Return a notebook's Markdown, without its code."""
    cells = nbformat.read(series.ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def outputs(name):
    """Return (cell's id, output) for what a notebook has stored."""
    cells = nbformat.read(series.ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
    return [(cell.id, output) for cell in cells for output in cell.get("outputs", [])]


def letters(text):
    """Return the letters and digits of a text, which Markdown and HTML leave as they are."""
    return re.sub(r"[\W_]+", "", text.lower())


# Without a browser


def test_there_is_a_page_for_everything(soups):
    documents = [f"{path.stem}.html" for path in series.ROOT.glob("docs/*.md")]
    expected = {f"{name}.html" for name in NOTEBOOKS} | set(documents)
    assert expected | {"index.html", "start.html", "api.html"} <= set(soups)


def test_links_lead_somewhere(built, soups):
    site, lost = built
    assert lost == []
    ids = {name: {tag["id"] for tag in soup(id=True)} for name, soup in soups.items()}
    for name, soup in soups.items():
        for tag in soup(["a", "img", "script", "link"]):
            address = tag.get("href") or tag.get("src") or ""
            if re.match(r"(https?|data|mailto):", address):
                continue
            file, _, fragment = address.partition("#")
            assert (site / (file or name)).is_file(), f"{name}: {address}"
            if fragment:
                assert fragment in ids[file or name], f"{name}: {address}"


def test_nothing_is_fetched_from_elsewhere(site, soups):
    for name, soup in soups.items():
        for tag in soup(["img", "script", "link", "iframe", "source", "object", "embed", "video"]):
            address = tag.get("src") or tag.get("href") or tag.get("data") or ""
            assert not re.match(r"\w+:(?!image/svg)|//", address), f"{name}: {address}"
    for path in [*site.glob("*.css"), *site.glob("*.js")]:
        if path.name != "index.js":
            text = path.read_text("utf-8")
            assert not re.search(r"https?:|@import|url\(|fetch\(|XMLHttpRequest", text), path.name


def test_sizes(site, soups):
    total = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    assert total < 15e6
    for name, soup in soups.items():
        needed = {name} | {tag.get("src") or tag.get("href")
                           for tag in [*soup(["img", "script"]), *soup("link", rel="stylesheet")]}
        assert sum((site / file).stat().st_size for file in needed) < 2e6, name


def test_every_page_has_a_title_and_a_heading_of_its_own(soups):
    titles = [soup.title.get_text() for soup in soups.values()]
    assert len(set(titles)) == len(titles)
    for name, soup in soups.items():
        assert soup.html["lang"] == "en"
        (heading,) = soup("h1")
        assert letters(heading.get_text()) in letters(soup.title.get_text()), name


def test_ids_are_there_once(soups):
    for name, soup in soups.items():
        ids = [tag["id"] for tag in soup(id=True)]
        assert len(set(ids)) == len(ids), name


def test_every_row_is_in_a_table(soups):
    """A blank line in a table makes a paragraph of what comes behind it."""
    for name, soup in soups.items():
        texts = [tag.get_text().strip() for tag in soup("p")]
        assert [text for text in texts if text.startswith("|")] == [], name


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_figures_are_told_and_sharp(site, soups, name):
    stored = [output for _, output in outputs(name) if "image/png" in output.get("data", {})]
    images = soups[f"{name}.html"].main("img")
    assert len(images) == len(stored)
    for image, output in zip(images, stored):
        assert image["alt"] == output.metadata["image/png"]["alt"] and len(image["alt"]) > 10
        content = (site / image["src"]).read_bytes()
        assert content == b64decode(output.data["image/png"])
        columns, rows = struct.unpack(">II", content[16:24])
        assert 2 * int(image["width"]) <= columns + 1  # half of a pixel's half is rounded
        assert abs(int(image["width"]) / int(image["height"]) - columns / rows) < 0.02


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_formulas_are_drawn_without_a_network(soups, name):
    formulas = re.findall(r"\$\$.+?\$\$|\$.+?\$", re.sub(r"`[^`]*`", "", prose(name)), re.DOTALL)
    page = copy.copy(soups[f"{name}.html"])
    assert len(page.main("math")) == len(formulas)
    assert len(page.main(class_="bar")) == sum(f.count("\\overline") for f in formulas)
    for drawn in page.main("math"):
        assert "\\" not in drawn.get_text()  # a command that was not understood
        drawn.decompose()
    for code in page.main(["pre", "code"]):
        code.decompose()
    assert "$" not in page.main.get_text()


def test_dollars_between_backticks_are_no_formulas():
    page = pages.mathml("`$HOME` is 5 wide, $x^2$ is not:\n\n$$\\frac{1}{2}$$")
    assert page.startswith("`$HOME` is 5 wide, <math")
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in page and "<mfrac>" in page
    assert page.count('display="block"') == 1


def test_pages_show_what_is_stored(soups):
    for name in NOTEBOOKS:
        shown = [letters(tag.get_text()) for tag in soups[f"{name}.html"].main(class_="out")]
        told = [output.get("text") or output.data["text/plain"] for _, output in outputs(name)
                if "image/png" not in output.get("data", {})]
        assert [letters(text) for text in told] == shown, name


def test_pages_lead_on_and_back(soups):
    for before, after in pairwise(NOTEBOOKS):
        assert {a["href"] for a in soups[f"{before}.html"]("a", rel="next")} == {f"{after}.html"}
        assert {a["href"] for a in soups[f"{after}.html"]("a", rel="prev")} == {f"{before}.html"}


def test_table_of_contents_has_every_heading(soups):
    for name in NOTEBOOKS:
        headings = re.findall(r"^###? (.+)", prose(name), re.MULTILINE)
        shown = [a.get_text() for a in soups[f"{name}.html"].select(".toc a")]
        assert [letters(text) for text in shown] == [letters(text) for text in headings], name


def test_contents_say_what_the_readme_says(soups):
    text = (series.ROOT / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| \[(\d\w+)\]\(notebooks/\w+\.ipynb\) \| (.+?) \|$", text, re.MULTILINE)
    cards = soups["index.html"].select(".cards > li")
    assert [name for name, _ in rows] == NOTEBOOKS
    assert len(cards) == len(rows)
    for card, (name, able) in zip(cards, rows):
        assert card.a["href"] == f"{name}.html"
        assert letters(able) in letters(card.get_text())
        words = len(re.findall(r"\S+", prose(name)))
        shown, minutes = re.search(r"([\d,]+) words, (\d+) minutes", card.get_text()).groups()
        assert words <= int(shown.replace(",", "")) <= 1.2 * words  # with Markdown's code blocks
        assert 10 < int(minutes) < 100
        drawn = any("image/png" in output.get("data", {}) for _, output in outputs(name))
        assert card.img["src"].startswith(f"figures/{name}-") if drawn else card.img is None
    section = text.partition("## The notebooks\n")[2].partition("\n## ")[0]
    tables = re.findall(r"^\|.*?(?=\n\n|\Z)", section, re.MULTILINE | re.DOTALL)
    lists = soups["index.html"].select(".cards")
    assert [len(one("li")) for one in lists] == [table.count("](notebooks/") for table in tables]
    for paragraph in re.findall(r"^[A-Z].+?(?=\n\n)", section, re.MULTILINE | re.DOTALL)[:2]:
        assert letters(paragraph) in letters(soups["index.html"].main.get_text())


def test_named_figures_are_there():
    for name, cell in [*pages.KEY_FIGURES.items(), *pages.moving()]:
        drawn = [key for key, output in outputs(name) if "image/png" in output.get("data", {})]
        assert cell in drawn, name


def test_index_has_every_heading_and_the_text(site):
    text = (site / "index.js").read_text("utf-8")
    rows = json.loads(text.removeprefix("nptorch.index = ").removesuffix(";\n"))
    for name in NOTEBOOKS:
        sections = [row for row in rows if row[0].partition("#")[0] == f"{name}.html"]
        headings = [letters(row[1]) for row in sections]
        for heading in re.findall(r"^#+ (.+)", prose(name), re.MULTILINE):
            assert letters(heading) in headings
        found = letters("".join(row[3] for row in sections))
        for paragraph in re.findall(r"^[A-Z][\w ,]+\.", prose(name), re.MULTILINE):
            assert letters(paragraph) in found, paragraph


def test_package_page_has_every_public_name(soups):
    import importlib

    page = soups["api.html"]
    home = {tag["id"]: tag for tag in page("section", id=True)}
    explained = 0
    for address in ("", "nn", "nn.functional", "nn.init", "optim", "optim.lr_scheduler",
                    "utils.data", "training", "models"):
        module = importlib.import_module(f"nptorch.{address}".rstrip("."))
        name = f"nptorch.{address}".rstrip(".")
        part = next(h2 for h2 in page("h2") if h2.get_text() == name).parent
        for key, item in vars(module).items():
            if key[0] == "_" or not callable(item) or not item.__doc__:
                continue
            section = home.get(f"{address}.{key}".lstrip("."))
            if section:
                explained += 1
                assert letters(item.__doc__)[:200] in letters(section.get_text())
            elif item.__module__.startswith("nptorch.") and (
                    hasattr(module, "__path__") or address in series.ADDRESSES):
                assert key in [code.get_text() for code in part("code")], f"{name}.{key}"
    assert explained > 150
    assert "#cell-" in home["nn.Linear"].a["href"]
    assert home["Tensor"].find(id="Tensor.backward")
    assert not page.find_all(string=re.compile("<class|<function"))  # a default goes by its name


# What others add


@pytest.fixture
def small(tmp_path):
    """Return a tree with two notebooks, one with a figure, and a folder for its site."""
    figure = new_output("display_data", {"image/png": PIXEL},
                        metadata={"image/png": {"alt": "A pixel."}})
    first = [new_markdown_cell("# One: a title\n\nSee [two](02_two.ipynb#Far-away), "
                               "[none](03_none.ipynb) and [this](../tool.py)."),
             new_code_cell("draw()", id="here", outputs=[figure], execution_count=1)]
    second = [new_markdown_cell("# Two\n\n## Far away")]
    (tmp_path / "notebooks").mkdir()
    for name, cells in ("01_one", first), ("02_two", second):
        path = tmp_path / "notebooks" / f"{name}.ipynb"
        nbformat.write(new_notebook(cells=cells), path)
    (tmp_path / "tool.py").write_text("print('a tool')\n")
    return tmp_path, tmp_path / "site"


def test_links_are_mended_or_named(small):
    root, out = small
    lost = pages.build(root, out)
    assert lost == ["notebooks/01_one.ipynb: 03_none.ipynb"]
    page = BeautifulSoup((out / "01_one.html").read_text("utf-8"), "html.parser")
    assert page.find("a", string="two")["href"] == "02_two.html#far-away"
    assert page.find("a", string="this")["href"] == "files/tool.py"
    assert (out / "files/tool.py").read_text() == "print('a tool')\n"
    assert not page.find("a", string="none")


def test_command_says_where_the_site_is_on_another_drive_too(small, monkeypatch, capsys):
    def no_way(path):
        raise ValueError("path is on mount 'C:', start on mount 'D:'")  # as Windows says

    root, out = small
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: (
        None if name == "jupyterlite_core" else find_spec(name)))
    monkeypatch.setattr(os.path, "relpath", no_way)
    monkeypatch.setattr(series, "ROOT", root)
    monkeypatch.setattr(sys, "argv", ["pages.py", str(out)])
    pages.main()
    lost, said = capsys.readouterr().out.splitlines()
    assert lost == "leads nowhere: notebooks/01_one.ipynb: 03_none.ipynb"
    assert said.startswith(f"see {out / 'index.html'}: ") and (out / "index.html").exists()


def test_moving_figure_stands_around_its_picture(small, tmp_path, monkeypatch):
    root, out = small
    moves = tmp_path / "moving"
    moves.mkdir()
    for name in "ball.js", "start.js", "moving.css":
        (moves / name).write_text(f"/* {name} */")
    (moves / "make.py").write_text("import pathlib, sys\n"
                                   "pathlib.Path(sys.argv[1], 'ball.data.js').write_text('1')\n")
    monkeypatch.setattr(pages, "MOVES", moves)
    (moves / "places.json").write_text('{"01_one.ipynb": {"here": "ball", "not": "other"}}')
    pages.build(root, out)
    page = BeautifulSoup((out / "01_one.html").read_text("utf-8"), "html.parser")
    (box,) = page("div", class_="moving")
    assert box["data-figure"] == "ball" and box.img["alt"] == "A pixel."
    wanted = [tag["src"] for tag in page("script") if tag["src"].startswith("moving/")]
    assert wanted == ["moving/start.js", "moving/ball.data.js", "moving/ball.js"]
    assert page.find("link", href="moving/moving.css")
    assert all((out / name).is_file() for name in [*wanted, "moving/moving.css"])
    other = (out / "02_two.html").read_text("utf-8")
    assert "moving/" not in other


def test_series_in_the_browser_is_linked_where_it_was_built(small):
    root, out = small
    pages.build(root, out)
    assert "lite/" not in (out / "01_one.html").read_text("utf-8")
    for name in "index.html", "lab/index.html", "files/notebooks/01_one.ipynb":
        series.write(out / "lite" / name, "")
    pages.build(root, out)
    assert (out / "lite/index.html").exists()
    for name, address in (("01_one", "lite/lab/index.html?path=notebooks/01_one.ipynb"),
                          ("02_two", "lite/index.html"), ("index", "lite/index.html")):
        page = BeautifulSoup((out / f"{name}.html").read_text("utf-8"), "html.parser")
        assert page.find("a", string="Run in the browser")["href"] == address


# In a browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)
browsing = pytest.mark.skipif(
    not CHROMIUM or any(importlib.util.find_spec(name) is None
                        for name in ("playwright", "axe_playwright_python")),
    reason="needs Chromium, and playwright and axe-playwright-python: pip install -e '.[site]'")


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        alone = ["--no-sandbox"] if getattr(os, "getuid", int)() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=alone)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium, site):
    """Return a function that opens a page; what it asks for and complains about is seen to."""
    contexts, asked, complaints = [], [], []

    def opened(name, width=1280, **options):
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(120_000)  # a busy machine is no fault of the page
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.goto((site / name).as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith((site.as_uri(), "data:"))] == []
    assert asked


def faults(page, contrast=True):
    """Return what axe finds serious or critical on a page."""
    package = importlib.resources.files("axe_playwright_python")
    page.evaluate((package / "axe.min.js").read_text("utf-8"))
    # Without preload: axe would fetch the style sheet, which no page in a folder may.
    rules = {} if contrast else {"color-contrast": {"enabled": False}}
    options = {"resultTypes": ["violations"], "preload": False, "rules": rules}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [(fault["impact"], fault["id"], node["html"][:200]) for fault in found["violations"]
            for node in fault["nodes"] if fault["impact"] in ("serious", "critical")]


@browsing
def test_no_page_has_a_serious_fault(tab, site):
    page = tab("index.html")
    for path in sorted(site.glob("*.html")):
        page.goto(path.as_uri())
        # Contrast takes most of the time. One page of each kind has all colours of its kind.
        every = not path.name[0].isdigit() or path.stem in ("05_optimizer", "17_bug_hunt")
        assert faults(page, contrast=every) == [], path.name


@browsing
@pytest.mark.parametrize("name", ["index.html", "09_lenet.html", "start.html"])
def test_no_page_has_a_serious_fault_in_the_dark_and_narrow(tab, name):
    page = tab(name, width=400, color_scheme="dark")
    assert faults(page) == []
    page.fill("#search", "momentum")
    page.wait_for_selector("#found li")
    assert faults(page) == []


@browsing
def test_no_page_is_wider_than_a_narrow_screen(tab, site):
    page = tab("index.html", width=320)
    for path in sorted(site.glob("*.html")):
        page.goto(path.as_uri())
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, path.name


@browsing
def test_what_the_gpt_writes_is_read_without_scrolling_sideways(tab):
    page = tab("13_gpt.html", width=360)
    longest = page.evaluate("""[...document.querySelectorAll("pre.out")].filter(
        e => e.textContent.split("\\n").some(line => line.length > 120)).map(
        e => e.scrollWidth - e.clientWidth)""")
    assert len(longest) > 2 and max(longest) <= 1


def paper(page):
    """Return how bright the page's background is, from 0 to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


@browsing
@pytest.mark.parametrize("system", ["light", "dark"])
def test_switch_to_the_other_theme_is_remembered(tab, site, system):
    page = tab("index.html", color_scheme=system)
    button = page.get_by_role("button", name="Dark mode")
    assert button.get_attribute("aria-pressed") == str(system == "dark").lower()
    assert (paper(page) < 60) is (system == "dark")
    button.click()
    assert button.get_attribute("aria-pressed") == str(system != "dark").lower()
    page.goto((site / "01_tensor.html").as_uri())
    assert (paper(page) < 60) is (system != "dark")
    assert page.evaluate("getComputedStyle(document.querySelector('main img')).backgroundColor"
                         ) == "rgb(255, 255, 255)"


@browsing
def test_search_finds_headings_and_text(tab):
    page = tab("index.html")
    page.keyboard.press("/")
    page.keyboard.type("museum of nan")
    page.wait_for_selector("#found li")
    first = page.locator("#found a").first
    assert first.get_attribute("href") == "02_operations.html#a-museum-of-nan"
    assert first.locator("mark").count() == 3
    page.keyboard.press("Enter")
    page.wait_for_url("**/02_operations.html#a-museum-of-nan")
    assert page.locator("#a-museum-of-nan").is_visible()
    page.fill("#search", "unbroadcast")
    page.wait_for_selector("#found li")
    assert any(link.startswith("01_tensor.html")
               for link in page.locator("#found a").evaluate_all("a => a.map(x => x.href)")
               for link in [link.rpartition("/")[2]])
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('#found li') !== null")
    page.keyboard.press("Escape")
    assert page.locator("#found").is_hidden()
    page.fill("#search", "no page says xylophone")
    page.wait_for_function("document.querySelector('#found [role=status]').textContent[0] === '0'")


@browsing
@pytest.mark.parametrize("name, width", [("index.html", 1280), ("05_optimizer.html", 400)])
def test_keyboard_reaches_all(tab, name, width):
    page = tab(name, width=width)
    page.wait_for_load_state("load")
    page.evaluate("""() => {
        const all = "a[href], button, input, summary, [tabindex='0']";
        const seen = [...document.querySelectorAll(all)].filter(e => e.checkVisibility());
        window.wanted = new Set(seen);
        for (const box of document.querySelectorAll("main *"))
            if (box.checkVisibility() && box.scrollWidth > box.clientWidth + 1
                && /auto|scroll/.test(getComputedStyle(box).overflowX)) window.wanted.add(box);
        document.addEventListener("focusin", event => window.wanted.delete(event.target));
    }""")
    count = page.evaluate("window.wanted.size")
    assert count > 20
    for _ in range(count + 5):
        page.keyboard.press("Tab")
    left = page.evaluate("[...window.wanted].map(e => e.outerHTML.slice(0, 100))")
    assert left == []


@browsing
def test_without_scripts_all_is_there_but_what_needs_them(tab):
    page = tab("05_optimizer.html", java_script_enabled=False)
    assert page.locator("main h2").count() > 5 and page.locator("main img").count() == 10
    assert page.locator("#search").is_hidden() and page.locator("#theme").is_hidden()


@browsing
def test_print_is_the_page_alone_with_nothing_cut_off(tab):
    page = tab("17_bug_hunt.html", width=720, color_scheme="dark")
    page.emulate_media(media="print")
    for hidden in "header", ".toc", ".steps", "footer":
        assert page.locator(hidden).first.is_hidden()
    assert paper(page) == 255
    cut = page.evaluate("[...document.querySelectorAll('main pre, main .wide')]"
                        ".filter(e => e.scrollWidth > e.clientWidth + 1).length")
    assert cut == 0
    assert page.locator("main details:not([open])").count() > 5
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("main details:not([open])").count() == 0
