"""Checks for the holes of 10_pytorch.ipynb."""

import numpy as np
from workbook import expect, hole


@hole("nudge",
      "np.nextafter(a, target) is the next number that a float can be, in the direction of target.",
      "As target take -1 or 1 at random for each number, in the dtype of a; weights lie between.",
      "The result is a dict again, under the same names.")
def _(nudge):
    rng = np.random.default_rng(1)
    weights = {"weight": rng.uniform(-0.5, 0.5, (20, 30)).astype(np.float32),
               "bias": rng.uniform(-0.5, 0.5, 7).astype(np.float32)}
    kept = {name: a.copy() for name, a in weights.items()}
    moved = nudge(weights)
    expect("the names", list(moved), ["weight", "bias"])
    for name, a in kept.items():
        b = moved[name]
        expect(f"{name}: the dtype", str(b.dtype), "float32")
        expect(f"{name}: the shape", b.shape, a.shape)
        up, down = (b == np.nextafter(a, np.float32(target)) for target in (np.inf, -np.inf))
        expect(f"{name}: numbers that are not the next ones", int((~(up | down)).sum()), 0)
        expect(f"{name}: the array that was handed over", weights[name], a, 0, 0)
    up = moved["weight"] > kept["weight"]
    expect("the share of numbers that moved up", up.mean(), 0.5, 0.1)
    expect("rows and columns that moved as a whole",
           int((up.all(0) | ~up.any(0)).sum() + (up.all(1) | ~up.any(1)).sum()), 0)
