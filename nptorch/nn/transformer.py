"""Embedding, attention and GELU: the parts of a transformer (notebooks/13_gpt.ipynb)."""

import math

import numpy as np

from nptorch.autograd import op
from nptorch.checks import integer, number
from nptorch.creation import randn, zeros
from nptorch.nn.dropout import dropout
from nptorch.nn.init import xavier_uniform_
from nptorch.nn.layers import Linear, linear
from nptorch.nn.module import Module, Parameter
from nptorch.ops import floats, matmul


@op
def _rows(weight, /, index):
    shape, wrong = weight.shape, index[(index < 0) | (index >= len(weight))]
    if wrong.size:
        raise IndexError(f"embedding: {wrong[0]} is not one of the rows 0 ... {len(weight) - 1}")

    def back(g):
        order = np.argsort(index, axis=None, kind="stable")  # equal indices side by side
        found, starts = np.unique(index.ravel()[order], return_index=True)
        spread = np.zeros(shape, g.dtype)
        spread[found] = np.add.reduceat(g.reshape(-1, *shape[1:])[order], starts)
        return spread

    return weight[index], back


def embedding(input, weight):
    """The rows of weight (n, d) at the integers input (...) -> (..., d); a row's gradient is the
    sum over all places that took it. Raises TypeError if input does not hold integers, IndexError
    for one that is not in 0 ... n - 1."""
    index = np.array(input)  # a copy: input may change before the walk back
    if index.dtype.kind not in "iu":
        raise TypeError(f"embedding: expected integers, got dtype {index.dtype}")
    return _rows(weight, index=index)


class Embedding(Module):
    """embedding with its own weight (num_embeddings, embedding_dim), drawn from the normal
    distribution, as in PyTorch. Raises TypeError or ValueError for sizes that make no sense."""

    def __init__(self, num_embeddings, embedding_dim):
        self.num_embeddings = integer("num_embeddings", num_embeddings, 1)
        self.embedding_dim = integer("embedding_dim", embedding_dim, 1)
        self.weight = Parameter(randn(self.num_embeddings, self.embedding_dim))

    def forward(self, input):
        return embedding(input, self.weight)


@op
def _weights(query, key, mask, /):
    value = query @ key.swapaxes(-1, -2)
    value += mask
    top = value.max(axis=-1, keepdims=True)
    value -= np.where(np.isfinite(top), top, 0)  # -inf: there is nobody to look at
    np.exp(value, out=value)
    sums = value @ np.ones(value.shape[-1], value.dtype)  # in less time than value.sum(-1)
    value /= np.maximum(sums, np.finfo(value.dtype).tiny)[..., None]
    slope = lambda g: (g - np.einsum("...i,...i->...", g, value)[..., None]) * value
    return value, lambda g: slope(g) @ key, lambda g: slope(g).swapaxes(-1, -2) @ query, slope


def _attend(query, key, value, mask, allowed, dropout_p):
    """The weighted means of value, and their weights. mask is added to the scores; if it holds
    bools, those that equal allowed add nothing, the others -inf."""
    mask = 0.0 if mask is None else mask
    if np.asarray(mask).dtype == bool:
        mask = np.where(np.asarray(mask) == allowed, 0, -np.inf).astype(query.dtype)
    weights = dropout(_weights(query * query.shape[-1] ** -0.5, key, mask), dropout_p)
    return matmul(weights, value), weights


def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False):
    """softmax(query @ key.T / sqrt(E) + mask) @ value -> (..., L, V): for each query (..., L, E)
    the mean of value (..., S, V), weighted by how well the keys (..., S, E) fit.

    attn_mask (..., L, S): bools, True where a query may look, or numbers; is_causal: not ahead.
    Raises ValueError for both. Source: Vaswani et al., Attention Is All You Need, 2017."""
    if is_causal and attn_mask is not None:
        raise ValueError("attn_mask: expected None beside is_causal=True")
    mask = np.tri(query.shape[-2], key.shape[-2], dtype=bool) if is_causal else attn_mask
    return _attend(query, key, value, mask, True, dropout_p)[0]


class MultiheadAttention(Module):
    """num_heads attentions, each with its share of embed_dim numbers; out_proj mixes them. dropout:
    the share of weights dropped in training. ValueError unless num_heads divides embed_dim."""

    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True, *, batch_first=False):
        self.embed_dim = integer("embed_dim", embed_dim, 1)
        self.num_heads = integer("num_heads", num_heads, 1)
        if embed_dim % num_heads:
            raise ValueError(f"num_heads: expected a divisor of {embed_dim}, got {num_heads}")
        self.dropout, self.batch_first = number("dropout", dropout), batch_first
        self.in_proj_weight = Parameter(xavier_uniform_(zeros(3 * embed_dim, embed_dim)))
        self.in_proj_bias = Parameter(zeros(3 * embed_dim)) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias)
        self.out_proj.bias = Parameter(zeros(embed_dim)) if bias else None

    def forward(self, query, key, value, *, need_weights=True, attn_mask=None,
                average_attn_weights=True):
        """(output, weights) of query (N, L, embed_dim), key and value (N, S, embed_dim), or without
        N, or N second unless batch_first. attn_mask (L, S): bools, True where not to look, or
        numbers to add. weights: (N, L, S), or one for each head (N, num_heads, L, S), or None."""
        turn = lambda x: x.transpose(0, 1) if x.ndim == 3 and not self.batch_first else x
        deal = lambda x: x.reshape(*x.shape[:-1], self.num_heads, -1).transpose(-3, -2)
        weight = self.in_proj_weight.reshape(3, self.embed_dim, -1)
        bias = [None] * 3 if self.in_proj_bias is None else self.in_proj_bias.reshape(3, -1)
        heads = [deal(linear(turn(x), w, b)) for x, w, b in zip((query, key, value), weight, bias)]
        output, weights = _attend(*heads, attn_mask, False, self.dropout if self.training else 0.0)
        if need_weights and average_attn_weights:
            weights = weights.mean(-3)
        output = self.out_proj(output.transpose(-3, -2).flatten(-2))
        return turn(output), weights if need_weights else None


@op
def gelu(input, /, approximate="none"):
    """x · Φ(x), where Φ(x) is the probability that a normal random number is below x; with
    approximate="tanh" to three digits, but faster. Raises ValueError for another word."""
    if approximate not in ("none", "tanh"):
        raise ValueError(f'approximate: expected "none" or "tanh", got {approximate!r}')
    dtype, root, cube = floats(input).dtype, math.sqrt(2 / math.pi), 0.044715
    x = input.astype(np.promote_types(dtype, np.float32), copy=False)  # a half's square overflows
    if approximate == "tanh":
        below = (np.tanh((x * x * (cube * root) + root) * x) + 1) * 0.5
        rise = lambda: (x * x * (6 * cube * root) + 2 * root) * ((1 - below) * value)
    else:
        below = np.vectorize(lambda a: math.erfc(-a / math.sqrt(2)) / 2, otypes=[x.dtype])(x)
        rise = lambda: np.exp(x * x / -2) * (root / 2) * x
    value = x * below
    return value.astype(dtype, copy=False), lambda g: (rise() + below) * g


class GELU(Module):
    """gelu as a module."""

    def __init__(self, approximate="none"):
        gelu(zeros(0), approximate)  # an unknown word is refused before training begins
        self.approximate = approximate

    def forward(self, x):
        return gelu(x, self.approximate)
