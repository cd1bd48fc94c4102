"""Checks for the holes of 11_adam.ipynb."""

from collections import defaultdict

import numpy as np
from workbook import Wrong, expect, hole


@hole("adagrad",
      "memory holds 0 under every name at first. Add the squares of the gradients up under one.",
      "Divide the gradient by the root of that sum. A weight that was never pushed would be 0 / 0: "
      "let a tiny number, 1e-10, stand beside the root.")
def _(adagrad):
    for grads in [3.0], [-2.0] * 4, [1.0, 7.0, -2.0]:
        memory = defaultdict(float)
        for n, grad in enumerate(grads, 1):
            expect(f"gradients {grads[:n]}, one a step: what the rule makes of the last",
                   lambda: adagrad(grad, memory), grad / np.linalg.norm(grads[:n]))
    memory = defaultdict(float)
    for grad, answer in ([4.0, 0.0, 0.01], [1, 0, 1]), ([-3.0, 0.0, 0.0], [-0.6, 0, 0]):
        with np.errstate(all="ignore"):
            expect(f"three weights, one of which is never pushed: what the rule makes of {grad}",
                   lambda: adagrad(np.array(grad), memory), np.array(answer))


@hole("adam",
      "Three things are remembered: n counts the steps, m is the fading average of grad, v that of "
      "grad**2.",
      "What the averages lack is known: divide m by 1 - 0.9**n, v by 1 - 0.999**n; by 1 if not "
      "corrected. Leave in the memory what was not divided.",
      "The root of v, plus 1e-8, divides m.")
def _(adam):
    def faded(numbers, keep):  # the newest counts most
        return np.average(numbers, axis=0, weights=keep ** np.arange(len(numbers), 0.0, -1))

    rng = np.random.default_rng(0)
    for name, grads in [("[2]", [2.0]), ("[-3, -3, -3]", [-3.0] * 3), ("[1, -5]", [1.0, -5.0]),
                        ("[1e-8], eps 1e-8", [1e-8]), ("drawn", rng.normal(size=40)),
                        ("of three weights", rng.normal(size=(5, 3)) * [0.01, 1, 100])]:
        for corrected in True, False:
            memory, grads = defaultdict(float), np.array(grads)
            for n in range(1, len(grads) + 1):
                m, v = faded(grads[:n], 0.9), faded(grads[:n] ** 2, 0.999)
                if not corrected:
                    m, v = m * (1 - 0.9**n), v * (1 - 0.999**n)
                options = {} if corrected else {"corrected": False}
                expect(f"gradients {name}, one a step{', not corrected' * (not corrected)}: what "
                       f"the rule makes of number {n}",
                       lambda: adam(grads[n - 1], memory, **options), m / (v**0.5 + 1e-8))


@hole("CosineAnnealingLR.__init__",
      "super().__init__(optimizer, plans, last_epoch), where plans has one function for each of "
      "optimizer.param_groups: of the step n it makes the factor of the first rate.",
      "Half a cosine is (1 + cos(π n / T_max)) / 2, from 1 to 0. The factor comes from 1, too, but "
      'ends at eta_min / first; a group\'s first rate is its "initial_lr", where it has that, else '
      'its "lr".',
      "A function made in a loop finds the loop's last value when it is called; a default, "
      "lambda n, low=low: ..., keeps each its own.")
def _(CosineAnnealingLR, Adam, Tensor):
    def rates(firsts, options, start, steps):
        weights = [Tensor(np.zeros(1), True) for _ in firsts]
        optimizer = Adam([{"params": [p], "lr": lr} for p, lr in zip(weights, firsts)])
        if start >= 0:  # a plan that has begun
            for group, first in zip(optimizer.param_groups, firsts):
                group |= {"lr": 0.03, "initial_lr": first}
        schedule, found = CosineAnnealingLR(optimizer, *options, last_epoch=start), []
        for n in range(steps):
            if n:
                schedule.step()
            found.append([group["lr"] for group in optimizer.param_groups])
        return np.array(found)

    for firsts, T, low, start in [([0.1], 1, 0.0, -1), ([0.1], 3, 0.02, -1), ([0.1], 4, 0.0, -1),
                                  ([0.1, 0.4], 6, 0.02, -1), ([0.1, 0.4], 6, 0.02, 2)]:
        steps = np.arange(start + 1, T + 1)
        case = f"first rates {firsts}, T_max {T}, eta_min {low}"
        case += f", after step {start} taken up at rates of 0.03" * (start >= 0)
        halves = np.cos(np.pi * steps / T / 2)[:, None] ** 2
        expect(f"{case}: the rates of steps {steps[0]} ... {T}, a row a step",
               lambda: rates(firsts, (T, low) if low else (T,), start, len(steps)),
               (low + (np.array(firsts) - low) * halves).round(12))


@hole("clip_grad_norm_",
      "All gradients are one long vector: its norm is the norm of the norms of its parts. "
      "np.linalg.norm takes norm_type; of an array of more than one dimension it wants .ravel().",
      "If the norm is above max_norm, multiply each p.grad.data, in place, by max_norm / norm.",
      "Return the old norm, as a Tensor of no dimension, in the dtype of the gradients. One "
      "parameter alone, or none with a gradient, is no mistake; a negative max_norm is one.")
def _(clip_grad_norm_, Tensor):
    def fresh(dtype=np.float64):
        grads = {"w": [[3.0, 0.0], [0.0, -2.0]], "b": [6.0], "unused": None}
        weights = {name: Tensor(np.zeros(np.shape(g or 0), dtype), True)
                   for name, g in grads.items()}
        for name, g in grads.items():
            weights[name].grad = None if g is None else Tensor(np.array(g, dtype))
        return weights

    for kind, norm in (2.0, 7.0), (1.0, 11.0), (3.0, 251 ** (1 / 3)), (np.inf, 6.0):
        for most in 100.0, 10.0, 3.5, 0.0:
            weights = fresh()
            case = f"gradients [[3, 0], [0, -2]], [6] and None, norm_type {kind}, max_norm {most}"
            options = {} if kind == 2 else {"norm_type": kind}
            expect(f"{case}: the norm", lambda: clip_grad_norm_(weights.values(), most, **options),
                   np.array(norm))
            share = min(most / norm, 1)
            for name, g in ("w", [[3.0, 0.0], [0.0, -2.0]]), ("b", [6.0]):
                expect(f"{case}: {name}'s gradient becomes", weights[name].grad,
                       share * np.array(g))
            expect(f"{case}: a gradient that is not there", weights["unused"].grad, None)
    for dtype in "float32", "float64":
        weights = fresh(dtype)
        found = clip_grad_norm_((p for p in weights.values()), 1.0)
        case = f"{dtype} gradients, of a generator's parameters"
        expect(f"{case}: the result is a", type(found).__name__, "Tensor")
        expect(f"{case}: the norm, and its dtype", (found.item(), str(found.dtype)), (7.0, dtype))
        expect(f"{case}: the dtype of what is left", str(weights["w"].grad.dtype), dtype)
    alone = fresh()["w"]
    expect("a single parameter, gradient [[3, 0], [0, -2]]", lambda: clip_grad_norm_(alone, 1.0),
           np.array(13**0.5))
    expect("no parameters at all", lambda: clip_grad_norm_([], 1.0), np.array(0.0))
    alone.grad = Tensor(np.zeros((2, 2)))
    expect("a gradient of zeros, max_norm 0", lambda: clip_grad_norm_([alone], 0.0), np.array(0.0))
    expect("a gradient of zeros, max_norm 0, afterwards", alone.grad, np.zeros((2, 2)))
    try:
        clip_grad_norm_([alone], -1.0)
    except ValueError:
        return
    raise Wrong("max_norm -1: expected ValueError, got silence")
