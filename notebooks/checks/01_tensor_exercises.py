"""Checks for the exercises of 01_tensor.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole


@hole("Dual", "In a product each factor's slope is multiplied by the other factor's value.")
def _(Dual):
    for p, s, q, t in (3, 1, 2, 0), (3, 0, 2, 1), (0, 5, 7, -2), (0.5, 2, -4, 3):
        x, y = Dual(p, s), Dual(q, t)
        case = f"Dual({p}, {s}) {{}} Dual({q}, {t})"
        for sign, value, slope in ("+", p + q, s + t), ("*", p * q, s * q + p * t):
            said = case.format(sign)
            out = x + y if sign == "+" else x * y
            expect(f"{said}: is it a Dual", isinstance(out, Dual), True)
            expect(f"the value of {said}", out.value, value)
            expect(f"the slope of {said}", out.slope, slope)
        expect("the two Duals afterwards", [x.value, x.slope, y.value, y.slope], [p, s, q, t])
        h = 1e-6
        product = lambda h: ((p + s * h) * (q + t * h) + (p + s * h)) * (p + s * h)
        expect(f"x = Dual({p}, {s}), y = Dual({q}, {t}): the slope of (x * y + x) * x",
               lambda: ((x * y + x) * x).slope, (product(h) - product(-h)) / (2 * h), 1e-4)


@hole("line", "Move w and b by -0.2 times their gradients, under no_grad, and zero these.")
def _(line):
    rng = np.random.default_rng(1)
    for n, w, b in (20, 2, 1), (50, -3, 0.5), (3, 0.25, -4):
        x = np.linspace(-1, 1, n) if n == 3 else rng.uniform(-1, 1, n)
        noise = rng.standard_normal(n) / 5
        wanted = np.polyfit(x, w * x + b + noise, 1)
        before = x.copy()
        try:
            found = [float(np.asarray(getattr(part, "data", part)))
                     for part in line(x, w * x + b + noise)]
        except (TypeError, ValueError) as error:
            raise Wrong(f"line of {n} points: expected two numbers, w and b; got "
                        f"{type(error).__name__}: {error}") from None
        expect(f"w and b for {n} points near the line {w} x + {b}", np.array(found), wanted, 0.005)
        expect("the points afterwards", x, before)


@hole("yours", "Who stands first in a product is the first in the queue.")
def _(yours, f, Num, walk_back):
    def grads(choose, p, q):
        a, b = Num(p), Num(q)
        walk_back(yours(a, b), choose)
        return [a.grad, b.grad]

    for p, q in (3, 2), (5, -4), (-2, 7):
        expect(f"the value of yours({p}, {q})", lambda: yours(p, q), f(p, q))
        slopes = [q * (2 * p * q + 2 * p), p * p * (2 * q + 1)]
        expect(f"by the youngest first, the slopes of yours({p}, {q})",
               grads(lambda waiting: max(waiting, key=lambda node: node.born), p, q), slopes)
        expect(f"by the queue, the slopes of yours({p}, {q})",
               grads(lambda waiting: waiting[0], p, q), slopes)
        if grads(lambda waiting: min(waiting, key=lambda node: node.born), p, q) == slopes:
            raise Wrong(f"oldest first, the slopes of yours({p}, {q}): expected wrong ones, got "
                        f"{slopes}, which are right")
