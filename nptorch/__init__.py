"""PyTorch's core, in plain NumPy, in the order of the notebooks."""

from .autograd import Tensor, add, mul, is_grad_enabled, no_grad
from .ops import (pow, matmul, neg, exp, log, sqrt, square, abs, tanh, sigmoid, relu, sum, mean,
                  softmax, log_softmax, sub, div, remainder, floor_divide, bitwise_and, bitwise_or,
                  bitwise_xor, bitwise_not, eq, ne, lt, le, gt, ge, maximum, minimum, clamp, where,
                  amax, amin, argmax, argmin, var, max, min, std, logsumexp)
from .shapes import reshape, permute, flatten, transpose, squeeze, unsqueeze, cat, stack
from .creation import (float32, float64, int64, tensor, manual_seed, rand, randn, randint, randperm,
                       full, zeros, ones, eye, arange, linspace, full_like, zeros_like, ones_like,
                       rand_like, randn_like, clone)
from .serialization import save, load
from . import (autograd, inplace, finite_differences, checks, nn, optim, utils, dtypes, printing,
               attributes, versions, lookup)

__version__ = "0.2.0"
autograd.gradcheck = finite_differences.gradcheck
