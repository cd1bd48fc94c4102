"""Write sgd.json: where torch.optim.SGD goes in 50 steps, for each momentum and weight_decay.

    python tests/golden/make_sgd.py
"""

import json
from itertools import product
from pathlib import Path

FILE = Path(__file__).with_name("sgd.json")
MIXES = list(product((0.0, 0.5, 0.9), (0.0, 0.01, 0.1)))
WEIGHT, BIAS = [[0.5, -1.2], [2.0, 0.3], [-0.7, 1.1]], [0.25, -0.5]
X = [[1.0, 0.5, -0.3], [-0.8, 1.4, 0.2], [0.6, -1.1, 0.9], [-0.2, 0.7, -1.5]]
Y = [[0.3, -0.6], [0.8, 0.1], [-0.4, 0.5], [-0.9, -0.2]]


def path(library, sgd, momentum, weight_decay):
    """Return the weights after each of 50 steps of a float64 regression through a tanh.

    library is torch or nptorch, sgd a class with the interface of torch.optim.SGD.
    """
    weight, bias, x, y = (library.tensor(a, dtype=library.float64) for a in (WEIGHT, BIAS, X, Y))
    optimizer = sgd([weight.requires_grad_(), bias.requires_grad_()],
                    lr=0.1, momentum=momentum, weight_decay=weight_decay)
    points = []
    for _ in range(50):
        optimizer.zero_grad()
        (((x @ weight + bias).tanh() - y) ** 2).mean().backward()
        optimizer.step()
        points.append(weight.detach().reshape(-1).tolist() + bias.tolist())
    return points


def main():
    """Make the paths and write them, with 12 digits, a line for each step."""
    import torch

    blocks = []
    for momentum, weight_decay in MIXES:
        points = path(torch, torch.optim.SGD, momentum, weight_decay)
        lines = [json.dumps([float(f"{value:.12g}") for value in point]) for point in points]
        blocks.append(f'"{momentum} {weight_decay}": [\n' + ",\n".join(lines) + "\n]")
    FILE.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
