"""Checks for the holes of 08_convolution.ipynb."""

import numpy as np
from workbook import expect, hole, way_back

RNG = np.random.default_rng(0)
PLAIN = (1, 1), (0, 0), (1, 1)
CASES = [  # images, kernel, stride, padding, dilation
    ((1, 1, 2, 3), (1, 2), *PLAIN), ((1, 1, 3, 3), (2, 2), *PLAIN), ((2, 3, 4, 5), (3, 2), *PLAIN),
    ((1, 2, 5, 6), (2, 3), (2, 3), (0, 0), (1, 1)), ((2, 1, 3, 4), (3, 2), (1, 1), (2, 1), (1, 1)),
    ((1, 2, 5, 7), (2, 2), (1, 2), (1, 0), (2, 3)),
]


def places(shape, kernel, stride, padding, dilation):
    """Yield (i, j, row, column, y, x): pixel (i, j) of the kernel, at position (row, column), lies
    on pixel (y, x) of the padded images, whose size comes with it."""
    (H, W), (kh, kw), (s, t), (p, q), (d, e) = shape[2:], kernel, stride, padding, dilation
    h, w = (H + 2 * p - d * (kh - 1) - 1) // s + 1, (W + 2 * q - e * (kw - 1) - 1) // t + 1
    for i, j, row, column in np.ndindex(kh, kw, h, w):
        yield i, j, row, column, row * s + i * d, column * t + j * e


def unfolded(x, kernel, stride, padding, dilation):
    """What columns should give, by plain loops."""
    (p, q), found = padding, {}
    wide = np.pad(x, [(0, 0), (0, 0), (p, p), (q, q)])
    for i, j, row, column, y, z in places(x.shape, kernel, stride, padding, dilation):
        found[i, j, row, column] = wide[:, :, y, z]
    h, w = (max(key[k] for key in found) + 1 for k in (2, 3))
    value = np.zeros((x.shape[1], *kernel, x.shape[0], h, w))
    for (i, j, row, column), pixels in found.items():
        value[:, i, j, :, row, column] = pixels.T
    return value.reshape(-1, x.shape[0], h, w)


@hole("add_back",
      "windows(images, ...) is a view: what is written there is written into the images.",
      "g in the shape of that view is the parts, one for each place. Add for one pixel (i, j) of "
      "the kernel at a time, because within it no pixel of the picture occurs twice.",
      "At last cut the border of padding off.")
def _(add_back):
    for shape, kernel, stride, padding, dilation in CASES:
        x, (p, q) = np.zeros(shape), padding
        g = RNG.integers(1, 9, unfolded(x, kernel, stride, padding, dilation).shape).astype(float)
        parts = g.reshape(shape[1], *kernel, *g.shape[1:])
        wide = np.pad(x, [(0, 0), (0, 0), (p, p), (q, q)])
        for i, j, row, column, y, z in places(shape, kernel, stride, padding, dilation):
            wide[:, :, y, z] += parts[:, i, j, :, row, column].T
        expected = wide[:, :, p:p + shape[2], q:q + shape[3]]
        case = f"images {shape}, kernel {kernel}, stride {stride}, padding {padding}"
        expect(f"{case}, dilation {dilation}: the pixels",
               lambda: add_back(g, shape, kernel, stride, padding, dilation), expected)


@hole("columns",
      "seen is (C, kh, kw, N, h, w): make one of its first three dimensions.",
      "Its way back is add_back, with the shape that x had.")
def _(columns, Tensor):
    for shape, kernel, stride, padding, dilation in CASES:
        options = kernel, stride, padding, dilation
        way_back(f"columns of {shape}, kernel {kernel}, stride {stride}, padding {padding}, "
                 f"dilation {dilation}", lambda x: columns(x, *options),
                 lambda x: unfolded(x, *options), [RNG.normal(size=shape)], Tensor)


def slid(x, weight, bias, stride, padding, dilation, groups):
    """The convolution, one pixel of the kernel at a time."""
    if groups > 1:
        parts = [np.split(a, groups, axis) for a, axis in ((x, 1), (weight, 0), (bias, 0))]
        done = [slid(*part, stride, padding, dilation, 1) for part in zip(*parts)]
        return np.concatenate(done, 1)
    (s, t), (p, q), (d, e) = stride, padding, dilation
    kh, kw = weight.shape[2:]
    wide = np.pad(x, [(0, 0), (0, 0), (p, p), (q, q)])
    h, w = (wide.shape[2] - d * (kh - 1) - 1) // s + 1, (wide.shape[3] - e * (kw - 1) - 1) // t + 1
    y = np.zeros((len(x), len(weight), h, w)) + bias[:, None, None]
    for i, j in np.ndindex(kh, kw):
        seen = wide[:, :, i * d:i * d + s * (h - 1) + 1:s, j * e:j * e + t * (w - 1) + 1:t]
        y = y + np.einsum("nchw,oc->nohw", seen, weight[:, :, i, j])
    return y


@hole("conv2d",
      "seen is (C·kh·kw, N, h, w). Kernels as rows, windows as columns: (groups, maps of a group, "
      "depth·kh·kw) @ (groups, depth·kh·kw, N·h·w).",
      "The product is (maps, N, h, w) after a reshape; the pictures come first in the result.",
      "A bias (O,) is added to its map: as (O, 1, 1, 1), before the exchange.")
def _(conv2d, Tensor):
    two = (1, 1)
    for x, w, stride, padding, dilation, groups in [
        ((1, 1, 1, 2), (1, 1, 1, 1), two, (0, 0), two, 1),
        ((1, 1, 2, 3), (2, 1, 1, 2), two, (0, 0), two, 1),
        ((2, 3, 3, 4), (4, 3, 2, 3), two, (0, 0), two, 1),
        ((2, 1, 4, 5), (2, 1, 2, 2), (2, 3), (1, 2), (2, 1), 1),
        ((2, 4, 2, 3), (6, 2, 1, 2), two, (0, 0), two, 2),
        ((1, 3, 2, 2), (3, 1, 2, 1), two, (0, 1), two, 3),
    ]:
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        arrays = [RNG.normal(size=s) for s in (x, w, w[:1])]
        case = f"conv2d of images {x}, kernels {w}, stride {stride}, padding {padding}"
        case += f", dilation {dilation}, groups {groups}"
        way_back(case, lambda *a: conv2d(*a, **options),
                 lambda *a: slid(*a, stride, padding, dilation, groups), arrays, Tensor)
        way_back(f"{case}, no bias", lambda *a: conv2d(*a, **options),
                 lambda *a: slid(*a, np.zeros(w[0]), stride, padding, dilation, groups), arrays[:2],
                 Tensor)


@hole("max_pool2d",
      "_pooling(..., copies=True) gives (kh·kw, N·C, h, w): the largest along the first dimension.",
      "max(0).values lets the first of equals have the gradient.",
      "At last give the result its N and C back: (N, C, h, w).")
def _(max_pool2d, Tensor):
    def plain(x, kernel, stride, padding):
        (p, q), border = padding, -np.inf
        wide = np.pad(x, [(0, 0), (0, 0), (p, p), (q, q)], constant_values=border)
        one = unfolded(wide.reshape(-1, 1, *wide.shape[2:]), kernel, stride, (0, 0), (1, 1))
        return one.max(0).reshape(*x.shape[:2], *one.shape[2:])

    for shape, kernel, stride, padding in [
        ((1, 1, 1, 2), (1, 2), None, (0, 0)), ((1, 1, 2, 2), (2, 2), None, (0, 0)),
        ((2, 3, 4, 6), (2, 3), None, (0, 0)), ((2, 3, 5, 4), (3, 2), (2, 1), (1, 0)),
        ((1, 2, 4, 4), (2, 2), (1, 1), (1, 1)), ((1, 2, 5, 6), (2, 2), (3, 2), (0, 1)),
    ]:
        x = RNG.permutation(int(np.prod(shape))).reshape(shape) / 10 - 20
        way_back(f"max_pool2d of negative numbers {shape}, kernel {kernel}, stride {stride}, "
                 f"padding {padding}", lambda x: max_pool2d(x, kernel, stride, padding),
                 lambda x: plain(x, kernel, stride or kernel, padding), [x], Tensor)
    tie = Tensor(np.array([[[[0.0, 3.0], [3.0, 1.0]]]]), True)
    max_pool2d(tie, 2).backward(np.ones((1, 1, 1, 1)))
    expect("the window [[0, 3], [3, 1]]: the gradient", tie.grad, np.array([[[[0, 1], [0, 0]]]]))
