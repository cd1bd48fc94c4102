"""Write conv.json: what PyTorch's convolution and pooling give, forward and back, on small images.

    python tests/golden/make_conv.py
"""

import json
from math import prod, sin
from pathlib import Path

FILE = Path(__file__).with_name("conv.json")
CASES = {
    "conv2d": ("conv2d", (4, 2, 3, 2), {}),
    "conv2d stride": ("conv2d", (4, 2, 3, 2), {"stride": (2, 3), "padding": (1, 2)}),
    "conv2d dilation": ("conv2d", (4, 2, 3, 2), {"dilation": (2, 3)}),
    "conv2d groups": ("conv2d", (4, 1, 2, 3), {"groups": 2, "padding": 1}),
    "max_pool2d": ("max_pool2d", None, {"kernel_size": 2}),
    "max_pool2d overlapping": ("max_pool2d", None,
                               {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 1)}),
    "avg_pool2d": ("avg_pool2d", None, {"kernel_size": 3, "stride": 2, "padding": 1}),
}


def numbers(library, shape, start, scale=2.0, steps=None):
    """Return a float64 tensor that requires grad; with steps, rounded to so many, so that many
    of its numbers are equal."""
    values = [scale * sin(start + 1.7 * i) for i in range(prod(shape))]
    if steps:
        values = [round(steps * value) / steps for value in values]
    return library.tensor(values, dtype=library.float64).reshape(shape).detach().requires_grad_()


def results(library, functions, name):
    """Return the flat output of a case, and the gradients of its inputs.

    library is torch or nptorch, functions where its conv2d is.
    """
    function, weight, options = CASES[name]
    inputs = [numbers(library, (2, 2, 6, 5), 0.3, steps=None if weight else 1)]
    if weight:
        inputs += [numbers(library, weight, 1.1), numbers(library, weight[:1], 2.9)]
    y = getattr(functions, function)(*inputs, **options)
    (y * numbers(library, tuple(y.shape), 4.2).detach()).sum().backward()
    return [t.reshape(-1).tolist() for t in (y, *(leaf.grad for leaf in inputs))]


def main():
    """Compute the cases and write them, with 10 digits, a line for each array."""
    import torch

    blocks = []
    for name in CASES:
        lines = [json.dumps([float(f"{value:.10g}") for value in array])
                 for array in results(torch, torch.nn.functional, name)]
        blocks.append(f'"{name}": [\n' + ",\n".join(lines) + "\n]")
    FILE.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
