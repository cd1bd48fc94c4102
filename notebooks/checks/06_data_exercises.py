"""Checks for the exercises of 06_data.ipynb."""

import itertools

import numpy as np
from workbook import Wrong, expect, hole


@hole("Shifted", "Two random numbers from 0 to 2 say where the 8 by 8 pixels begin.")
def _(Shifted, TensorDataset, Tensor):
    images = np.random.default_rng(6).random((3, 1, 8, 8)).astype(np.float32) + 1
    before = images.copy()
    shifted = Shifted(TensorDataset(Tensor(images), Tensor(np.array([7, 0, 4]))))
    expect("how many pictures of three are there", len(shifted), 3)
    moves = list(itertools.product((-1, 0, 1), repeat=2))
    for i, label in enumerate([7, 0, 4]):
        wide = np.zeros((10, 10), np.float32)
        wide[1:9, 1:9] = before[i, 0]
        right = {move: wide[1 - move[0]:9 - move[0], 1 - move[1]:9 - move[1]] for move in moves}
        seen = set()
        for _ in range(250):
            image, found = (np.asarray(part) for part in shifted[i])
            expect(f"the shape of picture {i}", image.shape, (1, 8, 8))
            expect(f"the label of picture {i}", found, label)
            move = [move for move in moves if np.array_equal(image[0], right[move])]
            if not move:
                rows = image[0, 0].round(2), before[i, 0, 0].round(2)
                raise Wrong(f"picture {i}: expected it moved by at most a pixel, with 0 entering, "
                            f"got the first row {rows[0]} of {rows[1]}")
            seen.add(move[0])
        expect(f"picture {i}, asked for 250 times: moves (down, across) that never came",
               sorted(set(moves) - seen), [])
    expect("the pictures of the dataset afterwards", images, before)


@hole("missed", "One draw misses a picture with the probability 1 - 1 / n. All n must miss it.")
def _(missed):
    for n in 1, 2, 3, 5:
        draws = itertools.product(range(n), repeat=n)
        share = np.mean([1 - len(set(draw)) / n for draw in draws])
        expect(f"missed({n}), by all {n**n} ways to draw {n} of {n}", lambda n=n: missed(n),
               float(share), 1e-9)
    share = np.exp(1437 * np.log1p(-1 / 1437))
    expect("missed(1437)", lambda: missed(1437), float(share), 1e-9)


@hole("stratified", "Shuffle the indices of a class, then cut them in two.")
def _(stratified):
    rng = np.random.default_rng(6)
    for name, labels, fraction in [("four classes of 10", np.repeat(np.arange(4), 10), 0.2),
                                   ("classes of 30, 5 and 1", [3] * 30 + [1] * 5 + [9], 0.4),
                                   ("texts", ["b"] * 12 + ["a"] * 8, 0.25)]:
        labels = rng.permutation(np.array(labels))
        ever, n = set(), len(labels)
        for _ in range(150):
            both = stratified(labels, fraction)
            expect(f"{name}: how many arrays", len(both), 2)
            rest, drawn = map(np.asarray, both)
            expect(f"{name}: both parts together, sorted", np.sort(np.concatenate([rest, drawn])),
                   np.arange(n))
            for value in np.unique(labels):
                found, wanted = (labels[drawn] == value).sum(), fraction * (labels == value).sum()
                if abs(found - wanted) >= 1:
                    raise Wrong(f"{name}: of class {value} expected about {wanted:g} drawn, "
                                f"got {found}")
            ever |= set(drawn.tolist())
        never = [i for i in range(n)
                 if i not in ever and fraction * (labels == labels[i]).sum() > 1]
        expect(f"{name}: which are never drawn in 150 calls (the same seed in each?)", never, [])
