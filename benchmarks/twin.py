"""Train notebook 13's GPT under PyTorch and under nptorch, step by step from the same weights.

    python benchmarks/twin.py [--seeds 3] [--steps 1000]

One script, the text of nptorch/models/gpt.py, runs under both libraries with the settings of the
page: the prose of notebooks 01 to 12, 32 windows of 64 characters, AdamW, warm-up and cosine,
clipping. For each seed PyTorch draws the first weights; the twin under nptorch begins with a copy
of them, and both are shown the same windows. The first table has their losses at steps 10, 100,
300 and so on, in nats, with the relative difference: rounding alone parts the two. The second one
is of nets whose first weights each library draws itself: the mean losses of ten steps, and the
bits of the held-back text, averaged over the seeds, with the spread from seed to seed. A run takes
one to two minutes; where other programs are busy, OMP_NUM_THREADS=1 makes PyTorch much faster.
Needs PyTorch: pip install -e ".[parity]".
"""

import argparse
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

import nptorch
from nptorch.models import hold_back, prose

ROOT = Path(__file__).parent.parent
LIBRARIES = {"torch": torch, "nptorch": nptorch}


def script(library):
    """Return the module nptorch.models.gpt as it is under a library."""
    module = ModuleType(f"gpt_under_{library}")
    text = (ROOT / "nptorch/models/gpt.py").read_text(encoding="utf-8")
    exec(text.replace("nptorch", library), vars(module))
    return module


def train(library, seed, steps, text, start=None):
    """Return the first weights, the losses, and the held-back text's bits, of one training; start
    takes the place of the library's own weights."""
    module, (kinds, learn, held) = script(library), text
    LIBRARIES[library].manual_seed(seed)
    model = module.GPT(kinds)
    if start:
        model.load_state_dict({name: nptorch.tensor(array) for name, array in start.items()})
    first = {name: p.detach().numpy().copy() for name, p in model.named_parameters()}
    began = time.perf_counter()
    losses = np.array(list(module.train(model, learn, steps, rng=seed)))
    print(f"{library}, seed {seed}: {time.perf_counter() - began:.0f} s", flush=True)
    return first, losses, module.bits(model, held)


def main():
    """Run the command line; see the top of this file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    full = prose(ROOT / "notebooks")
    alphabet = np.array(sorted(set(full)))
    text = len(alphabet), *(np.searchsorted(alphabet, list(part)) for part in hold_back(full))
    at = [step for step in (10, 100, 300, 1000) if step <= options.steps]
    theirs, ours, own = [], [], []
    for seed in range(options.seeds):
        theirs.append(train("torch", seed, options.steps, text))
        ours.append(train("nptorch", seed, options.steps, text, theirs[-1][0]))
        own.append(train("nptorch", seed, options.steps, text))

    print("\n| from the same weights |", " | ".join(f"step {step}" for step in at), "| bits |")
    print("| --- " * (len(at) + 2) + "|")
    for seed, (a, b) in enumerate(zip(theirs, ours)):
        pairs = [(a[1][i - 1], b[1][i - 1]) for i in at] + [(a[2], b[2])]
        cells = [f"{x:.4f}, {y:.4f} ({y / x - 1:+.0e})" for x, y in pairs]
        print(f"| seed {seed}: PyTorch, nptorch |", " | ".join(cells), "|")

    print("\n| each from its own weights |", " | ".join(f"to step {step}" for step in at),
          "| bits |")
    print("| --- " * (len(at) + 2) + "|")
    for name, runs in {"PyTorch": theirs, "nptorch": own}.items():
        found = np.array([[*(run[1][max(i - 10, 0):i].mean() for i in at), run[2]] for run in runs])
        cells = [f"{mean:.4f} ± {spread:.4f}" for mean, spread in zip(found.mean(0), found.std(0))]
        print(f"| {name}, mean of the seeds |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
