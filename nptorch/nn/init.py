"""Initial weights whose size fits their layer (notebooks/12_normalization.ipynb)."""

import math

from nptorch.autograd import no_grad
from nptorch.creation import rand_like, randn_like


@no_grad
def uniform_(tensor, a=0.0, b=1.0):
    """Draw tensor evenly from [a, b)."""
    return tensor.copy_(a + (b - a) * rand_like(tensor))


@no_grad
def normal_(tensor, mean=0.0, std=1.0):
    """Draw tensor from the normal distribution."""
    return tensor.copy_(mean + std * randn_like(tensor))


constant_ = no_grad(lambda tensor, val: tensor.fill_(val))
zeros_, ones_ = (lambda tensor: constant_(tensor, 0.0)), (lambda tensor: constant_(tensor, 1.0))
_evenly = lambda tensor, std: uniform_(tensor, -math.sqrt(3) * std, math.sqrt(3) * std)


def calculate_gain(nonlinearity, param=0.01):
    """The factor for weights before nonlinearity, or ValueError. param: the slope of leaky_relu."""
    gains = dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d", "sigmoid"), 1.0) | {
        "tanh": 5 / 3, "relu": 2**0.5, "selu": 3 / 4, "leaky_relu": (2 / (1 + param**2)) ** 0.5}
    if nonlinearity not in gains:
        raise ValueError(f"nonlinearity: expected one of {[*gains]}, got {nonlinearity!r}")
    return gains[nonlinearity]


def _std(tensor, gain, mode=None):
    fan_out, fan_in, *kernel = tensor.shape  # a ValueError where there are not two
    fans = {"fan_in": fan_in, "fan_out": fan_out, None: (fan_in + fan_out) / 2}
    if mode not in fans:
        raise ValueError(f'mode: expected "fan_in" or "fan_out", got {mode!r}')
    return gain / math.sqrt(max(fans[mode] * math.prod(kernel), 1))


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """Draw a weight (out, in, ...), normal with std gain / sqrt(fan), so that signals (fan_in) or
    gradients (fan_out) keep their size. a: leaky_relu's slope. Source: He et al. (2015)."""
    return normal_(tensor, 0.0, _std(tensor, calculate_gain(nonlinearity, a), mode))


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """kaiming_normal_, with the same variance, drawn evenly."""
    return _evenly(tensor, _std(tensor, calculate_gain(nonlinearity, a), mode))


def xavier_normal_(tensor, gain=1.0):
    """kaiming_normal_ with the mean of both fans. Source: Glorot and Bengio (2010)."""
    return normal_(tensor, 0.0, _std(tensor, gain))


def xavier_uniform_(tensor, gain=1.0):
    """xavier_normal_, with the same variance, drawn evenly."""
    return _evenly(tensor, _std(tensor, gain))
