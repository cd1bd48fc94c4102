"""Write gpt.json: PyTorch's initial weights of a tiny GPT, and its losses in 100 steps from there.

    python tests/golden/make_gpt.py

The script is the text of nptorch/models/gpt.py, under either library: one word differs.
"""

import json
from pathlib import Path
from types import ModuleType

import numpy as np

FILE = Path(__file__).with_name("gpt.json")
SOURCE = Path(__file__).parents[2] / "nptorch/models/gpt.py"
TEXT = "the net reads what the net has written, and what it has read the net writes again. " * 12
ALPHABET = sorted(set(TEXT))
IDS = np.array([ALPHABET.index(character) for character in TEXT])


def script(library):
    """Return the module nptorch.models.gpt as it is under a library, "nptorch" or "torch"."""
    module = ModuleType(f"gpt_under_{library}")
    exec(SOURCE.read_text(encoding="utf-8").replace("nptorch", library), vars(module))
    return module


def losses(library, dtype, start):
    """Return the losses of 100 steps from the weights start, {name: numbers}."""
    module = script(library.__name__)
    model = module.GPT(len(ALPHABET), context=8, width=8, heads=2, blocks=2)
    for name, p in model.named_parameters():
        p.data = library.tensor(np.array(start[name]), dtype=getattr(library, dtype))
    return list(module.train(model, IDS, 100, batch=4))


def main():
    """Draw the weights, train from them, and write both, a line for each array."""
    import torch

    torch.manual_seed(0)
    model = script("torch").GPT(len(ALPHABET), context=8, width=8, heads=2, blocks=2)
    start = {name: p.detach().double().numpy().tolist() for name, p in model.named_parameters()}
    short = {name: json.loads(json.dumps(values), parse_float=lambda x: float(f"{float(x):.9g}"))
             for name, values in start.items()}  # nine digits are all that a float32 has
    lines = [f'"{name}": {json.dumps(values)}' for name, values in short.items()]
    runs = [f'"{dtype}": {json.dumps(losses(torch, dtype, short))}'
            for dtype in ("float32", "float64")]
    FILE.write_text('{"start": {\n' + ",\n".join(lines) + "\n},\n" + ",\n".join(runs) + "\n}\n",
                    encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
