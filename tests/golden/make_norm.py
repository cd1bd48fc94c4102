"""Write norm.json: what PyTorch's normalizations give, forward, back and in their buffers, and the
losses of a small net with two of them while it trains.

    python tests/golden/make_norm.py
"""

import json
from math import prod, sin
from pathlib import Path

FILE = Path(__file__).with_name("norm.json")
CASES = {  # the class, its arguments and the shape of a batch
    "BatchNorm1d": ("BatchNorm1d", {"num_features": 3}, (5, 3)),
    "BatchNorm1d sequence": ("BatchNorm1d", {"num_features": 3, "momentum": 0.3}, (2, 3, 4)),
    "BatchNorm1d mean of all": ("BatchNorm1d", {"num_features": 4, "momentum": None}, (6, 4)),
    "BatchNorm1d plain": ("BatchNorm1d", {"num_features": 2, "affine": False,
                                          "track_running_stats": False}, (5, 2)),
    "BatchNorm2d": ("BatchNorm2d", {"num_features": 2, "eps": 0.01}, (3, 2, 2, 3)),
    "LayerNorm": ("LayerNorm", {"normalized_shape": 4}, (3, 4)),
    "LayerNorm two": ("LayerNorm", {"normalized_shape": (2, 3), "bias": False}, (2, 3, 2, 3)),
    "LayerNorm plain": ("LayerNorm", {"normalized_shape": 4, "elementwise_affine": False},
                        (2, 3, 4)),
}


def numbers(library, shape, start, scale=2.0):
    """Return a float64 tensor that requires grad, the same in both libraries."""
    values = [scale * sin(start + 1.7 * i) for i in range(prod(shape))]
    flat = library.tensor(values, dtype=library.float64)
    return flat.reshape(shape).detach().requires_grad_()


def fill(library, net, scale=1.0):
    """Set all parameters and the running averages to float64 numbers of our own."""
    for i, parameter in enumerate(net.parameters()):
        parameter.data = numbers(library, tuple(parameter.shape), 0.9 * i + 0.4, scale).detach()
    for module in net.modules():
        if getattr(module, "running_mean", None) is not None:
            module.running_mean = module.running_mean.to(library.float64)
            module.running_var = module.running_var.to(library.float64)


def results(library, name):
    """Return, for three batches in train mode and one in eval mode, the outputs, the gradients of
    the inputs, of weight and bias, and at the end the buffers: flat lists."""
    kind, options, shape = CASES[name]
    module = getattr(library.nn, kind)(**options)
    fill(library, module)
    found = []
    for batch in range(4):
        module.train(batch < 3)
        x = numbers(library, shape, 0.3 + batch)
        y = module(x)
        (y * numbers(library, shape, 4.2).detach()).sum().backward()
        found += [y, x.grad]
    found += [parameter.grad for parameter in module.parameters()]
    found += [buffer.to(library.float64) for buffer in module.buffers()]
    return [t.reshape(-1).tolist() for t in found]


def losses(library, steps=100, dtype="float64"):
    """Return the losses of a small net while it learns eight samples in batches of four."""
    nn = library.nn
    net = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 6),
                        nn.LayerNorm(6), nn.ReLU(), nn.Linear(6, 4))
    fill(library, net, 0.7)
    for parameter in net.parameters():
        parameter.data = library.tensor(parameter.tolist(), dtype=getattr(library, dtype))
    net[1].running_mean = library.zeros(6, dtype=getattr(library, dtype))
    net[1].running_var = library.ones(6, dtype=getattr(library, dtype))
    x = library.tensor(numbers(library, (8, 3), 1.3).tolist(), dtype=getattr(library, dtype))
    y = library.tensor([0, 3, 1, 2, 2, 0, 1, 3])
    optimizer = library.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    found = []
    for step in range(steps):
        part = slice(0, 4) if step % 2 else slice(4, 8)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[part]), y[part])
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    net.eval()
    return [*found, nn.functional.cross_entropy(net(x), y).item()]


def main():
    """Compute the cases and write them, with 12 digits, a line for each array."""
    import torch

    arrays = {name: results(torch, name) for name in CASES} | {"losses": [losses(torch)]}
    blocks = []
    for name, rows in arrays.items():
        lines = [json.dumps([float(f"{value:.12g}") for value in row]) for row in rows]
        blocks.append(f'"{name}": [\n' + ",\n".join(lines) + "\n]")
    FILE.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
