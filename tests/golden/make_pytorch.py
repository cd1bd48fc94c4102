"""Write notebooks/10_pytorch.json: what PyTorch answers in notebook 10.

    python tests/golden/make_pytorch.py

It runs the notebook's cells, which collect PyTorch's answers in the dictionary `stored`.
"""

import json
import os
import sys
from pathlib import Path

import matplotlib
import nbformat

FOLDER = Path(__file__).resolve().parent.parent.parent / "notebooks"
FILE = FOLDER / "10_pytorch.json"


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

    matplotlib.use("agg")
    os.chdir(FOLDER)
    sys.path.insert(0, str(FOLDER))
    if not FILE.exists():
        FILE.write_text("{}", encoding="utf-8")
    names = {"__name__": "notebook"}
    for cell in nbformat.read("10_pytorch.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
    lines = [f"{json.dumps(k)}: {json.dumps(rounded(v))}" for k, v in names["stored"].items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
