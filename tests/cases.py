"""One table of ops, a line for each way to call one: what to call, and with which numbers.

A line is read by everything that is asked of an op: finite differences, PyTorch's values, gradients
and dtypes (where PyTorch is installed), that no gradient shares memory, that a change in place is
noticed, that the graph is freed without the garbage collector, what is refused (test_ops.py,
test_refusals.py), and the random programs (parity.py). A new op needs a line here, no more:

    ("m.sin(a)", real(3, 4)),

It is an expression in a, b and c, which stand for Tensors of the numbers that follow. m is the
module, nptorch or torch, F its nn.functional.
"""

import numpy as np
import pytest

import nptorch

RNG = np.random.default_rng(0)


def real(*shape):
    """Different numbers of both signs, none of them near 0 or near another."""
    n = int(np.prod(shape))
    return RNG.permutation((np.arange(n) - n // 2 + 0.5) / max(n / 4, 2)).reshape(shape)


def positive(*shape):
    return RNG.uniform(0.5, 2, shape)


M = real(3, 4)  # several lines take it twice, to see that two inputs are two gradients

# What has a gradient

CASES = [
    ("m.add(a, b)", real(3, 4), real(4)),
    ("m.add(a, b)", real(), real(2, 3)),
    ("m.add(a, b)", real(0, 3), real(1, 3)),
    ("a + 2 + 0.5", real(3)),
    ("2 + a", real(3)),
    ("m.sub(a, b)", real(3, 1), real(1, 4)),
    ("a - b", real(2, 3), real(3)),
    ("2 - a", real(3)),
    ("m.mul(a, b)", real(2, 3, 1), real(3, 4)),
    ("m.mul(a, a)", real(3)),
    ("2 * a * 3", real(3)),
    ("m.div(a, b)", real(3, 4), positive(4)),
    ("m.div(a, b)", real(), positive()),
    ("2 / a", real(3)),
    ("a / 3", real(3)),
    ("m.pow(a, b)", positive(3, 1), real(4)),
    ("m.pow(a, 3)", real(2, 3)),
    ("a**-1.5", positive(3)),
    ("2**a", real(3)),
    ("m.remainder(a, b)", positive(3, 4) + 2, positive(4)),
    ("a % 0.7", real(3)),
    ("m.neg(a)", real(3)),
    ("-a", real(2, 0)),
    ("m.matmul(a, b)", real(3, 4), real(4, 2)),
    ("m.matmul(a, b)", real(4), real(4)),
    ("m.matmul(a, b)", real(4), real(2, 4, 3)),
    ("m.matmul(a, b)", real(2, 3, 4), real(4)),
    ("m.matmul(a, b)", real(2, 1, 3, 4), real(5, 4, 2)),
    ("m.matmul(a, b)", real(2, 3, 4), real(4, 2)),
    ("m.matmul(a, b)", real(0, 4), real(4, 2)),
    ("m.matmul(a, b)", real(3, 0), real(0, 2)),
    ("a @ b", real(2, 2), real(2, 3)),
    ("m.exp(a)", real(3, 4)),
    ("m.exp(a)", real()),
    ("m.exp(a)", real(0)),
    ("m.log(a)", positive(3, 4)),
    ("m.sqrt(a)", positive(3, 4)),
    ("m.square(a)", real(3, 4)),
    ("m.abs(a)", real(3, 4)),
    ("abs(a)", real(3)),
    ("m.tanh(a)", real(3, 4)),
    ("m.sigmoid(a)", real(3, 4)),
    ("m.relu(a)", real(3, 4)),
    ("m.relu(a)", real()),
    ("m.maximum(a, b)", real(3, 4), real(4) + 0.01),
    ("m.minimum(a, b)", real(3, 1), real(4) + 0.01),
    ("m.max(a, b)", M, M + 0.01),
    ("m.min(a, b)", M, M + 0.01),
    ("m.where(m.tensor([True, False, True]), a, b)", real(2, 3), real(3)),
    ("m.where(a > 0, a, 0.5)", real(3)),
    ("m.where(m.tensor([[True], [False]]), a, b)", real(3), real()),
    ("m.clamp(a, -0.6, 0.8)", real(3, 4)),
    ("m.clamp(a, min=0.1)", real(5)),
    ("m.clamp(a, max=0.1)", real(5)),
    ("m.softmax(a, 1)", real(3, 4)),
    ("m.softmax(a, dim=-2)", real(3, 4)),
    ("m.softmax(a, 1)", real(0, 3)),
    ("m.log_softmax(a, 1)", real(3, 4)),
    ("m.log_softmax(a, dim=0)", real(3, 4)),
    ("m.logsumexp(a, 1)", real(3, 4)),
    ("m.logsumexp(a, dim=(0, -1))", real(2, 3, 2)),
    ("m.logsumexp(a, 0, keepdim=True)", real(3, 4)),
    *[(f"m.{f}(a, 0, True)", real(3, 4)) for f in (
        "var", "std", "sum", "mean", "amax", "amin", "logsumexp")],
    *[(f"m.{f}(a{options})", real(*shape))
      for f in ("sum", "mean", "var", "std", "amax", "amin")
      for options, shape in [
        ("", (3, 4)), (", dim=0", (3, 4)), (", dim=-1", (3, 4)), (", dim=1, keepdim=True", (3, 4)),
        (", dim=(0, -1)", (2, 3, 4)), (", dim=(-3, 2), keepdim=True", (2, 3, 4)),
        (", dim=1", (0, 3)), (", dim=[0, -1]", (2, 3, 4))]],
    *[(f"m.{f}(a, dim=0)", real()) for f in (
        "sum", "mean", "amax", "amin", "logsumexp", "softmax", "log_softmax")],
    ("m.sum(a)", real(0, 3)),
    ("m.sum(a, 0)", real(0, 3)),
    ("m.var(a, 1, correction=0)", real(3, 4)),
    ("m.std(a, correction=0, keepdim=True, dim=1)", real(3, 4)),
    ("m.max(a)", real(3, 4)),
    ("m.max(a, 1)[0]", real(3, 4)),
    ("m.max(a, dim=-2, keepdim=True).values", real(2, 3, 4)),
    ("m.min(a)", real(3, 4)),
    ("m.min(a, 0).values", real(3, 4)),
    ("m.min(a, -1, True).values", real(3, 4)),
    ("m.clone(a)", real(3)),
    ("a.to(m.float64).to(a.dtype)", real(3)),
    # shapes
    ("m.reshape(a, (3, -1))", real(2, 6)),
    ("m.reshape(a, ())", real(1, 1)),
    ("a.reshape(4, 3).view(-1)", real(2, 6)),
    ("a.view((2, 2, 3))", real(4, 3)),
    ("m.flatten(a)", real(2, 3, 2)),
    ("m.flatten(a, 1)", real(2, 3, 2)),
    ("m.flatten(a, start_dim=0, end_dim=1)", real(2, 3, 2)),
    ("m.flatten(a, -2)", real(2, 3, 2)),
    ("m.flatten(a)", real()),
    ("m.flatten(a, 1)", real(0, 3, 2)),
    ("m.permute(a, (2, 0, 1))", real(2, 3, 4)),
    ("a.permute(-1, 0, -2)", real(2, 3, 4)),
    ("m.transpose(a, 0, -1)", real(2, 3, 4)),
    ("m.transpose(a, 0, 0)", real()),
    ("a.T", real(2, 3)),
    ("m.squeeze(a)", real(1, 3, 1)),
    ("m.squeeze(a, -1)", real(1, 3, 1)),
    ("m.squeeze(a, dim=1)", real(1, 3, 1)),
    ("m.squeeze(a, -1)", real()),
    ("m.squeeze(a, (0, 1))", real(1, 3, 1)),
    ("m.unsqueeze(a, 1)", real(2, 3)),
    ("m.unsqueeze(a, dim=-1)", real(2, 3)),
    ("m.unsqueeze(a, 0)", real()),
    ("a.expand(2, 3, 4)", real(3, 1)),
    ("a.expand((2, -1, 4))", real(3, 1)),
    ("m.cat([a, b, c])", real(2, 3), real(1, 3), real(0, 3)),
    ("m.cat((a, b), dim=-1)", real(2, 3), real(2, 1)),
    ("m.cat([a, a])", real(2)),
    ("m.stack([a, b])", M, M),
    ("m.stack((a, b), 1)", M, M),
    ("m.stack([a, b], dim=-1)", real(), real()),
    ("m.stack([row * i for i, row in enumerate(a)])", real(3, 2)),
    # nets
    ("F.linear(a, b, c)", real(2, 3), real(4, 3), real(4)),
    ("F.linear(a, b)", real(3), real(2, 3)),
    ("F.conv2d(a, b, c, stride=2, padding=(1, 0))", real(2, 2, 5, 4), real(3, 2, 3, 2), real(3)),
    ("F.conv2d(a, b, groups=2, dilation=(2, 1))", real(1, 2, 5, 3), real(4, 1, 2, 3)),
    ("F.max_pool2d(a, 2, 1, 1)", real(2, 1, 4, 3)),
    ("F.avg_pool2d(a, (2, 3), stride=2)", real(2, 1, 5, 5)),
    ("F.unfold(a, 2, padding=1, stride=2)", real(1, 2, 4, 4)),
    ("F.fold(a, (4, 4), 2)", real(1, 4, 9)),
    ("F.dropout(a, 0.5, training=False)", real(3)),
    ("F.embedding(m.tensor([[2, 0, 2], [1, 2, 2]]), a)", real(4, 3)),
    ("F.embedding(m.tensor(1), a)", real(4, 3)),
    ("F.embedding(m.tensor([[0, 0]])[:, :0], a)", real(4, 3)),
    ("F.scaled_dot_product_attention(a, b, c)", real(2, 3, 4), real(2, 5, 4), real(2, 5, 2)),
    ("F.scaled_dot_product_attention(a, a, b, is_causal=True)", real(2, 4, 3), real(2, 4, 5)),
    ("F.scaled_dot_product_attention(a, a, b, attn_mask=c)", real(2, 4, 3), real(2, 4, 5),
     real(4, 4)),
    ("F.scaled_dot_product_attention(a, a, b, m.tensor([[True, True], [False, True]]))",
     real(2, 3), real(2, 5)),
    ("F.gelu(a)", real(3, 4)),
    ("F.gelu(a, approximate='tanh')", real(3, 4)),
    ("F.gelu(a)", real()),
    ("F.layer_norm(a, (4,), b, c)", real(3, 4), positive(4), real(4)),
    ("F.layer_norm(a, [3, 4])", real(2, 3, 4)),
    ("F.batch_norm(a, None, None, b, c, True)", real(5, 3), positive(3), real(3)),
    ("F.batch_norm(a, None, None, b, training=True, eps=0.1)", real(2, 3, 2, 2), positive(3)),
    ("F.batch_norm(a, m.full((3,), 0.5, dtype=a.dtype), m.full((3,), 2.0, dtype=a.dtype), b, c)",
     real(4, 3, 2), positive(3), real(3)),
    ("F.mse_loss(a, b)", real(3, 2), real(3, 2)),
    ("F.l1_loss(a, b, reduction='sum')", real(3, 2), real(3, 2) + 0.01),
    ("F.nll_loss(F.log_softmax(a, 1), m.tensor([0, 3, 1]))", real(3, 4)),
    ("F.cross_entropy(a, m.tensor([0, 3, 1]), reduction='sum')", real(3, 4)),
    ("F.binary_cross_entropy_with_logits(a, m.sigmoid(b), reduction='none')", real(3, 2),
     real(3, 2)),
]
KEYS = [  # and the shape of what they take from
    ("1", (3, 4)), ("-1", (3, 4)), ("1, -2", (3, 4)), ("1:4", (5,)), ("::2, 1::3", (5, 4)),
    (":, 1", (3, 4)), ("2:2", (3, 4)), ("None, :, None, 0", (3, 4)), ("..., 1", (2, 3, 4)),
    ("()", ()), ("[2, 0]", (3, 4)), ("[2, 0, 2, 2]", (3, 4)), ("[]", (3, 4)),
    ("np.array([[0, 1], [1, -1]])", (3, 4)), ("m.tensor([2, 2])", (3, 4)), ("m.tensor(1)", (3, 4)),
    ("m.tensor([0, 1, 0]), [3, 3, 3]", (3, 4)), ("1:, [0, 0]", (3, 4)),
    ("[1, 1], :, [0, 0]", (2, 3, 4)), ("a > 0", (3, 4)), ("np.asarray(a > 0)", (3, 4)),
    ("m.tensor([True, False, True])", (3, 4)), ("m.tensor([True, False, True]), 2", (3, 4)),
    ("np.zeros((3, 4), bool)", (3, 4)),
]
MIXES = [  # integers beside lists, which PyTorch takes first; NumPy would count them as lists
    "0, :, [1, 2, 1]",
    "[1, 0, 1], 1:, -1",
    "np.int64(1), None, [0, 0]",
    "m.tensor(1), ..., m.tensor([True, False, False, True])",
    "m.tensor([[True, False, True]] * 2), None, 3",
    "True, 0, [1, 2, 1]",
    "1, None, [2, 0], True",
]
CASES += [(f"a[{key}]", real(*shape)) for key, shape in KEYS]
BRIDGE = [
    *[(f"m.{f}(a)", real(3, 4)) for f in (
        "sin cos sinh cosh atan".split())],
    *[(f"m.{f}(a * 0.9)", real(3)) for f in "tan asin acos".split()],
    *[(f"m.{f}(a)", positive(3, 4)) for f in "log2 log10 log1p erf reciprocal".split()],
    ("m.clip(a, -0.6, 0.8)", real(3, 4)),
    ("m.add(a, b, alpha=0.5)", M, M + 1),
    *[(f"m.{f}(a)", real(3)) for f in "ceil floor trunc round sign".split()],
    ("m.div(a, b, rounding_mode=None)", real(3), positive(3)),
    ("a.sum(axis=1, keepdims=True)", real(3, 4)),
    ("m.var(a, unbiased=False, axis=0)", real(3, 4)),
    ("m.sum(input=a, dim=0, dtype=m.float64).to(a.dtype)", real(3, 4)),
    ("m.cat([a, b], axis=1)", real(2, 3), real(2, 1)),
    ("m.concat([a, b])", real(2, 3), real(1, 3)),
    ("m.mm(a, b)", real(3, 4), real(4, 2)), ("m.mv(a, b)", real(3, 4), real(4)),
    ("m.outer(a, b)", real(3), real(4)),
    ("m.dot(a, b)", real(4), real(4)), ("m.bmm(a, b)", real(2, 3, 4), real(2, 4, 2)),
    ("m.t(a)", real(3, 4)), ("m.t(a)", real(3)),
    ("m.einsum('ij,jk', a, b)", real(3, 4), real(4, 2)),
    ("m.einsum('ij,kj,k->i', a, b, c)", real(3, 4), real(2, 4), real(2)),
    ("m.einsum('...ij,...jk->...ik', a, b)", real(2, 1, 3, 4), real(5, 4, 2)),
    ("m.einsum('...ij,jk->...ik', a, b)", real(2, 3, 4), real(4, 2)),
    ("m.einsum('ii', a)", real(3, 3)), ("m.einsum('iji,j->i', a, b)", real(2, 3, 2), real(3)),
    ("m.einsum('n i, n j -> j', [a, b])", real(2, 3), real(2, 4)),
    ("m.prod(a)", real(3, 4)), ("m.prod(a, 1, keepdim=True)", positive(3, 4)),
    ("m.prod(a * m.tensor([1, 0, 1, 0]), 0)", real(2, 4)),
    ("m.prod(a * m.tensor([[1, 0, 0], [1, 1, 0]]), dim=1)", real(2, 3)),
    ("m.prod(a)", real()), ("m.linalg.norm(a)", real(3, 4)),
    ("m.linalg.norm(a, ord=1, dim=1)", real(3, 4)),
    ("m.cross(a, b, 1)", real(4, 3), real(1, 3)), ("m.linalg.cross(a, b)", real(2, 3), real(2, 3)),
    ("m.cumsum(a, 1)", real(3, 4)), ("m.cumsum(a, dim=0)", real()),
    ("m.norm(a)", real(3, 4)), ("m.norm(a, 1, dim=1)", real(3, 4)),
    ("m.norm(a, 3, dim=0, keepdim=True)", real(3, 4)),
    ("m.norm(a, float('inf'))", real(3, 4)), ("m.norm(a, -1)", real(3, 4)),
    ("m.gather(a, 1, m.tensor([[0, 2], [1, 1]]))", real(3, 4)),
    ("m.scatter(a, 1, m.tensor([[0, 2], [1, 3]]), b)", real(3, 4), real(2, 2)),
    ("m.inverse(a)", real(2, 3, 3)), ("a.expand_as(b) * b", real(3), real(2, 3)),
    ("m.sort(a, 1, descending=True).values", real(3, 4)),
    ("m.topk(a, 2, dim=0)[0]", real(3, 4)),
    ("m.index_select(a, 0, m.tensor([2, 0, 2]))", real(3, 4)),
    ("m.masked_fill(a, a > 0, 0.5)", real(3, 4)),
    ("m.split(a, 2, dim=1)[1]", real(3, 5)), ("m.split(a, [1, 3, 1], 1)[1]", real(3, 5)),
    ("m.chunk(a, 3)[2]", real(7, 2)),
    ("m.flip(a, (0, -1))", real(3, 4)),
    ("a.flip(1)", real(3, 4)), ("m.diag(a)", real(3)), ("m.diag(a, diagonal=-1)", real(2)),
    ("m.diag(a, 1)", real(3, 4)), ("m.roll(a, 1)", real(3, 4)),
    ("m.roll(a, shifts=(1, -2), dims=(0, 1))", real(3, 4)), ("m.tile(a, (2, 1, 2))", real(2, 3)),
    ("a.repeat(2, 1, 2)", real(2, 3)), ("m.repeat_interleave(a, 2, dim=1)", real(2, 3)),
    ("m.unbind(a, 1)[2]", real(2, 3)), ("a.t().contiguous()", real(2, 3)),
    ("m.clamp_min(a, 0.1)", real(5)), ("m.clamp_max(a, 0.1)", real(5)),
    ("F.softmax(a)", real(2, 3)), ("F.log_softmax(a)", real(2, 3, 2)),
    ("m.tril(a, -1)", real(2, 3, 4)), ("m.triu(a, diagonal=1)", real(3, 4)),
    ("a.view_as(b) * b", real(6), real(2, 3)), ("m.swapaxes(a, 0, 2)", real(2, 3, 4)),
    ("m.stack(m.meshgrid(a, b, indexing='xy'))", real(3), real(2)),
    *[(f"F.{f}(a)", real(3, 4) * 3) for f in (
        "leaky_relu silu elu selu softplus logsigmoid mish softsign hardtanh relu6".split())],
    # hardsigmoid: PyTorch's slope of 1/6 is a float32, also where all else is float64
    ("F.huber_loss(a, b, delta=0.5)", real(3, 2), real(3, 2) + 0.3),
    ("F.smooth_l1_loss(a, b, reduction='none', beta=0.5)", real(3, 2), real(3, 2) + 0.3),
    ("F.adaptive_avg_pool2d(a, (2, 1))", real(1, 2, 4, 3)),
    ("F.max_pool2d(a, (3, 2), 2, 1, 2, ceil_mode=True)", real(2, 1, 8, 7)),
    ("F.avg_pool2d(a, 3, 2, 1, True, False)", real(2, 1, 5, 6)),
    ("F.avg_pool2d(a, 2, 3, divisor_override=3)", real(1, 5, 6)),
    ("F.max_pool1d(a, 3, 2, 1, ceil_mode=True)", real(2, 3, 6)),
    ("F.avg_pool1d(a, 3, 2, 1, True, False)", real(3, 6)),
    ("F.conv_transpose2d(a, b, c, stride=2, padding=(1, 0), output_padding=(0, 1))",
     real(2, 3, 3, 2), real(3, 2, 3, 2), real(2)),
    ("F.conv_transpose2d(a, b, groups=2, dilation=(2, 1))", real(4, 2, 3), real(4, 1, 2, 3)),
    ("m.det(a)", real(2, 3, 3)), ("m.linalg.det(a)", real(1, 1)), ("a.det()", real(2, 0, 0)),
    ("F.pad(a, (1, 2))", real(3)), ("F.pad(a, (1, 0, 0, 2), 'constant', 2.5)", real(2, 2, 3)),
    ("F.pad(a, (2, 1), 'reflect')", real(2, 3)), ("F.pad(a, [1, 2, 2, 0], mode='replicate')",
     real(1, 2, 3, 2)), ("F.pad(a, (3, 2, 1, 0), 'circular')", real(1, 2, 3, 3)),
    ("F.upsample(a, scale_factor=(2, 1.5))", real(1, 2, 3, 4)), ("F.upsample(a, 5)",
     real(2, 2, 3)), ("F.upsample(a, scale_factor=2)", real(1, 2, 2)),
    ("F.binary_cross_entropy(m.sigmoid(a), m.sigmoid(b))", real(3, 2), real(3, 2) + 1),
    ("F.mse_loss(a, b, size_average=False)", real(3, 2), real(3, 2) + 0.3),
    ("F.cross_entropy(a, m.tensor([[0, 3], [1, -100]]), m.abs(m.tensor([1., 2., 3., 4.],"
     " dtype=a.dtype)), label_smoothing=0.1)", real(2, 4, 2)),
    ("F.cross_entropy(a, F.softmax(b, 1), label_smoothing=0.1)", real(3, 4), real(3, 4)),
    ("F.nll_loss(a, m.tensor([0, 3, 1]), ignore_index=3, reduction='none')", real(3, 4)),
    ("F.binary_cross_entropy_with_logits(a, m.sigmoid(b), pos_weight=m.tensor([2., 3.],"
     " dtype=a.dtype))", real(3, 2), real(3, 2)),
]
CASES += BRIDGE
CASES += [(f"a[{key}]", real(2, 3, 4)) for key in MIXES]

# What has none: integers, bools and comparisons

WITHOUT_GRADIENT = [
    *[(f"m.{f}(a{options})", real(3, 4)) for f in ("argmax", "argmin")
      for options in ("", ", 0", ", dim=-1, keepdim=True")],
    *[(f"m.{f}(a, 1).indices", real(3, 4)) for f in ("max", "min")],
    *[(f"m.{f}(a, b)", M, M.T.reshape(3, 4)) for f in ("eq", "ne", "lt", "le", "gt", "ge")],
    *[(f"a {sign} 0.25", real(3)) for sign in ("==", "!=", "<", "<=", ">", ">=")],
    ("m.floor_divide(a, b)", real(3, 4), positive(4)),
    ("a // 0.3", real(3)),
    ("2 // a", real(3)),
    *[(f"m.bitwise_{f}(a > 0, b > 0)", M, M.T.reshape(3, 4)) for f in ("and", "or", "xor")],
    *[(f"(a * 9).long() {sign} 5", real(3)) for sign in "&|^"],
    ("m.bitwise_not(a > 0)", real(3)),
    ("~(a * 9).long()", real(3)),
    ("a.long()", real(3) * 9),
    *[(f"m.{f}(a)", real(3)) for f in (
        "isnan isinf isfinite logical_not all any".split())],
    *[(f"m.logical_{f}(a > 0, b)", M, M.T.reshape(3, 4)) for f in ("and", "or", "xor")],
    *[(f"m.{f}(a > 0{options})", real(3, 4)) for f in ("all", "any")
      for options in ("", ", dim=1")],
    ("m.argsort(a, 1, descending=True)", real(3, 4)),
    ("m.histogram(a, 3)[0]", real(3, 4)), ("m.histogram(a, 4, range=(-1, 1))[1]", real(5)),
    ("m.prod((a * 9).long(), 0)", real(3, 4)),
    ("m.unique((a * 3).long(), return_inverse=True, return_counts=True)[1]", real(3, 4)),
    ("m.div((a * 9).long(), 2, rounding_mode='floor')", real(3)),
    ("F.one_hot((a * 3).abs().long().clamp(0, 6), 7)", real(5)),
    *[(f"a.{f}()", positive(3) * 5) for f in (
        "int short char byte bool".split())],
]


def function(text):
    """The function of m and the Tensors a, b, c that an expression stands for."""
    code = compile(text, text, "eval")

    def f(m, *tensors):
        names = {"m": m, "F": m.nn.functional, "np": np}
        return eval(code, names | dict(zip("abc", tensors)))

    f.__name__ = text
    return f


def table(cases):
    """A decorator: run a test (f, arrays) for each line."""
    ids = [f"{text} {' '.join(str(a.shape) for a in arrays)}" for text, *arrays in cases]
    return pytest.mark.parametrize(
        "f, arrays", [(function(text), arrays) for text, *arrays in cases], ids=ids)


def leaves(m, arrays, dtype):
    return [m.tensor(a.astype(dtype), requires_grad=True) for a in arrays]


class Spy:
    """A module, taking down what is asked of it."""

    def __init__(self, module, asked):
        self.module, self.asked = module, asked

    def __getattr__(self, name):
        self.asked.add(name)
        found = getattr(self.module, name)
        return Spy(found, self.asked) if name in ("nn", "functional") else found


def called():
    """The names of all functions that the table calls."""
    asked = set()
    for text, *arrays in CASES + WITHOUT_GRADIENT:
        function(text)(Spy(nptorch, asked), *leaves(nptorch, arrays, np.float64))
    return asked
