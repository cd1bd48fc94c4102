"""Do the notebooks still print what they store? This compares both, with no test tool.

    python notebooks/series.py check-outputs [NOTEBOOK ...]

What is printed, and what is shown as text, SVG or HTML, must be the same for each cell, but for the
token behind each "almost equal" sign (sanitize.cfg). Pixels are not compared: they hang on the
machine's fonts. `make test` compares by nbval; here is a second way, should that fail one day. It
is stricter in one thing: a cell that was never run is reported.
"""

import re
from pathlib import Path

import series

SANITIZE = re.findall("^regex: (.*)\nreplace: (.*)$", flags=re.MULTILINE,
                      string=Path(__file__).with_name("sanitize.cfg").read_text("utf-8"))
PIXELS = "image/png", "image/jpeg"
OVERWRITTEN = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)  # as a terminal shows a progress bar


def said(outputs):
    """Return {kind: [texts]} of a cell's outputs: a kind is a stream's name, or a format. The
    order counts among texts of one kind only, since streams arrive when they like."""
    found = {}
    for output in outputs:
        if output["output_type"] == "stream":
            texts = found.setdefault(output["name"], [""])
            texts[0] += output["text"]
        else:
            parts = output.get("data") or {k: output[k] for k in ("ename", "evalue")}
            for kind, text in parts.items():
                if kind not in PIXELS:
                    found.setdefault(kind, []).append(text)
    return {kind: [blanked(text) for text in texts] for kind, texts in found.items()}


def blanked(text):
    """Return a text without what may come out otherwise."""
    if isinstance(text, str):
        text = OVERWRITTEN.sub("", text)
        for pattern, replacement in SANITIZE:
            text = re.sub(pattern, replacement, text)
    return text


def differences(stored, ran):
    """Return (number of the cell, kind, stored texts, texts that came) for all that differs between
    two copies of a notebook."""
    found = []
    pairs = [pair for pair in zip(stored.cells, ran.cells) if pair[0].cell_type == "code"]
    pairs = [pair for pair in pairs if pair[0].source.strip()]
    for number, (cell, again) in enumerate(pairs, start=1):
        if "nbval-ignore-output" in cell.metadata.get("tags", ()):
            continue
        if cell.execution_count is None:
            found.append((number, "run", ["never"], ["now"]))
        before, now = said(cell.outputs), said(again.outputs)
        for kind in sorted({*before, *now}):
            if before.get(kind) != now.get(kind):
                found.append((number, kind, before.get(kind, []), now.get(kind, [])))
    return found


def check_outputs(*names, root=series.ROOT):
    """Run notebooks, print what differs from what they store, and return whether nothing does."""
    import nbformat

    right = True
    for path in series.find(root, names):
        if reason := series.missing(path.name):
            print(f"{path.stem:<16}left out: {reason}")
            continue
        stored = nbformat.read(path, as_version=4)
        for number, kind, before, now in differences(stored, series.execute(path, root)):
            right = False
            print(f"{path.name} [{number}] {kind}: stored", *before, "came", *now, sep="\n")
    return right
