"""Checks for the exercises of 05_optimizer.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole


@hole("look_ahead", "One line of a step changes: curvatures * (p + m * v) is the gradient.",
      "Ask when the matrix of a step has the eigenvalue -1, on the steep axis.")
def _(nesterov, border):
    m, curvatures = 0.9, np.array([1.0, 49.0])
    for lr in 0.02, 0.005:
        old, path = np.array([-9.0, 2.0]), [np.array([-9.0, 2.0])]
        for _ in range(40):
            ahead = path[-1] + m * (path[-1] - old)
            old = path[-1]
            path.append(ahead - lr * curvatures * ahead)
        expect(f"the points of nesterov({lr}, 40)", lambda lr=lr: np.array(nesterov(lr, 40)),
               np.array(path), 1e-8)
    for share, word in (0.999, "converges"), (1.001, "diverges"):
        c = 49 * border * share
        size = abs(np.linalg.eigvals([[(1 - c) * m, -c], [(1 - c) * m, 1 - c]])).max()
        if (size < 1) != (share < 1):
            raise Wrong(f"expected that at {share} times border = {border:.6g} the ball {word}, "
                        f"but a step multiplies by {size:.4f} there")


@hole("Proximal", "moving(self.params) gives those that move; alpha is for the threshold alone.")
def _(Proximal, Tensor):
    def moved(w, g, lr, alpha, decay):
        w = w - lr * (g + decay * w)
        return np.array([0 if abs(x) <= lr * alpha else x - lr * alpha * (1 if x > 0 else -1)
                         for x in w])

    rng = np.random.default_rng(5)
    for lr, alpha, decay in (0.1, 0.0, 0.0), (0.1, 2.0, 0.0), (0.25, 0.5, 0.3), (0.5, 1.0, 0.2):
        w, frozen, alone = (Tensor(rng.normal(size=9) / 2, True) for _ in range(3))
        frozen.requires_grad, wanted = False, w.data.copy()
        others = frozen.data.copy(), alone.data.copy()
        optimizer = Proximal([w, frozen, alone], lr=lr, alpha=alpha, weight_decay=decay)
        case = f"lr {lr}, alpha {alpha}, weight_decay {decay}"
        for step in 1, 2, 3:
            g = rng.normal(size=9)
            w.grad, frozen.grad = Tensor(g.copy()), Tensor(g.copy())
            optimizer.step()
            wanted = moved(wanted, g, lr, alpha, decay)
            expect(f"{case}: the weights after step {step}", w.data, wanted, 1e-9)
            expect(f"{case}: which weights are exactly 0", w.data == 0, wanted == 0)
        expect("a frozen parameter, and one without a gradient",
               np.array([frozen.data, alone.data]), np.array(others))


@hole("quicker", "0.58 instead of 0.5625 was quicker. More momentum, at the same learning rate.")
def _(quicker):
    def steps(kappa, lr, momentum):
        p, v, last = np.ones(2), np.zeros(2), 0
        for step in range(1, 601):
            v = momentum * v - lr * np.array([1, kappa]) * p
            p = p + v
            if not np.hypot(*p) <= 1e-6 * 2**0.5:
                last = step
            if not np.hypot(*p) < 1e9:
                return np.inf
        return last + 1 if last < 600 else np.inf

    for kappa in 25, 49, 225:
        root = kappa**0.5
        polyaks = steps(kappa, (2 / (root + 1)) ** 2, ((root - 1) / (root + 1)) ** 2)
        lr, momentum = quicker(kappa)
        found = steps(kappa, lr, momentum)
        if not found <= 0.95 * polyaks:
            raise Wrong(f"with curvatures 1 and {kappa}: expected at most {int(0.95 * polyaks)} "
                        f"steps, got {found} with lr {lr:.4g} and momentum {momentum:.4g}")
