"""docs/pytorch.md is what docs/make_pytorch.py writes, and PyTorch's samples know no difference
that is not in it."""

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
KNOWN = {  # operators whose samples may differ, how, and the words of the page that say so
    "linspace": (r"value: \[[-\d ]+\] and", "`linspace` of integers")}


def test_the_page_is_made_from_the_package():
    made = runpy.run_path(str(DOCS / "make_pytorch.py"))["page"]()
    assert (DOCS / "pytorch.md").read_text(encoding="utf-8") == made


@pytest.mark.parametrize("library", ["nptorch", "torch"])
def test_what_is_said_to_be_absent_is_absent(library):
    torch = pytest.importorskip(library)
    for name in runpy.run_path(str(DOCS / "make_pytorch.py"))["INSTEAD"]:
        try:
            eval(name, {"torch": torch})
        except (AttributeError, TypeError):
            assert library == "nptorch", name
        else:
            assert library == "torch", name


def test_pytorchs_own_samples():
    pytest.importorskip("torch")
    from test_samples import ran

    table = ran()
    asked = {what: sum(n for (_, w, _), n in table.items() if w == what)
             for what in ("same", "refused", "differs")}
    found = [(name, why) for name, what, why in table if what == "differs"]
    text = (DOCS / "pytorch.md").read_text(encoding="utf-8")
    assert not [(name, why) for name, why in found
                if name not in KNOWN or not re.match(KNOWN[name][0], why)]
    assert all(words in text for _, words in KNOWN.values())
    assert sum(asked.values()) > 5000 and len({name for name, *_ in table}) > 150
    assert (asked["same"] + asked["differs"]) / sum(asked.values()) >= 0.95
