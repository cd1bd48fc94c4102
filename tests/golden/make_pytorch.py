"""Write notebooks/10_pytorch.json: what PyTorch answers in notebook 10.

    python tests/golden/make_pytorch.py

It refreshes the notebook as well, so that the page and the file come from one run.
"""

import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat

FOLDER = Path(__file__).resolve().parent.parent.parent / "notebooks"
PAGE, FILE = FOLDER / "10_pytorch.ipynb", "10_pytorch.json"
SAVE = f'Path("{FILE}").write_text(json.dumps(stored), encoding="utf-8")'


def rounded(value):
    """Return a stored value with nine digits of each float, all that float32 has."""
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def main():
    """Run the notebook here, with PyTorch, and write what it has stored, a line for each name."""
    import torch  # noqa: F401  without it the notebook would only read the old file

    sys.path.insert(0, str(FOLDER))
    import series

    with TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(FOLDER, Path(folder) / "notebooks"))
        (copy / FILE).write_text("{}", encoding="utf-8")  # names that are out of use go away
        page = nbformat.read(PAGE, as_version=4)
        page.cells.append(nbformat.v4.new_code_cell(SAVE))
        nbformat.write(page, copy / PAGE.name)
        page = series.execute(copy / PAGE.name)
        stored = json.loads((copy / FILE).read_text(encoding="utf-8"))
    page.cells.pop()
    series.normalise(page)
    series.write(PAGE, nbformat.writes(page).rstrip("\n") + "\n")
    lines = [f"{json.dumps(k)}: {json.dumps(rounded(v))}" for k, v in stored.items()]
    series.write(FOLDER / FILE, "{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
