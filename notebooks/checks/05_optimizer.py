"""Checks for the holes of 05_optimizer.ipynb."""

import numpy as np
from workbook import expect, hole

RNG = np.random.default_rng(0)


@hole("step_matrix",
      "A step: v' = momentum · v - lr · curvature · p, and then p' = p + v'.",
      "Put v' into p' = p + v', and read off what stands before p and before v: that is a row.",
      "The first row makes the place, the second the velocity.")
def _(step_matrix):
    for lr, m, curvature in (0.1, 0.0, 1.0), (0.04, 0.7, 49.0), (0.5, 0.9, 3.0):
        case = f"step_matrix({lr}, {m}, {curvature})"
        for p, v in (1.0, 0.0), (0.0, 1.0), (2.0, -3.0):
            faster = m * v - lr * curvature * p
            expect(f"{case} applied to place {p}, velocity {v}",
                   lambda: step_matrix(lr, m, curvature) @ np.array([p, v]),
                   np.array([p + faster, faster]))


@hole("_regularization",
      "moving(self.params) yields (number, parameter) for all that have a gradient and want one.",
      "The derivative of alpha · |p| is alpha · sign(p), that of weight_decay · p² / 2 is "
      "weight_decay · p: add both to p.grad.data.")
def _(Optimizer, Tensor):
    for alpha, decay in (0.0, 0.0), (0.3, 0.0), (0.0, 0.2), (0.3, 0.2):
        p, q = (Tensor(np.array(x), True) for x in ([2.0, -0.5, 0.0], [[4.0]]))
        p.grad, q.grad = Tensor(np.array([1.0, 1.0, 1.0])), Tensor(np.array([[0.0]]))
        frozen, fresh = Tensor(np.array([1.0]), True), Tensor(np.array([1.0]), True)
        frozen.grad = Tensor(np.array([5.0]))
        frozen.requires_grad_(False)
        Optimizer([p, frozen, fresh, q], alpha=alpha, weight_decay=decay)._regularization()
        case = f"alpha {alpha}, weight_decay {decay}"
        expect(f"{case}: the gradient [1, 1, 1] at [2, -0.5, 0] becomes", p.grad,
               1 + alpha * np.array([1, -1, 0]) + decay * np.array([2, -0.5, 0]))
        expect(f"{case}: the gradient 0 of a second parameter, 4, becomes", q.grad,
               np.array([[alpha + 4 * decay]]))
        expect(f"{case}: the gradient 5 of a frozen parameter", frozen.grad, np.array([5.0]))
        expect(f"{case}: the gradient of a parameter that has none", fresh.grad, None)
        expect(f"{case}: the parameter itself", p, np.array([2.0, -0.5, 0.0]))


@hole("SGD.step",
      "For each (i, p) of moving(self.params): without momentum, p.data loses lr times the "
      "gradient.",
      "With momentum, the velocity self.v[i] becomes momentum times itself, less lr times the "
      "gradient, and p.data gains it.",
      "self._share[i] multiplies the push (it is 1 until dampening makes it less); after a push it "
      "is 1 - dampening.")
def _(SGD, Tensor):
    for m, steps, alpha, dampening in [(0.0, 1, 0.0, 0), (0.0, 3, 0.5, 0), (0.9, 1, 0.0, 0),
                                       (0.9, 2, 0.0, 0), (0.5, 4, 0.5, 0), (0.9, 3, 0.0, 0.25),
                                       (0.0, 2, 0.0, 0.25)]:
        p, q = (Tensor(np.array(x), True) for x in ([2.0, -1.0], [[4.0]]))
        frozen, fresh = Tensor(np.array([1.0]), True), Tensor(np.array([1.0]), True)
        frozen.grad = Tensor(np.array([5.0]))
        frozen.requires_grad_(False)
        options = {"lr": 0.1, "momentum": m, "alpha": alpha, "dampening": dampening}
        optimizer = SGD([fresh, p, frozen, q], **options)
        places, v = [np.array([2.0, -1.0]), np.array([[4.0]])], [0.0, 0.0]
        for step in range(steps):
            for k, x in enumerate((p, q)):
                g = np.full(x.shape, 1.0 + step + k)
                x.grad = Tensor(g.copy())
                share = 1 if step == 0 else 1 - dampening * (m > 0)
                v[k] = m * v[k] - 0.1 * share * (g + alpha * np.sign(places[k]))
                places[k] = places[k] + v[k]
            optimizer.step()
        case = f"{steps} steps with {options}, gradients 1, 2, ..."
        expect(f"{case}: from [2, -1] to", p, places[0])
        expect(f"{case}: a second parameter, gradients 2, 3, ..., from 4 to", q, places[1])
        expect(f"{case}: the second's gradient afterwards, penalty included", q.grad,
               g + alpha * np.sign(places[1] - v[1]))
        expect(f"{case}: a frozen parameter", frozen, np.ones(1))
        expect(f"{case}: one without a gradient", fresh, np.ones(1))
        if m:
            expect(f"{case}: the velocity", optimizer.v[1], v[0])
            expect(f"{case}: the velocity is a", type(optimizer.v[1]).__name__, "ndarray")


@hole("rate",
      "For each curvature, solve z² - (1 + m - lr·λ)·z + m = 0: middle ± root, where middle is "
      "half of the bracket.",
      "root is the square root of middle² - m, imaginary where that is negative: np.emath.sqrt.",
      "The rate is the largest of all sizes abs(z): np.max over the first axis, since lr and "
      "momentum may be arrays.")
def _(rate):
    def by_eigenvalues(lr, m, curvatures):
        matrices = [np.array([[1 - lr * c, m], [-lr * c, m]]) for c in curvatures]
        return np.abs(np.linalg.eigvals(matrices)).max()

    for lr, m in (0.02, 0.0), (0.04, 0.0), (0.02, 0.4), (0.04, 0.7), (0.03, 0.95), (0.2, 0.5):
        for curvatures in (1.0,), (49.0,), (1.0, 49.0), (3.0, 1.0, 10.0):
            expect(f"rate({lr}, {m}, {curvatures})", lambda: rate(lr, m, curvatures),
                   by_eigenvalues(lr, m, curvatures))
    lrs, momenta = np.meshgrid([0.01, 0.05], [0.0, 0.5, 0.9])
    expect("rate of arrays", lambda: rate(lrs, momenta),
           np.vectorize(lambda lr, m: by_eigenvalues(lr, m, (1.0, 49.0)))(lrs, momenta))


@hole("sharpest",
      "First bring d to length 1, with np.linalg.norm.",
      "Hd is a difference of gradients: (g(w + h·d) - g(w - h·d)) / 2h.",
      "The curvature along d is the sum of d · Hd; the next d is Hd.")
def _(sharpest):
    def around(H, w, bend=0.0):
        middle = np.ones(w.size)

        def gradient(x):
            d = x.ravel() - middle
            return (H @ d + bend * (d - w.ravel() + middle) ** 2).reshape(w.shape)

        return gradient

    turn, _ = np.linalg.qr(RNG.normal(size=(4, 4)))
    for case, H, w in [("curvature 3 on one axis", np.diag([3.0]), np.array([5.0])),
                       ("curvatures 1 and 49", np.diag([1.0, 49.0]), np.array([-9.0, 2.0])),
                       ("curvatures 7, 2, 1 and 0.5, turned",
                        turn @ np.diag([7.0, 2.0, 1.0, 0.5]) @ turn.T, RNG.normal(size=(2, 2)))]:
        largest = np.linalg.eigvalsh(H)[-1]
        before = w.copy()
        expect(f"{case}: the largest", lambda: sharpest(around(H, before), w), largest, 0, 1e-5)
        expect(f"{case}: the place w afterwards", w, before, 0, 0)
        expect(f"{case}, and a gradient that bends, h 0.1: the largest",
               lambda: sharpest(around(H, w, bend=0.5), w, h=0.1), largest, 0, 1e-5)
