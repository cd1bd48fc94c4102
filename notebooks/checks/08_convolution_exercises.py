"""Checks for the exercises of 08_convolution.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole


@hole("field", "Two kernels of 3: one position, then 3, then 5. A stride of 2 spreads positions.")
def _(field):
    for layers in ([], [(3, 1)], [(3, 1), (3, 1)], [(5, 1), (2, 2), (5, 1)], [(2, 2), (3, 1)],
                   [(3, 2), (4, 3), (2, 1)], [(7, 4), (3, 2), (3, 2), (2, 2)]):
        seen = {0}  # the pixels themselves, layer by layer
        for kernel, stride in reversed(layers):
            seen = {place * stride + k for place in seen for k in range(kernel)}
        expect(f"field({layers})", lambda layers=layers: field(list(layers)), len(
            range(min(seen), max(seen) + 1)))


@hole("conv_transpose", "weight.reshape(O, -1).T @ y as (O, N·h·w) has the numbers of all windows.",
      "add_back adds these numbers to the pixels of pictures: kernel (kh, kw), padding (0, 0).")
def _(conv_transpose):
    rng = np.random.default_rng(8)
    for (n, c, h, w), (o, kh, kw), (s, t) in [((1, 1, 3, 3), (1, 2, 2), (1, 1)),
                                              ((2, 3, 7, 8), (4, 3, 2), (1, 1)),
                                              ((2, 3, 7, 8), (4, 3, 2), (2, 3)),
                                              ((3, 2, 6, 5), (1, 2, 3), (2, 1))]:
        weight = rng.normal(size=(o, c, kh, kw))
        y = rng.normal(size=(n, o, (h - kh) // s + 1, (w - kw) // t + 1))
        x = np.zeros((n, c, h, w))
        for i, j, k, m in np.ndindex(*y.shape):
            x[i, :, k * s:k * s + kh, m * t:m * t + kw] += y[i, j, k, m] * weight[j]
        expect(f"y {y.shape}, weight {weight.shape}, stride {(s, t)} into {x.shape}",
               lambda a=(y, weight, (s, t), x.shape): conv_transpose(*a), x, 1e-9)


@hole("strokes", "kernel[:, [j]] is a column that stays a column; divide by the number at [i, j].")
def _(strokes):
    rng = np.random.default_rng(8)
    kernels = {"Sobel's": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
               "its transpose": [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
               "mostly zeros": np.outer([0, 0, -2], [0, 3, 1]),
               "a first number near 0": np.outer([1e-9, 1, 2], [1, 2, 3.0])}
    kernels |= {f"random, number {i}": np.outer(*rng.normal(size=(2, 3))) for i in range(5)}
    for name, kernel in kernels.items():
        kernel = np.array(kernel, float)
        parts = strokes(kernel)
        expect(f"{name}: how many strokes", len(parts), 2)
        expect(f"{name}: their shapes", [np.shape(part) for part in parts], [(3, 1), (1, 3)])
        down, across = map(np.asarray, parts)
        product = np.array([[d * a for a in across[0]] for d in down[:, 0]])
        if not np.isfinite(product).all():
            raise Wrong(f"{name}: expected finite numbers, got {down.ravel()} and {across.ravel()}")
        expect(f"{name}: the column times the row", product, kernel, 1e-6)
