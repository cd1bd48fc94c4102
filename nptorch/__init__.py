"""PyTorch's core, in plain NumPy."""

from .tensor import (
    Tensor, tensor, is_grad_enabled, no_grad, Node, op, add, mul, clone, unbroadcast,
    increment_version, backward, refuse_if_recorded, copy_, fill_, zero_,
)
from .ops import (
    gradcheck, sub, div, pow, neg, matmul, exp, log, sqrt, abs, tanh, sigmoid, relu, maximum,
    minimum, clamp, where, sum, mean, var, std, amax, amin, argmax, argmin, ValuesAndIndices, max,
    min, logsumexp, softmax, log_softmax, reshape, flatten, permute, transpose, squeeze, unsqueeze,
    expand, cat, stack, eq, ne, lt, le, gt, ge, to, float32, float64, int64, manual_seed, full,
    zeros, ones, rand, randn, randint, randperm, arange, linspace, eye, full_like, zeros_like,
    ones_like, rand_like, randn_like,
)
from .nn.module import save, load
from . import nn, optim, data, training, models
