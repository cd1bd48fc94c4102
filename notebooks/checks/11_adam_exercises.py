"""Checks for the exercises of 11_adam.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole


@hole("Ahead", "exp_avg + (1 - beta1) * (grad - exp_avg) stands in the place of exp_avg, and n + 1 "
               "in that of n, in its correction.")
def _(Ahead, walk):
    def path(grads, lr, beta1, beta2, eps, start):
        places = [np.full(grads.shape[1], start)]
        for n in range(1, len(grads) + 1):
            seen = [*grads[:n], grads[n - 1]]  # the last one twice
            m = sum((1 - beta1) * beta1 ** (n - k) * g for k, g in enumerate(seen))
            v = sum((1 - beta2) * beta2 ** (n - 1 - k) * g**2 for k, g in enumerate(grads[:n]))
            step = m / (1 - beta1 ** (n + 1)) / (np.sqrt(v / (1 - beta2**n)) + eps)
            places.append(places[-1] - lr * step)
        return np.array(places)

    rng = np.random.default_rng(11)
    expect("the places of a weight at rate 0.1, for ten gradients of 1",
           lambda: walk(Ahead, np.ones((10, 1)), lr=0.1)[:, 0], -0.1 * np.arange(11), 1e-6)
    for lr, betas, eps in (0.1, (0.9, 0.999), 1e-8), (0.3, (0.5, 0.9), 1e-8), (
            0.02, (0.8, 0.99), 0.5):
        grads = rng.normal(size=(6, 3)) * [1, 10, 0.1]
        expect(f"the paths of 3 weights in 6 steps, lr {lr}, betas {betas}, eps {eps}",
               lambda o=dict(lr=lr, betas=betas, eps=eps), g=grads: walk(Ahead, g, 2.0, **o),
               path(grads, lr, *betas, eps, 2.0), 1e-7)


@hole("plan", "Try OneCycleLR with another highest rate.")
def _(plan, train, hot, LinearLR, CosineAnnealingLR, SequentialLR):
    def both(optimizer):
        rise = LinearLR(optimizer, 0.01, total_iters=50)
        return SequentialLR(optimizer, [rise, CosineAnnealingLR(optimizer, 250)], [50])

    shares = []
    for choice in plan, both:
        runs = [train(plan=choice, seed=seed, **hot) for seed in (1, 2)]
        shares.append(float(np.mean([run[2] for run in runs])))
        rates = runs[0][1]
        if choice is plan and not (len(rates) == 300 and np.ptp(rates) > 1e-4):
            raise Wrong("expected a plan that moves the rate in 300 steps, got rates from "
                        f"{min(rates):.4g} to {max(rates):.4g}")
    if not shares[0] > shares[1]:
        raise Wrong(f"from seeds 1 and 2: expected more right answers than {shares[1]:.1%}, which "
                    f"`both` has, got {shares[0]:.1%}")


@hole("clipping", "How large must b's gradients be, if all are shortened to the length 1 together?",
      "Call clip_grad_norm_ for each parameter alone.")
def _(fooling, clip_each, Tensor):
    if not (np.isfinite(fooling) and 2 * abs(fooling) > 1e6 * 6**0.5):
        length = 6**0.5 / np.sqrt(6 + 4.0 * float(fooling) ** 2)
        raise Wrong(f"fooling = {fooling}: expected a finite number after which w's gradients, six "
                    f"ones, are shorter than 1e-6, got the length {length:.3g}")
    rng = np.random.default_rng(11)
    for max_norm in 1.0, 2.5:
        ps = [Tensor(np.zeros(shape), True) for shape in ((2, 3), (4,), (2,), (3,), (1,))]
        grads = [rng.normal(size=p.shape) * size for p, size in zip(ps, (3, 1e9, 0.01, 1, 5))]
        for p, g in zip(ps, grads):
            p.grad = Tensor(g.copy())
        ps[3].grad = None
        clip_each(ps, max_norm)
        expect("a gradient that was None", ps[3].grad, None)
        for i in 0, 1, 2, 4:
            length = sum(x * x for x in grads[i].ravel()) ** 0.5
            factor = max_norm / length if length > max_norm else 1.0
            expect(f"max_norm {max_norm}: a gradient of {grads[i].size} numbers, {length:.3g} long",
                   ps[i].grad.data, factor * grads[i], 1e-5)
