"""Checks for the exercises of 04_loss.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole, way_back


@hole("soft_cross_entropy", "Multiply by q, sum over the classes, take the mean over the rows.")
def _(soft_cross_entropy, Tensor):
    def plain(logits, q):
        rows = [sum(w * np.log(sum(np.exp(a - z) for a in row)) for z, w in zip(row, weights))
                for row, weights in zip(logits, q)]
        return sum(rows) / len(rows)

    rng = np.random.default_rng(4)
    for n, k in (1, 2), (5, 3):
        logits, q = rng.normal(size=(n, k)) * 2, rng.uniform(size=(n, k))
        q /= q.sum(1, keepdims=True)
        case = f"{n} logits of {k} classes"
        way_back(case, lambda z, q=q: soft_cross_entropy(z, Tensor(q)),
                 lambda z, q=q: plain(z, q), [logits], Tensor)
    expect("logits 1000 and 0, all weight on the second",
           lambda: soft_cross_entropy(Tensor(np.array([[1000.0, 0.0]])),
                                      Tensor(np.array([[0.0, 1.0]]))), np.array(1000.0))


@hole("pinball", "Where the target is larger the loss grows by 0.9 for each unit, else by 0.1.")
def _(pinball, Tensor):
    rng = np.random.default_rng(4)
    for name, target in [("squares of normal numbers", rng.normal(size=300) ** 2),
                         ("numbers from 1 to 3", rng.uniform(1, 3, 300)),
                         ("0, 1, ... 299", np.arange(300.0))]:
        grid = np.sort(target)
        losses = [pinball(Tensor(np.full(300, c)), Tensor(target)) for c in grid]
        expect(f"{name}: the shape of a loss", np.shape(losses[0].data), ())
        best = grid[np.argmin([loss.item() for loss in losses])]
        share = np.mean(target < best)
        if not 0.895 < share < 0.905:
            raise Wrong(f"{name}: expected nine tenths of the targets below the best constant, "
                        f"got {share:.1%} below {best:.2f}")
        c = Tensor(np.full(300, 500.0), True)
        pinball(c, Tensor(target)).backward()
        if c.grad is None or not (np.asarray(c.grad.data) > 0).all():
            raise Wrong(f"{name}: expected gradients above 0 where the input is too large, got "
                        f"{None if c.grad is None else c.grad.data[:3]}")


@hole("gap", "Numbers below half of the smallest float32 are rounded to 0. Take the logarithm.")
def _(gap):
    with np.errstate(under="ignore"):
        small = [np.exp(-np.float32(g)) for g in (gap, gap + 1)]
    expect("is gap a whole number", gap == int(gap), True)
    for g, p, positive in (gap, small[0], True), (gap + 1, small[1], False):
        words = "inf", "finite"
        if (p > 0) != positive:
            raise Wrong(f"logits 0 and -{g}: expected that the naive loss is {words[positive]}, "
                        f"but it is {words[not positive]}: float32 e^-{g} is {p:.1e}")
