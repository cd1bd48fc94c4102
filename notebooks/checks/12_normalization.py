"""Checks for the holes of 12_normalization.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole, way_back


def scored(rows, eps=1e-5):
    """Each row's standard scores, by another road: from the distances of all pairs."""
    rows = np.asarray(rows, float)
    apart = rows[:, :, None] - rows[:, None]
    return apart.mean(2) / np.sqrt((apart**2).mean((1, 2)) / 2 + eps)[:, None]


def refused(case, call):
    """Raise Wrong unless call raises ValueError."""
    try:
        got = call()
    except ValueError:
        return
    raise Wrong(f"{case}: expected ValueError, got {'None' if got is None else 'a result'}")


@hole("FirstNorm.forward",
      "x.mean(0) is the mean of each feature over the batch, x.var(0, correction=0) its variance "
      "(divided by n; without the word it would be n - 1).",
      "Subtract the mean, divide by the root of the variance. The tiny number, 1e-5, is added to "
      "the variance, so that a feature that is the same in all images becomes 0.")
def _(FirstNorm):
    from nptorch import Tensor

    rng = np.random.default_rng(0)
    for name, x in [("[[1], [2], [6]]", [[1.0], [2.0], [6.0]]),
                    ("[[0, 7], [0.002, 7], [0.004, 7]], small spreads", [[0.0, 7.0], [0.002, 7.0],
                                                                         [0.004, 7.0]]),
                    ("(5, 3)", rng.normal(size=(5, 3)) * [1, 10, 0.1] + [0, 5, -1])]:
        way_back(f"the batch {name}, 1e-5 beside a variance divided by n", lambda x: FirstNorm()(x),
                 lambda x: scored(x.T).T, [x], Tensor)


@hole("_normalize",
      "Forward: mean and variance (divided by n) over the last dimension, kept as (..., 1), are "
      "written into the list: stats[:] = mean, var. normal = (x - mean) / sqrt(var + eps).",
      "The way back to x takes three lines: g times weight; minus its mean, and minus normal times "
      "the mean of g · normal; divided by sqrt(var + eps). Don't change the g that was handed in.",
      "The weight's gradient is g · normal, the bias's is g; the engine sums what was broadcast.")
def _(_normalize):
    from nptorch import Tensor

    rng = np.random.default_rng(0)

    def plain(x, weight=1.0, bias=0.0, eps=1e-5):
        return scored(x.reshape(-1, x.shape[-1]), eps).reshape(x.shape) * weight + bias

    for shape, size in ((1, 3), (3,)), ((3, 4), (4,)), ((3, 4), (3, 1)), ((2, 2, 3), (3,)):
        x, w, b = (rng.normal(size=s) * 2 + 1 for s in (shape, size, size))
        case = f"x {shape}, weight and bias {size}"
        way_back(case, lambda *a: _normalize(*a, 1e-5, []), plain, [x, w, b], Tensor)
        way_back(f"{case}, eps 0.5", lambda *a: _normalize(*a, 0.5, []),
                 lambda *a: plain(*a, 0.5), [x, w, b], Tensor)
        way_back(f"x {shape}, weight 1 and bias 0 as numbers",
                 lambda x: _normalize(x, 1.0, 0.0, 1e-5, []), plain, [x], Tensor)
        way_back(f"x {shape}, weight {size}, bias 0 as a number",
                 lambda x, w: _normalize(x, w, 0.0, 1e-5, []), plain, [x, w], Tensor)
        way_back(f"x {shape}, weight 1 as a number, bias {size}",
                 lambda x, b: _normalize(x, 1.0, b, 1e-5, []), lambda x, b: plain(x, 1.0, b),
                 [x, b], Tensor)
    stats, x = [], Tensor(np.array([[1.0, 3.0], [0.0, 8.0]], np.float32), True)
    w, b = (Tensor(np.array([2, 2], np.float32), True) for _ in range(2))
    out = _normalize(x, w, b, 1e-5, stats)
    expect("x [[1, 3], [0, 8]]: how many things are in stats", len(stats), 2)
    expect("x [[1, 3], [0, 8]]: the mean in stats", np.asarray(stats[0]), np.array([[2.0], [4.0]]))
    expect("x [[1, 3], [0, 8]]: the variance in stats", np.asarray(stats[1]),
           np.array([[1.0], [16.0]]))
    expect("x [[1, 3], [0, 8]] itself, afterwards", x, np.array([[1.0, 3.0], [0.0, 8.0]]))
    g = np.array([[1.0, 0.0], [0.0, 3.0]], np.float32)
    backs = [back for _, back in out.grad_fn.edges]
    expect("float32: the dtypes of the value, and of the gradients of x, weight and bias",
           [str(out.dtype), *(str(back(g).dtype) for back in backs)], ["float32"] * 4)
    expect("the g that was handed to the ways back, afterwards", g, np.array([[1, 0], [0, 3]]))


@hole("batch_norm",
      "A feature's numbers are input[:, c]. With C in front, (C, N, ...), and the rest flattened, "
      "they are a row: then _normalize does all of it, with a weight and a bias (C, 1).",
      "In training the running values are averages that fade, changed in place: running_mean.data "
      "loses the share momentum of itself and takes it from the batch's mean; running_var.data "
      "likewise, from the batch's variance divided by n - 1, n the numbers of a feature.",
      "Otherwise the running values stand for the batch's, and stay. At last bring the shape back.")
def _(batch_norm):
    from nptorch import Tensor

    rng = np.random.default_rng(0)

    def by_features(x, weight=None, bias=None, mean=None, var=None, eps=1e-5):
        y = np.empty_like(x)
        for c in range(x.shape[1]):
            row = x[:, c]
            normal = (scored(row.reshape(1, -1), eps).reshape(row.shape) if mean is None else
                      (row - mean[c]) / np.sqrt(var[c] + eps))
            y[:, c] = normal * (1 if weight is None else weight[c])
            y[:, c] += 0 if bias is None else bias[c]
        return y

    for shape in (3, 1), (2, 1), (4, 3), (1, 2, 3), (3, 2, 2, 1):
        C = shape[1]
        x, w, b = (rng.normal(size=s) * 2 + 1 for s in (shape, (C,), (C,)))
        mean, var = rng.normal(size=C), rng.uniform(0.5, 2, C)
        rows = np.moveaxis(x, 1, 0).reshape(C, -1)
        for momentum, eps in (0.1, 1e-5), (0.5, 0.2):
            options = {} if momentum == 0.1 else {"momentum": momentum, "eps": eps}
            for training in True, False:
                running = Tensor(mean.copy()), Tensor(var.copy())
                used = {"eps": eps} if training else {"mean": mean, "var": var, "eps": eps}
                case = f"input {shape}, {'training' if training else 'not training'}, eps {eps}"
                f = lambda x, w=None, b=None: batch_norm(x, *running, w, b, training, **options)
                expect(f"{case}", lambda: f(Tensor(x)), by_features(x, **used))
                news = [running[0].data.copy(), running[1].data.copy()]
                for old, new, batch, name in zip((mean, var), news, (rows.mean(1),
                                                 rows.var(1, ddof=1)), ("mean", "var")):
                    expect(f"{case}, momentum {momentum}: running_{name} {old.round(3)}, the "
                           f"batch's is {batch.round(3)}, becomes", new,
                           old + momentum * training * (batch - old))
                way_back(case, f, lambda x: by_features(x, **used), [x], Tensor)
                way_back(f"{case}, with weight and bias", f,
                         lambda *a: by_features(*a, **used), [x, w, b], Tensor)
    x, running = Tensor(np.ones((1, 2))), [Tensor(np.ones(2)) for _ in range(2)]
    refused("one number a feature, input (1, 2), training",
            lambda: batch_norm(x, *running, training=True))
    expect("input (1, 2), not training", lambda: batch_norm(x, *running), np.zeros((1, 2)))


@hole("layer_norm",
      'size = integers("normalized_shape", (normalized_shape,)) makes a tuple of 3 as of (3,). '
      "The last dimensions of the input must be these; else ValueError.",
      "As rows of n numbers, n the product of size, _normalize does the rest.",
      "weight and bias must be rows, too: _affine(weight, bias, n) makes 1 and 0 of None.")
def _(layer_norm):
    from nptorch import Tensor

    rng = np.random.default_rng(0)
    for shape, size, depth in [((1, 3), 3, 1), ((3, 4), (4,), 1), ((2, 2, 3), 3, 1),
                               ((2, 3, 2), (3, 2), 2), ((3, 2), [3, 2], 2)]:
        x, w, b = (rng.normal(size=s) * 2 + 1 for s in (shape, shape[-depth:], shape[-depth:]))

        def plain(x, weight=1.0, bias=0.0, eps=1e-5):
            return scored(x.reshape(-1, w.size), eps).reshape(x.shape) * weight + bias

        case = f"input {shape}, normalized_shape {size}"
        way_back(case, lambda x: layer_norm(x, size), plain, [x], Tensor)
        way_back(f"{case}, eps 0.5", lambda x: layer_norm(x, size, eps=0.5),
                 lambda x: plain(x, eps=0.5), [x], Tensor)
        way_back(f"{case}, with weight and bias", lambda *a: layer_norm(a[0], size, *a[1:]), plain,
                 [x, w, b], Tensor)
        way_back(f"{case}, with a weight", lambda x, w: layer_norm(x, size, w), plain, [x, w],
                 Tensor)
        way_back(f"{case}, with a bias", lambda x, b: layer_norm(x, size, None, b),
                 lambda x, b: plain(x, 1.0, b), [x, b], Tensor)
    for shape, size in ((2, 3), 2), ((2, 3), (2,)), ((3, 2), (2, 3)), ((3,), (1, 3)):
        refused(f"input {shape}, normalized_shape {size}",
                lambda: layer_norm(Tensor(np.ones(shape)), size))
