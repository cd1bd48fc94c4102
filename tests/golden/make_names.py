"""Write notebooks/pytorch_names.json: the public names that PyTorch has at each of its addresses.

    python tests/golden/make_names.py

The exporter puts nothing else there. nn.functional, linalg and random list their functions alone.
"""

import importlib
import json
import textwrap
from inspect import isclass, ismodule
from pathlib import Path

FILE = Path(__file__).parents[2] / "notebooks" / "pytorch_names.json"
ADDRESSES = ["", "nn", "nn.functional", "nn.init", "nn.utils", "optim", "optim.lr_scheduler",
             "utils.data", "autograd", "linalg", "random", "Tensor"]


def names(address):
    """Return the sorted public names of torch.ADDRESS, without its modules and what it imports."""
    module = importlib.import_module(f"torch.{address}".removesuffix("Tensor").rstrip("."))
    module = module.Tensor if address == "Tensor" else module
    listed = module.__all__ if address and hasattr(module, "__all__") else dir(module)
    found = {name: getattr(module, name) for name in listed if not name.startswith("_")}
    if address in ("nn.functional", "linalg", "random"):
        found = {name: value for name, value in found.items()
                 if callable(value) and not isclass(value)}
    homes = {name: getattr(value, "__module__", None) or "torch" for name, value in found.items()}
    return sorted(name for name, value in found.items()
                  if not ismodule(value) and not of_compiler(value)
                  and homes[name].startswith("torch"))


def of_compiler(value):
    """Return whether value is a part of PyTorch's compiler, like torch.Node, which users never see.

    Such classes and their instances are made by pybind11, Tensor and its like are not.
    """
    kind = type(value) if isclass(value) else type(type(value))
    return kind.__name__ == "pybind11_type"


def main():
    """Write the names of every address, a paragraph for each."""
    blocks = []
    for address in ADDRESSES:
        lines = textwrap.fill(", ".join(map(json.dumps, names(address))), 98)
        blocks.append(f'"{address}": [\n{lines}\n]')
    FILE.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
