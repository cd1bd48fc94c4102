"""Checks for the exercises of 09_lenet.ipynb."""

import contextlib

import numpy as np
from workbook import Wrong, expect, hole


@hole("Moving", "rng.integers(-by, by + 1, 2) gives two such numbers; make rng once, in __init__: "
                "a fresh np.random.default_rng(0) gives the same two each time.")
def _(Moving):
    from nptorch import Tensor
    from nptorch.utils.data import TensorDataset

    rng = np.random.default_rng(9)
    images = rng.uniform(1, 2, (2, 1, 9, 8)).astype(np.float32)
    before, data = images.copy(), TensorDataset(Tensor(images), Tensor(np.array([7, 4])))
    for by in 0, 1, 2:
        moving, range_ = Moving(data, by), range(-by, by + 1)
        expect(f"by {by}: how many pictures of two are there", len(moving), 2)
        for i, label in (0, 7), (1, 4):
            seen, moves = set(), [(r, c) for r in range_ for c in range_]
            wide = np.pad(before[i, 0], by)
            h, w = before.shape[2:]
            rolled = {(r, c): np.roll(before[i, 0], (r, c), (0, 1)) for r, c in moves}
            filled = {(r, c): wide[by - r:by - r + h, by - c:by - c + w] for r, c in moves}
            for _ in range((3, 200, 500)[by]):
                image, found = (np.asarray(part) for part in moving[i])
                expect(f"by {by}: the shape of picture {i}", image.shape, (1, h, w))
                expect(f"by {by}: the label of picture {i}", found, label)
                move = [move for move in moves if np.array_equal(image[0], rolled[move])
                        or np.array_equal(image[0], filled[move])]
                if not move:
                    raise Wrong(f"picture {i}: expected it moved by at most {by} pixels each way, "
                                f"got the first row {image[0, 0].round(2)} of "
                                f"{before[i, 0, 0].round(2)}")
                seen.add(move[0])
            expect(f"by {by}, picture {i}: moves (down, across) that never came",
                   sorted(set(moves) - seen)[:3], [])
    expect("the pictures of the dataset afterwards", images, before)


@hole("vote", "logits_of(net, images) are logits: which numbers of two nets can be compared?")
def _(vote):
    from nptorch import Tensor, nn

    class Fake(nn.Module):
        """Whose picture number i is its first pixel."""

        def __init__(self, shares, offset):
            self.logits = np.log(np.array(shares, np.float32)) + np.float32(offset)

        def forward(self, x):
            return Tensor(self.logits[np.asarray(x.data)[:, 0, 0, 0].astype(int)])

    def spread(**shares):
        row = np.full(10, (1 - sum(shares.values())) / (10 - len(shares)))
        for name, share in shares.items():
            row[int(name[1:])] = share
        return row

    cases = {"all say 3": ([{"d3": 0.9}] * 3, 3),
             "two for 3 by a hair, one for 5 for sure": (
                 [{"d3": 0.5, "d5": 0.45}] * 2 + [{"d5": 0.98, "d3": 0.01}], 5),
             "one for 1 at 0.9, two for 2 at 0.85": (
                 [{"d1": 0.9, "d2": 0.08}] + [{"d2": 0.85, "d1": 0.1}] * 2, 2),
             "the first net alone for 7": (
                 [{"d7": 0.95}] + [{"d0": 0.6, "d7": 0.35}] * 2, 7),
             "the last net alone for 8": ([{"d0": 0.6, "d8": 0.35}] * 2 + [{"d8": 0.95}], 8)}
    for offsets in (0, 0, 0), (5, -3, 100):
        nets = [Fake([spread(**nets[k]) for nets, _ in cases.values()], offsets[k])
                for k in range(3)]
        images = np.zeros((130, 1, 28, 28), np.float32)
        images[:, 0, 0, 0] = np.arange(130) % len(cases)
        found = np.asarray(vote(nets, images))
        expect("the shape of vote for 130 pictures", found.shape, (130,))
        for i, (name, (_, digit)) in enumerate(cases.items()):
            said = " (and its logits moved by a constant)" * (offsets[0] > 0)
            expect(f"{name}{said}: the digit", int(found[i]), digit)
        expect("the digits of 130 pictures", found,
               np.array([digit for _, digit in cases.values()] * 33)[:130])
        expect("two nets, the first and the last", int(np.asarray(
            vote([nets[0], nets[2]], images[1:2]))[0]), 5)


@contextlib.contextmanager
def instead(function, **names):
    """Inside, function finds these in the place of its globals."""
    place = function.__globals__
    before = {name: place[name] for name in names if name in place}
    place.update(names)
    try:
        yield
    finally:
        for name in names:
            place.pop(name)
        place.update(before)


@hole("forged", "For each step take the gradient with respect to the changed pictures.",
      "np.clip once to within most of the pictures, once to 0 and 1.",
      given=("model", "cross_entropy"))
def _(forged):
    from nptorch import Tensor, nn

    rng = np.random.default_rng(9)
    w1, w2 = (Tensor(rng.normal(size=shape).astype(np.float32)) for shape in ((12, 9), (10, 12)))
    model = lambda x: ((x.reshape(-1, 9) @ w1.T).tanh() * 2) @ w2.T
    images = rng.random((30, 1, 3, 3)).astype(np.float32)
    before = images.copy()
    for most, digits, least in (0.5, (3, 8), 0.5), (0.1, (6,), 0), (0.0, (1,), 0):
        for digit in digits:
            with instead(forged, model=model, cross_entropy=nn.CrossEntropyLoss()):
                found = np.asarray(forged(images, digit, most))
            case = f"30 pictures of nine pixels, to be read as {digit}, most {most}"
            expect(f"{case}: the shape", found.shape, images.shape)
            expect(f"{case}: the pictures themselves, afterwards", images, before)
            if not (found.min() >= 0 and found.max() <= 1):
                raise Wrong(f"{case}: expected pixels from 0 to 1, got {found.min():.3g} to "
                            f"{found.max():.3g}")
            if not np.abs(found - images).max() <= most + 1e-5:
                raise Wrong(f"{case}: expected no pixel moved by more, got one that moved by "
                            f"{np.abs(found - images).max():.3f}")
            share = lambda x, digit=digit: np.mean(model(Tensor(x)).data.argmax(1) == digit)
            if share(found) < least:
                raise Wrong(f"{case}: expected at least {least:.0%} read so, got "
                            f"{share(found):.0%} (before {share(images):.0%})")
            z = [nn.functional.cross_entropy(model(Tensor(x)), Tensor(np.full(30, digit))).item()
                 for x in (images, found)]
            if most and not z[1] < z[0]:
                raise Wrong(f"{case}: expected a loss below {z[0]:.3f}, got {z[1]:.3f}")
