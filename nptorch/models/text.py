"""A text to learn from: the prose of these notebooks (notebooks/13_gpt.ipynb)."""

import json
from pathlib import Path


def prose(folder):
    """The markdown of the notebooks 01 to 12 in folder, as it stands, in one text."""
    paths = sorted(p for p in Path(folder).glob("[01][0-9]_*.ipynb") if p.name < "13")
    cells = [cell for path in paths for cell in json.loads(path.read_text("utf-8"))["cells"]]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def hold_back(text, length=1000):
    """text in two parts: what to learn from, and every tenth stretch of this length."""
    parts = [text[i:i + length] for i in range(0, len(text), length)]
    return "".join(p for i, p in enumerate(parts) if i % 10 != 9), "".join(parts[9::10])
