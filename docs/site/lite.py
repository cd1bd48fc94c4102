"""Write the notebooks as JupyterLite, which runs them in the reader's browser.

    python docs/site/lite.py [OUT] [--pyodide FOLDER]      OUT is build/site/lite by default

In OUT: JupyterLite; the notebooks, their scripts and the package as files that the reader can
open and run, but not overwrite; the workbook, which is there to be filled; and the package's wheel.
It works from any server, but not from file://: a page from there is given no worker.

What comes from elsewhere: Python and NumPy for the browser are Pyodide, which the package index
does not carry. By default the kernel loads it from Pyodide's own server when a notebook opens.
With --pyodide, FOLDER being an unpacked Pyodide distribution of the version that PYODIDE_VERSION of
jupyterlite_pyodide_kernel.constants names, what the notebooks need of it is copied into the site,
which then asks no other server for anything.
"""

import argparse
import hashlib
import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent.parent / "notebooks"))

import series  # noqa: E402
import workbook  # noqa: E402

KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"
PACKAGES = ["numpy", "matplotlib", "pillow", "scikit-learn"]  # there before the first cell
# What the kernel itself asks Pyodide for, whatever a notebook imports.
OWN = ["micropip", "packaging", "ipython", "jedi", "pyodide-http"]
WHEELS = ["comm"]  # what the kernel needs, and neither it nor Pyodide brings
CORE = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"]
APPS = ["lab", "tree", "edit"]
MOST = 45_000_000  # bytes, without Pyodide
FROM_FILE = "if (location.protocol === 'file:') location.replace('../index.html')"
BUNDLED = "Python, NumPy and Matplotlib are part of this site; it asks no other server."
FETCHED = """Python, NumPy, Matplotlib and scikit-learn for the browser are not part of this site:
when the first notebook opens, your browser fetches them, some tens of megabytes, from
<code>cdn.jsdelivr.net</code>, where <a href="https://pyodide.org">Pyodide</a> keeps them. Your
browser keeps them, too, so the next start is faster; but the first needs that server."""


def originals(root=series.ROOT):
    """Return the files of the series that the notebooks need or link to, seen from the root."""
    patterns = ("notebooks/*.py", "notebooks/*.json", "notebooks/checks/*.py", "nptorch/**/*.py",
                "docs/*.md")
    found = [*series.find(root), *(path for pattern in patterns for path in root.glob(pattern))]
    return sorted({path.relative_to(root).as_posix() for path in found} | {"pyproject.toml"})


def mnist():
    """Return the four files of MNIST if they are on this machine, else nothing."""
    from nptorch import datasets

    folders = [os.environ.get("NPTORCH_DATA"), "data"]
    if find_spec("pooch"):
        import pooch

        folders.append(pooch.os_cache("nptorch"))
    for folder in filter(None, folders):
        found = [datasets._find(name, folder) for name in datasets.SHA256]
        if all(found) and all(path.suffix == ".gz" for path in found):
            return found
    return []


def place(contents, root=series.ROOT):
    """Fill the folder that JupyterLite serves as the reader's files; return its edition."""
    for name in originals(root):
        target = contents / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target)
    for path in mnist():
        target = contents / "notebooks/data/MNIST/raw" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    workbook.make(contents / "workbook")
    return edition(contents, root)


def edition(contents, root=series.ROOT):
    """Return a name that no other content has. A browser keeps what the reader writes under it, so
    that an old copy is never shown in a new edition."""
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+?)"', project, re.MULTILINE)[1]
    digest = hashlib.sha256(version.encode())
    for path in sorted(path for path in contents.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(contents).as_posix()} {content}\n".encode())
    return f"nptorch {version} {digest.hexdigest()[:12]}"


def settings(name):
    """Return the content of jupyter-lite.json for the edition of this name."""
    kernel = {"disablePyPIFallback": True, "loadPyodideOptions": {"packages": PACKAGES}}
    return {"jupyter-lite-schema-version": 0, "jupyter-config-data": {
        "appName": "nptorch in your browser",
        "contentsStorageName": name,
        "settingsStorageName": name,
        "workspacesStorageName": name,
        "litePluginSettings": {KERNEL: kernel},
    }}


def part_of(distribution, target):
    """Copy what the notebooks need of a Pyodide distribution."""
    lock = json.loads((distribution / "pyodide-lock.json").read_text(encoding="utf-8"))
    wanted, packages = [*PACKAGES, *OWN], {}
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name not in packages and name in lock["packages"]:
            packages[name] = lock["packages"][name]
            wanted += packages[name]["depends"]
    target.mkdir(parents=True)
    for file in [*CORE, *(package["file_name"] for package in packages.values())]:
        shutil.copyfile(distribution / file, target / file)
    lock["packages"] = packages
    (target / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def protect(out):
    """Mark as read-only, in the lists of OUT's files, all but what lies in the workbook."""
    for path in (out / "api/contents").rglob("all.json"):
        folder = json.loads(path.read_text(encoding="utf-8"))
        for entry in folder["content"]:
            if entry["type"] != "directory":
                entry["writable"] = entry["path"].startswith("workbook/")
        path.write_text(json.dumps(folder), encoding="utf-8")


def title(path):
    """Return a notebook's first heading."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.search(r"^#+ (.+)", prose, re.MULTILINE)[1]


def page(name, bundled):
    """Return the page that says what there is and what it needs."""
    holes, links = {hole.notebook for hole in workbook.holes().values()}, ""
    for path in series.find():
        words = html.escape(title(path))
        links += (f'<li value="{int(path.name[:2])}">'
                  f'<a href="lab/index.html?path=notebooks/{path.name}">{words}</a>')
        if path.stem in holes:
            links += (f' <a class="fill" href="lab/index.html?path=workbook/notebooks/{path.name}"'
                      f' aria-label="{words}, with holes to fill">fill</a>')
        links += "</li>\n"
    text = (HERE / "lite.html").read_text(encoding="utf-8")
    other = BUNDLED if bundled else FETCHED
    for mark, value in {"LINKS": links, "EDITION": html.escape(name), "OTHER": other}.items():
        text = text.replace(f"@{mark}@", value)
    return text


def build(out, pyodide=None, root=series.ROOT):
    """Write OUT anew; return its size in bytes."""
    with tempfile.TemporaryDirectory(prefix="nptorch-lite-") as temporary:
        work = Path(temporary)
        contents, wheels, made = work / "contents", work / "pypi", work / "out"
        contents.mkdir()
        name = place(contents, root)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
        subprocess.run([*command, str(wheels), str(root), *WHEELS], check=True)
        (work / "jupyter-lite.json").write_text(json.dumps(settings(name)), encoding="utf-8")
        if pyodide:
            part_of(Path(pyodide), work / "static/pyodide")
        apps = [word for app in APPS for word in ("--apps", app)]
        subprocess.run([sys.executable, "-m", "jupyter", "lite", "build", "--lite-dir", str(work),
                        "--contents", str(contents), "--output-dir", str(made), *apps,
                        "--no-sourcemaps", "--no-unused-shared-packages"],
                       check=True, cwd=work, stdout=subprocess.DEVNULL)
        protect(made)
        for app in APPS:  # opened from a folder, it would stay empty: the page above says why
            start = made / app / "index.html"
            text = start.read_text(encoding="utf-8")
            start.write_text(text.replace("<head>", f"<head><script>{FROM_FILE}</script>", 1),
                             encoding="utf-8")
        (made / "index.html").write_text(page(name, pyodide), encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(made, out)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def main():
    """Run the command line; see the top of this file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, default=series.ROOT / "build/site/lite")
    parser.add_argument("--pyodide", metavar="FOLDER", help="a distribution to take Python from")
    options = parser.parse_args()
    size = build(options.out, options.pyodide)
    if size > MOST and not options.pyodide:
        sys.exit(f"lite.py: {size / 1e6:.1f} MB is more than {MOST / 1e6:.0f}")
    print(f"{options.out}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
