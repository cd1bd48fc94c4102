"""Checks for the holes of 13_gpt.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole, way_back


@hole("_rows.back",
      "g has one vector for each place of index: (*index.shape, d). The gradient has the shape of "
      "weight, and the dtype of g: zeros, and to row index[i] comes g[i], each time.",
      "np.add.at(spread, index, g) does it. Faster is what the text says: np.argsort puts equal "
      "indices side by side, np.unique(..., return_index=True) says where each begins.")
def _(_rows):
    from nptorch import Tensor

    rng = np.random.default_rng(0)
    for n, d, index in [(2, 1, [1]), (2, 1, [1, 1]), (3, 2, [2, 0, 2]), (4, 2, [3, 3, 3, 0]),
                        (4, 3, [[2, 0], [2, 2], [1, 0]]), (3, 2, 1)]:
        index = np.array(index)
        hot = np.equal.outer(index, np.arange(n)).astype(float)
        way_back(f"{n} rows of {d}, taken at {index.tolist()}", lambda w: _rows(w, index=index),
                 lambda w: hot @ w, [rng.normal(size=(n, d))], Tensor)
    out = _rows(Tensor(np.ones((3, 2), np.float32), True), index=np.array([2, 0, 2]))
    [(_, back)] = out.grad_fn.edges
    g = np.ones((3, 2), np.float32)
    expect("the dtype of a float32 gradient", lambda: str(back(g).dtype), "float32")
    expect("the g that was handed to the way back, afterwards", g, np.ones((3, 2)))


@hole("generate",
      "For each new character: show the model the last model.context numbers, as a batch of one, "
      "(1, T). The logits of the last place, [0, -1], are about what comes next.",
      "Divide them by the temperature, then softmax. rng.choice(kinds, p=p) draws; in float64 p "
      "must add up to 1, so divide it by its sum.",
      "Append an int, and go on. ids itself stays as it was: begin with list(ids).")
def _(generate):
    from nptorch import Tensor

    class Model:
        """Logits that are sure of sum(window) % 7 at the last place, of 0 at all others."""
        context = 3

        def __call__(self, x):
            x = np.asarray(x)
            if x.ndim != 2 or len(x) != 1 or not 1 <= x.shape[1] <= 3:
                raise Wrong(f"context 3: what the model is shown: expected the shape (1, 1 ... 3), "
                            f"a batch of one, got {x.shape}")
            logits = np.zeros((*x.shape, 7), np.float32)
            logits[0, :-1, 0] = 1000
            logits[0, -1, x.sum() % 7] = 1000
            return Tensor(logits)

    for start in [5], [1, 2], [6, 2, 3, 4]:
        for length in 0, 1, 6:
            expected = list(start)
            for _ in range(length):
                expected.append(sum(expected[-3:]) % 7)
            for kind in list, np.array:
                given = kind(start)
                case = f"context 3, a model that is sure of the sum modulo 7: {start} and {length}"
                expect(f"{case} more: the result is a",
                       lambda: type(generate(Model(), kind(start), length)).__name__, "list")
                expect(f"{case} more", lambda: generate(Model(), given, length), expected)
                expect(f"{case}: the list that was given, afterwards", list(given), start)
    logits = np.log(np.arange(1, 81) % 5 + 1).astype(np.float32)
    model = lambda x: Tensor(np.tile(logits, (1, np.shape(x)[1], 1)))
    model.context, groups = 4, np.arange(1, 81) % 5
    for temperature in 1.0, 0.5, 2.0:
        powers = np.arange(1, 6) ** (1 / temperature)
        options = {} if temperature == 1 else {"temperature": temperature}
        drawn = generate(model, [0], 1500, **options)
        expect(f"80 kinds with logits log 1 ... log 5, temperature {temperature}: the shares of "
               "each logit in 1,500 characters", np.bincount(groups[drawn[1:]], minlength=5) / 1500,
               powers / powers.sum(), 0.06)
    first, again, other, plain = (generate(model, [0], 20, **options) for options in (
        {"rng": 1}, {"rng": 1}, {"rng": 2}, {}))
    expect("20 characters, drawn twice with rng 1: is it the same text", first == again, True)
    expect("20 characters, with rng 1 and 2: is it the same text", first == other, False)
    expect("20 characters, rng left out, twice: is it the same text",
           plain == generate(model, [0], 20), True)


def looked(query, key, value, may):
    """Attention by plain loops: place i looks where may(i, j); query, key and value (T, d)."""
    out = np.zeros((len(query), value.shape[1]))
    for i, q in enumerate(query):
        there = [j for j in range(len(key)) if may(i, j)]
        powers = [np.exp(np.dot(q, key[j]) / len(q) ** 0.5) for j in there]
        out[i] = sum(p * value[j] for p, j in zip(powers, there)) / sum(powers)
    return out


@hole("attention",
      "np.tri(T, dtype=bool) is True on and below the diagonal: there place i may look at j.",
      "torch.where(may, scores, -math.inf) leaves the others no chance. Only then comes softmax, "
      "over the last dimension, and the mean of the values.")
def _(attention):
    from nptorch import Tensor

    rng = np.random.default_rng(0)

    def plain(*arrays):
        if arrays[0].ndim == 3:
            return np.array([plain(*parts) for parts in zip(*arrays)])
        return looked(*arrays, lambda i, j: j <= i)

    def told(place):
        q, k, v = (rng.normal(size=(4, 2)) for _ in range(3))
        before = np.asarray(attention(*map(Tensor, (q, k, v))))
        k[place] += 1
        v[place] += 1
        return [i for i in range(4) if (np.asarray(attention(*map(Tensor, (q, k, v))))
                                        != before)[i].any()]

    for place in 3, 1, 0:
        expect(f"another key and value at place {place} of 0 ... 3: which places notice",
               lambda: told(place), list(range(place, 4)))
    for shape in (1, 2), (3, 2), (2, 4, 3):
        arrays = [rng.normal(size=shape) * scale for scale in (2, 2, 1)]
        way_back(f"query, key and value {shape}", attention, plain, arrays, Tensor)


@hole("MultiheadAttention.forward",
      "in_proj_weight, (3 · embed_dim, embed_dim), holds the maps for query, key and value; so "
      "does the bias, if there is one. Unless batch_first, (L, N, ...) must be turned, and back.",
      "Deal the numbers out: (..., L, embed_dim) becomes (..., L, heads, share) by reshape, and "
      "(..., heads, L, share) by transpose(-3, -2). _attend does the rest, with allowed=False; it "
      "drops weights only in training.",
      "On the way back transpose first, then flatten(-2); then out_proj. The weights are (..., "
      "heads, L, S); their mean over the heads is asked for, or all of them, or None.")
def _(MultiheadAttention):
    from nptorch import Tensor

    rng = np.random.default_rng(0)

    def plain(layer, mask, query, key, value):
        """(output, the weights of each head) for one sentence."""
        E, heads, added = layer.embed_dim, layer.num_heads, layer.in_proj_bias
        maps = layer.in_proj_weight.data.astype(float).reshape(3, E, E)
        added = np.zeros((3, E)) if added is None else added.data.reshape(3, E)
        q, k, v = (x @ w.T + b for x, w, b in zip((query, key, value), maps, added))
        parts, weights = [], []
        for h in range(heads):
            one = slice(h * E // heads, (h + 1) * E // heads)
            weights.append(looked(q[:, one], k[:, one], np.eye(len(k)),
                                  lambda i, j: mask is None or not mask[i, j]))
            parts.append(weights[-1] @ v[:, one])
        out = np.hstack(parts) @ layer.out_proj.weight.data.astype(float).T
        last = layer.out_proj.bias
        return out if last is None else out + last.data, np.array(weights)

    def drawn(*sizes, **options):
        layer = MultiheadAttention(*sizes, **options)
        for p in layer.parameters():
            p.data[...] = rng.normal(size=p.shape)
        return layer

    for E, heads, L, S, bias in (2, 1, 2, 2, True), (4, 2, 3, 2, True), (6, 3, 2, 3, False):
        layer, mask = drawn(E, heads, bias=bias), np.triu(np.ones((L, S), bool), 1)
        arrays = [rng.normal(size=(n, E)) for n in (L, S, S)]
        x = [Tensor(a) for a in arrays]
        case = f"embed_dim {E}, {heads} heads, query ({L}, {E}), key and value ({S}, {E})"
        out, weights = plain(layer, None, *arrays)
        expect(f"{case}: the result is a", lambda: type(pair := layer(*x)).__name__ +
               f" of {len(pair)}", "tuple of 2")
        pair = layer(*x)
        expect(case, pair[0], out, 1e-5)
        expect(f"{case}: the mean of the heads' weights", pair[1], weights.mean(0), 1e-5)
        expect(f"{case}: all heads' weights", layer(*x, average_attn_weights=False)[1], weights,
               1e-5)
        expect(f"{case}: the weights, need_weights=False", layer(*x, need_weights=False)[1], None)
        expect(f"{case}, True above the diagonal of attn_mask: who may not look",
               layer(*x, attn_mask=mask)[0], plain(layer, mask, *arrays)[0], 1e-5)
        expect(f"{case}, the same mask as numbers, 0 and -inf",
               layer(*x, attn_mask=np.where(mask, -np.inf, 0))[0],
               plain(layer, mask, *arrays)[0], 1e-5)
        way_back(f"{case}, backward", lambda *a: layer(*a)[0],
                 lambda *a: plain(layer, None, *a)[0], arrays, Tensor)
    sentences, mask = rng.normal(size=(2, 3, 4)), np.triu(np.ones((3, 3), bool), 1)
    for first in True, False:
        layer = drawn(4, 2, batch_first=first)
        x = Tensor(sentences if first else sentences.swapaxes(0, 1))
        case = f"two sentences (N, L, E) = (2, 3, 4), batch_first {first}"
        expected = np.array([plain(layer, mask, a, a, a)[0] for a in sentences])
        expect(f"{case}: the shape", lambda: layer(x, x, x, attn_mask=mask)[0].shape, x.shape)
        out, weights = layer(x, x, x, attn_mask=mask)
        expect(case, out, expected if first else expected.swapaxes(0, 1), 1e-5)
        expect(f"{case}: the weights (N, L, L)", weights, np.array(
            [plain(layer, mask, a, a, a)[1].mean(0) for a in sentences]), 1e-5)
    layer, x = drawn(4, 2, dropout=0.5), Tensor(np.ones((40, 4)))
    for training in True, False:
        weights = layer.train(training)(x, x, x, average_attn_weights=False)[1]
        expect(f"40 places, dropout 0.5, {'training' if training else 'eval'}: the share of "
               "weights that are 0", (np.asarray(weights) == 0).mean(), 0.5 * training, 0.1)


@hole("GPT.forward",
      "The places are 0 ... T - 1, torch.arange(x.shape[1]). The vector of a character is added to "
      "that of its place.",
      "Each block takes the vectors and a mask, (T, T), True where one may not look: at whoever "
      "comes later, place > place[:, None].",
      "After the blocks norm, then head.")
def _(GPT):
    from nptorch import Tensor

    rng = np.random.default_rng(0)

    def drawn(*sizes):
        model = GPT(*sizes)
        for p in model.parameters():
            p.data[...] = rng.normal(size=p.shape) / 2
        return model

    def plain(model, sentence):
        h = model.token.weight.data[sentence] + model.position.weight.data[:len(sentence)]
        T = len(sentence)
        hidden = np.array([[j > i for j in range(T)] for i in range(T)])
        for block in model.blocks:
            h = np.asarray(block(Tensor(h), hidden))
        h = (h - h.mean(-1, keepdims=True)) / np.sqrt(h.var(-1, keepdims=True) + 1e-5)
        h = h * model.norm.weight.data + model.norm.bias.data
        return h @ model.head.weight.data.T + model.head.bias.data

    for kinds, context, width, heads, blocks in (3, 2, 4, 1, 0), (5, 4, 4, 2, 1), (5, 6, 8, 2, 3):
        model = drawn(kinds, context, width, heads, blocks)
        for T in range(1, context + 1):
            x = rng.integers(0, kinds, (2, T))
            case = f"{blocks} blocks of width {width}, context {context}, characters {x.tolist()}"
            expect(case, lambda: model(Tensor(x)), np.array([plain(model, row) for row in x]),
                   1e-4, 1e-3)
    model, x = drawn(5, 5, 8, 2, 2), np.array([[0, 1, 2, 3, 4]])
    for place in 4, 2, 0:
        other = x.copy()
        other[0, place] = (x[0, place] + 1) % 5
        moved = (np.asarray(model(Tensor(other))) != np.asarray(model(Tensor(x)))).any((0, 2))
        expect(f"another character at place {place} of 0 ... 4: which places notice",
               np.flatnonzero(moved).tolist(), list(range(place, 5)))
