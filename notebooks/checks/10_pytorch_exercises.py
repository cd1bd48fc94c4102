"""Checks for the exercises of 10_pytorch.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole


@hole("first_flip", "a[layer][1] != b[layer][1] is true where a decision differs; the first number "
                    "of a place is the image.")
def _(first_flip):
    rng = np.random.default_rng(10)

    def decided():
        shapes = {1: (4, 2, 3, 3), 2: (4, 2, 2, 2), 4: (4, 5, 2, 2), 8: (4, 6)}
        return {layer: (rng.random(shape), rng.integers(0, 4, shape))
                for layer, shape in shapes.items()}

    for flips in [(2, 4, 3)], [(1, 8, 0)], [(1, 8, 0), (1, 2, 3)], [(2, 1, 0), (0, 8, 3)], [
            (1, 4, 3), (1, 4, 1)], [(0, 1, 0)]:
        one = [decided() for _ in range(3)]
        two = [{layer: (a + 1e-7, b.copy()) for layer, (a, b) in step.items()} for step in one]
        expect("two lists that decide alike", lambda: first_flip(one, two), None)
        for step, layer, image in flips:
            two[step][layer][1][image, -1] += 1
        first = min(flips)
        found = first_flip(one, two)
        if found is None or len(found) != 3:
            raise Wrong(f"decisions flipped at {flips}: expected {first}, got {found}")
        expect(f"decisions flipped at {flips}: the first (step, layer, image)",
               [int(n) for n in found], list(first))
        expect(f"decisions flipped at {flips}, the lists exchanged",
               [int(n) for n in first_flip(two, one)], list(first))


@hole("Heavy", "self._regularization() comes first, as in SGD; self.v[i] takes the gradient as "
               "it is; the rate comes in when p moves.")
def _(Heavy):
    from nptorch import Tensor
    from nptorch.optim import SGD

    rng = np.random.default_rng(10)
    for momentum, alpha, decay in (0.9, 0, 0), (0.5, 0, 0), (0.9, 0.3, 0.2):
        p, frozen, alone = (Tensor(rng.normal(size=3), True) for _ in range(3))
        frozen.requires_grad, before = False, (frozen.data.copy(), alone.data.copy())
        optimizer = Heavy([frozen, p, alone], lr=0.1, momentum=momentum, alpha=alpha,
                          weight_decay=decay)
        expect("is it an SGD", isinstance(optimizer, SGD), True)
        place, v = p.data.copy(), np.zeros(3)
        for step, lr in enumerate([0.1, 0.1, 0.02, 0.0, 0.3], start=1):
            g = rng.normal(size=3)
            p.grad, frozen.grad, optimizer.lr = Tensor(g.copy()), Tensor(g.copy()), lr
            optimizer.step()
            v = momentum * v + g + alpha * np.sign(place) + decay * place
            place = place - lr * v
            expect(f"momentum {momentum}, alpha {alpha}, weight_decay {decay}: p after step "
                   f"{step}, of rate {lr}", p.data, place, 1e-9)
        expect("a frozen parameter, and one without a gradient",
               np.array([frozen.data, alone.data]), np.array(before))
        if decay:
            continue
        ends = []
        for kind in Heavy, SGD:
            q = Tensor(np.array([1.0, -2.0]), True)
            optimizer = kind([q], lr=0.1, momentum=momentum)
            for _ in range(10):
                optimizer.zero_grad()
                (q * q * 0.5).sum().backward()
                optimizer.step()
            ends.append(q.data)
        expect(f"momentum {momentum}, ten steps of one rate: where SGD arrives", *ends, 1e-9)


@hole("ties", "The last two of four sorted numbers are the winner and the one behind it.")
def _(ties):
    rng = np.random.default_rng(10)
    cases = {"a lead of 1e-9": ([1, 2, 2 + 1e-9, 0], 1e-8), "four zeros": ([0, 0, 0, 0], 1e-8),
             "a lead of 2": ([1, 5, 2, 3], 1e-8), "all below 0": ([-1, -1, -2, -3], 1e-8),
             "two equal": ([4, 1, 4, 0], 1e-8), "a lead of 1, closer 1.5": ([0, 3, 0, 2], 1.5),
             "a lead of 1, closer 1": ([0, 3, 0, 2], 1), "0 and below": ([0, -1e-9, -1, -1], 1e-8)}
    for name, (four, closer) in cases.items():
        winner = max(four)
        others = sorted(four)[:-1]
        wanted = int(winner > 0 and winner - others[-1] < closer)
        expect(f"{name}, {four}", lambda f=four, c=closer: int(ties(np.array([f]), c)), wanted)
    four = rng.integers(-2, 9, (3, 2, 5, 4)).astype(float)
    wanted = 0
    for row in four.reshape(-1, 4).tolist():
        low, *_, third, first = sorted(row)
        wanted += first > 0 and first - third < 2
    expect("30 windows of whole numbers, closer 2", lambda: int(ties(four, 2)), wanted)
