"""Checks for the exercises of 13_gpt.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole


@hole("looks_back", "The query of place t is the key of place t - 1, a hundred times as long.")
def _(looks_back):
    for T in 1, 2, 5, 8, 30:
        both = looks_back(T)
        expect(f"looks_back({T}): how many it returns", len(both), 2)
        query, key = (np.asarray(part.data if hasattr(part, "grad_fn") else part, float)
                      for part in both)
        if query.ndim != 2 or query.shape != key.shape or len(key) != T:
            raise Wrong(f"looks_back({T}): expected two of one shape ({T}, d), got {query.shape} "
                        f"and {key.shape}")
        scores = query @ key.T / query.shape[1] ** 0.5
        for t in range(1, T):
            seen = scores[t, :t + 1]
            weights = np.exp(seen - seen.max())
            weight = weights[t - 1] / weights.sum()
            if not weight > 0.99:
                raise Wrong(f"looks_back({T}): expected that place {t} gives place {t - 1} a "
                            f"weight above 0.99, got {weight:.3f}")


@hole("top_k", "np.sort(logits.data, -1)[..., -k:] are the k largest; the first of them decides.")
def _(top_k):
    from nptorch import nn, tensor

    rng = np.random.default_rng(13)
    for shape, k in ((1, 4), 2), ((3, 5), 1), ((2, 3, 6), 4), ((5,), 3), ((2, 4), 4):
        z = rng.permuted(np.arange(np.prod(shape)).reshape(shape) - 3.5, axis=-1)
        wanted = np.full(shape, -np.inf)
        for index in np.ndindex(shape[:-1]):
            for j in np.argsort(-z[index])[:k]:
                wanted[index][j] = z[index][j]
        logits = tensor(z, requires_grad=True)
        kept = logits.data.copy()
        found = top_k(logits, k)
        expect(f"top_k of logits {shape}, k {k}", found, wanted)
        expect(f"top_k of logits {shape}: the logits, afterwards", logits.data, kept)
        p = nn.functional.softmax(found, -1).data
        expect(f"logits {shape}, k {k}: how many probabilities are above 0", (p > 0).sum(-1),
               np.full(shape[:-1], k))


@hole("merge", "Where the last of the new list and the next id are the pair, new takes its place.")
def _(merge):
    rng = np.random.default_rng(13)
    cases = [([1, 2, 3, 1, 2], (1, 2)), ([1, 1, 1], (1, 1)), ([1, 1, 1, 1], (1, 1)),
             ([2, 1, 2, 1], (1, 2)), ([5], (5, 5)), ([3, 4, 5], (4, 3)), ([1, 2, 2], (1, 2))]
    cases += [(rng.integers(3, size=40).tolist(), pair) for pair in ((0, 1), (2, 2), (1, 0))]
    for ids, pair in cases:
        text = "".join(map(chr, (97 + i for i in ids)))
        text = text.replace("".join(chr(97 + i) for i in pair), chr(97 + 9))
        given = np.array(ids)
        found = merge(given, pair, 9)
        if not isinstance(found, np.ndarray):
            raise Wrong(f"merge({ids[:8]}, {pair}, 9): expected an array, got {found!r}"[:200])
        expect(f"merge({ids[:8]}{', ...' * (len(ids) > 8)}, {pair}, 9)", found.tolist(),
               [ord(letter) - 97 for letter in text])
        expect("the ids that went in", given.tolist(), ids)
