"""nptorch.nn.transformer: embedding, attention and GELU, by loops, closed forms and PyTorch."""

import math

import numpy as np
import pytest

import nptorch
from nptorch import Tensor, manual_seed, nn, tensor

F = nn.functional
RNG = np.random.default_rng(0)


def parameter(*shape, dtype=np.float64):
    return Tensor(RNG.standard_normal(shape).astype(dtype), requires_grad=True)


# Embedding


@pytest.mark.parametrize("shape", [(), (7,), (3, 50), (0,), (2, 0, 3)])
def test_a_row_that_is_taken_several_times_gets_the_sum(shape):
    weight, index = parameter(6, 4), RNG.integers(0, 6, shape)
    out = F.embedding(index, weight)
    g = RNG.standard_normal(out.shape)
    out.backward(g)
    expected = np.zeros((6, 4))
    for place in np.ndindex(*shape):
        expected[index[place]] += g[place]
        assert np.array_equal(out.data[place], weight.data[index[place]])
    assert out.shape == (*shape, 4)
    np.testing.assert_allclose(weight.grad.data, expected, rtol=1e-12, atol=1e-12)


def test_rows_that_are_tables_get_their_sums():
    weight, index = parameter(4, 3, 3), np.array([[2, 0, 2], [1, 2, 2]])
    g = RNG.standard_normal((2, 3, 3, 3))
    F.embedding(index, weight).backward(g)
    expected = np.zeros((4, 3, 3))
    np.add.at(expected, index, g)
    np.testing.assert_allclose(weight.grad.data, expected, rtol=1e-12, atol=1e-12)


def test_an_index_that_changes_before_the_walk_back_counts_as_it_was():
    weight, index = parameter(3, 2), np.array([0, 0])
    out = F.embedding(index, weight)
    index[:] = 2
    out.sum().backward()
    assert weight.grad.tolist() == [[2, 2], [0, 0], [0, 0]]


@pytest.mark.parametrize("index, error", [
    ([0.0, 1.0], TypeError), ([True, False], TypeError), ([3], IndexError), ([[0, -1]], IndexError),
])
def test_embedding_refuses(index, error):
    with pytest.raises(error, match="embedding"):
        F.embedding(tensor(index), parameter(3, 2))


def test_embedding_as_a_module():
    manual_seed(0)
    layer = nn.Embedding(1000, 30)
    assert layer.weight.shape == (1000, 30) and layer.weight.dtype == np.float32
    assert abs(layer.weight.data.mean()) < 0.03 and abs(layer.weight.data.std() - 1) < 0.03
    assert np.array_equal(layer(tensor([[5, 5]])).data[0, 1], layer.weight.data[5])
    assert layer(tensor([1, 2])).dtype == np.float32


def test_the_smallest_ones_work():
    assert nn.Embedding(1, 1)(tensor([0, 0])).shape == (2, 1)
    x = tensor([[3.0]])
    out, weights = nn.MultiheadAttention(1, 1)(query=x, key=x, value=x)
    assert out.shape == (1, 1) and weights.tolist() == [[1]]


@pytest.mark.parametrize("sizes, error", [((0, 3), ValueError), ((3, 0), ValueError),
                                          ((2.0, 3), TypeError), ((2, None), TypeError)])
def test_embedding_refuses_sizes(sizes, error):
    with pytest.raises(error):
        nn.Embedding(*sizes)


# Attention


def looped(q, k, v, mask=None):
    """Attention of q (L, E), k (S, E) and v (S, V), place by place; mask is added to the scores."""
    out = np.zeros((len(q), v.shape[1]))
    for i in range(len(q)):
        scores = [q[i] @ k[j] / math.sqrt(q.shape[1]) + (0 if mask is None else mask[i, j])
                  for j in range(len(k))]
        powers = [math.exp(score) for score in scores]
        out[i] = sum(w * value for w, value in zip(powers, v)) / sum(powers)
    return out


def test_attention_by_loops():
    q, k, v = (RNG.standard_normal(shape) for shape in ((4, 3), (5, 3), (5, 2)))
    mask = RNG.standard_normal((4, 5))
    tensors = [Tensor(a) for a in (q, k, v)]
    np.testing.assert_allclose(F.scaled_dot_product_attention(*tensors).data, looped(q, k, v))
    np.testing.assert_allclose(F.scaled_dot_product_attention(*tensors, Tensor(mask)).data,
                               looped(q, k, v, mask))
    causal = np.where(np.tri(4, 5), 0, -np.inf)
    np.testing.assert_allclose(F.scaled_dot_product_attention(*tensors, is_causal=True).data,
                               looped(q, k, v, causal))
    np.testing.assert_allclose(
        F.scaled_dot_product_attention(*tensors, attn_mask=Tensor(np.tri(4, 5) > 0)).data,
        looped(q, k, v, causal))


def test_attention_has_a_batch_for_each_sentence_and_head():
    q, k, v = (RNG.standard_normal((2, 3, 4, 5)) for _ in range(3))
    out = F.scaled_dot_product_attention(Tensor(q), Tensor(k), Tensor(v)).data
    for i in np.ndindex(2, 3):
        np.testing.assert_allclose(out[i], looped(q[i], k[i], v[i]))


def test_who_may_look_at_nobody_gets_zeros_and_sends_no_gradient():
    q, k, v = parameter(3, 2), parameter(4, 2), parameter(4, 2)
    mask = np.ones((3, 4), bool)
    mask[1] = False
    out = F.scaled_dot_product_attention(q, k, v, Tensor(mask))
    out.sum().backward()
    assert out.data[1].tolist() == q.grad.data[1].tolist() == [0, 0]
    assert out.data[[0, 2]].all() and np.isfinite(k.grad.data).all()


def test_large_scores_do_not_overflow():
    q = Tensor(np.array([[1e4, 0], [0, 1e4]], np.float32), requires_grad=True)
    out = F.scaled_dot_product_attention(q, q, q)
    out.sum().backward()
    assert out.tolist() == q.tolist() and out.dtype == q.grad.dtype == np.float32


def test_a_float32_net_stays_float32():
    q = parameter(2, 4, 6, dtype=np.float32)
    layer = nn.MultiheadAttention(6, 3, batch_first=True)
    out, weights = layer(q, q, q, attn_mask=Tensor(np.tri(4) == 0))
    (out.sum() + F.gelu(q).sum() + F.gelu(q, "tanh").sum()
     + F.scaled_dot_product_attention(q, q, q, is_causal=True).sum()).backward()
    found = [out, weights, q.grad, *(p.grad for p in layer.parameters())]
    assert {x.dtype for x in found} == {np.dtype(np.float32)}


def test_attention_refuses_two_masks():
    q = parameter(2, 3)
    with pytest.raises(ValueError, match="^attn_mask: expected None beside is_causal=True"):
        F.scaled_dot_product_attention(q, q, q, Tensor(np.tri(2)), is_causal=True)


def test_dropped_weights():
    manual_seed(0)
    q, v = Tensor(np.zeros((200, 4))), Tensor(np.ones((50, 3)))
    k = Tensor(np.zeros((50, 4)))
    out = F.scaled_dot_product_attention(q, k, v, dropout_p=0.4).data
    # each of 50 weights is 1/50 · 1/0.6, or 0: the sum's spread is sqrt(50 · 0.4 · 0.6) / 30
    assert abs(out.mean() - 1) < 0.03 and abs(out[:, 0].std() - math.sqrt(12) / 30) < 0.02
    assert not F.scaled_dot_product_attention(q, k, v, dropout_p=1.0).data.any()


# Heads


def heads_by_loops(layer, q, k, v, mask):
    """MultiheadAttention of q (L, d), k and v (S, d), head by head, and the heads' weights."""
    d, n = layer.embed_dim, layer.num_heads
    weights = layer.in_proj_weight.data.reshape(3, d, d)
    biases = np.zeros(3 * d) if layer.in_proj_bias is None else layer.in_proj_bias.data
    q, k, v = (x @ w.T + b for x, w, b in zip((q, k, v), weights, biases.reshape(3, d)))
    out, found = np.zeros((len(q), d)), np.zeros((n, len(q), len(k)))
    for head in range(n):
        part = slice(head * d // n, (head + 1) * d // n)
        out[:, part] = looped(q[:, part], k[:, part], v[:, part], mask)
        found[head] = looped(q[:, part], k[:, part], np.eye(len(k)), mask)
    out = out @ layer.out_proj.weight.data.T
    return out + (0 if layer.out_proj.bias is None else layer.out_proj.bias.data), found


def random_weights(layer):
    for p in layer.parameters():
        p.data = RNG.standard_normal(p.shape)
    return layer


@pytest.mark.parametrize("bias", [True, False])
def test_heads_by_loops(bias):
    layer = random_weights(nn.MultiheadAttention(6, 3, bias=bias, batch_first=True))
    q, k, v = (RNG.standard_normal(shape) for shape in ((2, 4, 6), (2, 5, 6), (2, 5, 6)))
    forbidden = RNG.random((4, 5)) < 0.3
    added = np.where(forbidden, -np.inf, 0)
    out, weights = layer(Tensor(q), Tensor(k), Tensor(v), attn_mask=Tensor(forbidden),
                         average_attn_weights=False)
    assert out.shape == (2, 4, 6) and weights.shape == (2, 3, 4, 5)
    for i in range(2):
        expected, found = heads_by_loops(layer, q[i], k[i], v[i], added)
        np.testing.assert_allclose(out.data[i], expected)
        np.testing.assert_allclose(weights.data[i], found)
    alone, mean = layer(*map(Tensor, (q[0], k[0], v[0])), attn_mask=Tensor(added))
    np.testing.assert_allclose(alone.data, out.data[0])
    np.testing.assert_allclose(mean.data, weights.data[0].mean(0))
    layer.batch_first = False
    turned, none = layer(*(Tensor(x.swapaxes(0, 1)) for x in (q, k, v)),
                         attn_mask=Tensor(forbidden), need_weights=False)
    np.testing.assert_allclose(turned.data, out.data.swapaxes(0, 1))
    assert none is None


def test_heads_drop_weights_in_training_alone():
    layer, x = nn.MultiheadAttention(4, 2, dropout=1.0), Tensor(RNG.standard_normal((3, 4)))
    assert not layer(x, x, x)[1].data.any()
    np.testing.assert_allclose(layer.eval()(x, x, x)[1].data.sum(-1), 1, rtol=1e-6)


def test_heads_start_as_in_pytorch():
    manual_seed(0)
    layer = nn.MultiheadAttention(64, 4)
    assert {name: p.shape for name, p in layer.named_parameters()} == {
        "in_proj_weight": (192, 64), "in_proj_bias": (192,), "out_proj.weight": (64, 64),
        "out_proj.bias": (64,)}
    bound = math.sqrt(6 / (192 + 64))
    assert 0.98 * bound < np.abs(layer.in_proj_weight.data).max() <= bound
    assert 0.98 / 8 < np.abs(layer.out_proj.weight.data).max() <= 1 / 8
    assert not layer.in_proj_bias.data.any() and not layer.out_proj.bias.data.any()
    assert [name for name, _ in nn.MultiheadAttention(4, 2, bias=False).named_parameters()] == [
        "in_proj_weight", "out_proj.weight"]


@pytest.mark.parametrize("sizes, error, name", [
    ((6, 4), ValueError, "num_heads"), ((0, 1), ValueError, "embed_dim"),
    ((6, 0), ValueError, "num_heads"), ((6.0, 2), TypeError, "embed_dim"),
    ((6, 2, -0.1), ValueError, "dropout"), ((6, 2, None), TypeError, "dropout"),
])
def test_heads_refuse(sizes, error, name):
    with pytest.raises(error, match=name):
        nn.MultiheadAttention(*sizes)


@pytest.mark.parametrize("options", [
    {"batch_first": True}, {"batch_first": False}, {"batch_first": True, "bias": False}])
@pytest.mark.parametrize("mask", [None, "bools", "numbers"])
def test_heads_against_pytorch(options, mask):
    torch = pytest.importorskip("torch")
    layer = nn.MultiheadAttention(6, 2, **options)
    twin = torch.nn.MultiheadAttention(6, 2, dtype=torch.float64, **options)
    random_weights(layer)
    twin.load_state_dict({name: torch.tensor(p.data) for name, p in layer.named_parameters()})
    length = 1 if options["batch_first"] else 0
    q, k = RNG.standard_normal((3, 3, 6)), RNG.standard_normal((4, 3, 6))
    q, k = (x.swapaxes(0, 1) if length else x for x in (q, k))
    masks = {"bools": np.tri(3, 4, -1) > 0, "numbers": RNG.standard_normal((3, 4)), None: None}
    found = []
    for library, net in (nptorch, layer), (torch, twin):
        inputs = [library.tensor(x, requires_grad=True) for x in (q, k, k)]
        added = None if mask is None else library.tensor(masks[mask])
        for average in True, False:
            out, weights = net(*inputs, attn_mask=added, average_attn_weights=average)
            (out.square().sum() + weights.square().sum()).backward()
            found.append([out, weights, *(x.grad for x in inputs),
                          *(p.grad for p in net.parameters())])
    for ours, theirs in zip(found[0] + found[1], found[2] + found[3], strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), atol=1e-11)


# GELU


def test_gelu_at_known_places():
    x = Tensor(np.array([-1.0, 0.0, 1.0, 2.0, -10.0, 40.0]))
    # x times the normal distribution function, from its table; far below, its asymptotic series
    far = -10 * math.exp(-50) / math.sqrt(2 * math.pi) / 10 * (1 - 1e-2 + 3e-4 - 15e-6)
    expected = [-0.158655253931457, 0, 0.841344746068543, 1.954499736103642, far, 40]
    np.testing.assert_allclose(F.gelu(x).data, expected, rtol=1e-6)
    np.testing.assert_allclose(F.gelu(x).data[:4], expected[:4], rtol=1e-14)


def test_gelu_by_its_formula_with_tanh():
    x = RNG.standard_normal(50)
    inner = [math.sqrt(2 / math.pi) * (a + 0.044715 * a**3) for a in x]
    expected = [0.5 * a * (1 + math.tanh(b)) for a, b in zip(x, inner)]
    np.testing.assert_allclose(F.gelu(Tensor(x), "tanh").data, expected, rtol=1e-12)
    gap = np.abs(F.gelu(Tensor(x), "tanh").data - F.gelu(Tensor(x)).data)
    assert 1e-5 < gap.max() < 1e-3


@pytest.mark.parametrize("word", ["none", "tanh"])
def test_gelu_of_a_number_and_of_integers(word):
    assert F.gelu(tensor(0.5), word).shape == ()
    assert F.gelu(tensor([1, 2]), approximate=word).dtype == np.float32
    layer = nn.GELU(word)
    assert not list(layer.parameters())
    assert layer(tensor([0.5])).tolist() == F.gelu(tensor([0.5]), word).tolist()


@pytest.mark.parametrize("call", [lambda word: F.gelu(tensor([1.0]), word), nn.GELU])
def test_gelu_refuses_another_word(call):
    with pytest.raises(ValueError, match='^approximate: expected "none" or "tanh", got'):
        call("erf")
