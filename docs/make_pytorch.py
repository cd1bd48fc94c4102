"""Write docs/pytorch.md from the package: which of PyTorch's names are there, which differ on
purpose (the rows of differences.md), and which are absent.

    python docs/make_pytorch.py
"""

import importlib
import json
import re
import sys
import textwrap
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
INSTEAD = {  # what scripts ask for and nptorch lacks, as an expression, and what to write
    "torch.ones(1).data.numpy": "`data` is NumPy's array, until a script says `from "
    "nptorch.bridge.graph import tensor_data`: from there on it is a Tensor, as in PyTorch",
    "torch.bincount": "`np.bincount(x.numpy())`",
    "torch.autograd.profiler": "Python's `cProfile`, or `time.perf_counter()` before and after",
    "torch.distributions": "`torch.multinomial`, `torch.normal`, and the logarithm of the density",
    "torch.autograd.functional": "`torch.autograd.grad`, once for each element of the output",
    "torch.multiprocessing.Process": "Python's `multiprocessing`, whose processes share no Tensor; "
    "`Pool` is there",
    "torch.nn.KLDivLoss": "`(target * (target.log() - input)).sum()`",
    "torch.nn.ParameterList": "`setattr(self, f\"w{i}\", p)` for each, and `getattr`",
    "torch.nn.Embedding.from_pretrained": "`layer.weight.data = table`",
    "torch.nn.ReLU().register_forward_hook": "a call in `forward`, which has all numbers at hand",
    "torch.nn.functional.interpolate": "`nn.Upsample`, for the nearest pixels",
    "torch.optim.lr_scheduler.ReduceLROnPlateau": "`optimizer.param_groups[0][\"lr\"] *= 0.1`",
    "torch.compile": "nothing: leave it out",
}
ROW = re.compile(r"^\| `(.+?)` \| `(.+?)` \| `(.+?)` \| (.+) \|$", re.MULTILINE)
HEAD = """# PyTorch's names in nptorch

*Made from the package by `docs/make_pytorch.py`; `tests/test_page.py` compares the two.*

A script that runs on PyTorch runs on nptorch with its import changed, as far as its names are here.
A name that is here means what it means in PyTorch, with the same numbers up to rounding; where it
differs on purpose, the last part says so. An absent name raises an AttributeError that says so,
and names the nearest that is there; [16_bridge](../notebooks/16_bridge.ipynb) tells how.

## Same

"""


def there(address):
    """Return PyTorch's names at an address that nptorch has, and those that it lacks."""
    listed = json.loads((FOLDER.parent / "notebooks" / "pytorch_names.json").read_text("utf-8"))
    place = importlib.import_module("nptorch")
    for part in filter(None, address.split(".")):
        place = getattr(place, part)
    known = dir(place(0.0) if address == "Tensor" else place)  # data is an attribute of each
    have = [name for name in listed[address] if name in known]
    return have, [name for name in listed[address] if name not in have]


def paragraph(names):
    """Return names as a paragraph."""
    return textwrap.fill(" ".join(f"`{name}`" for name in names), 98, break_on_hyphens=False)


def modules():
    """Return the public names of a Module."""
    import nptorch

    return sorted(name for name in dir(nptorch.nn.Module) if name[0] != "_")


def page():
    """Return the text of docs/pytorch.md."""
    importlib.import_module("nptorch.bridge")
    addresses = ["", "Tensor", "nn", "nn.functional", "nn.init", "nn.utils", "optim",
                 "optim.lr_scheduler", "utils.data", "autograd", "linalg", "random"]
    text, absent = HEAD, ""
    for address in addresses:
        have, lack = there(address)
        title = f"torch.{address}".rstrip(".")
        text += f"### {title}: {len(have)} name{'s' * (len(have) != 1)}\n\n{paragraph(have)}\n\n"
        if lack and address != "":
            absent += f"**{title}**: {paragraph(lack)}\n\n"
    text += f"### nn.Module: {len(modules())} attributes\n\n{paragraph(modules())}\n\n"
    text += ("## Absent\n\nComplex numbers, quantized and sparse Tensors, devices other than this "
             "computer's memory, second\nderivatives, the gradient of `svd`, "
             "compilation, distribution and anything that executes code\nfrom a file. Of what "
             "scripts ask for:\n\n"
             "| absent | write |\n| --- | --- |\n")
    text += "".join(f"| `{name.replace('torch.ones(1)', 'x')}` | {what} |\n"
                    for name, what in INSTEAD.items())
    usual = importlib.import_module("nptorch.bridge.words").USUAL
    options = [f"`{word}={value!r}`".replace(" ", "\N{NO-BREAK SPACE}")
               for word, value in usual.items()]
    text += "\n" + textwrap.fill(
        f"Of these options PyTorch's usual value alone is there: {', '.join(options)}, but of a "
        f"`Conv2d` all `padding_mode`s. Of `torch` "
        f"itself {len(there('')[1])} more names are absent. Elsewhere:", 98,
        break_on_hyphens=False) + f"\n\n{absent}"
    text += ("## Differs on purpose\n\nEach line is run under both libraries by the tests. `torch` "
             "is either library, `x` is\n`torch.ones(2, requires_grad=True)`, and `p` is "
             "`torch.ones(1, requires_grad=True)` with the gradient 1.\n\n")
    for program, here, theirs, why in ROW.findall(
            (FOLDER / "differences.md").read_text(encoding="utf-8")):
        lines = program.replace("; ", "\n")
        text += f"{why}\n\n```python\n{lines}\n# nptorch {here}, PyTorch {theirs}\n```\n\n"
    return text.rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER.parent))
    (FOLDER / "pytorch.md").write_text(page(), encoding="utf-8", newline="\n")
