"""Initial weights whose size fits their layer (notebooks/12_normalization.ipynb)."""

import math

from nptorch.autograd import no_grad
from nptorch.checks import number
from nptorch.creation import rand_like, randn_like


@no_grad
def uniform_(tensor, a=0.0, b=1.0):
    """Draw tensor evenly from [a, b). Raises ValueError if b is less than a."""
    if not a <= b:
        raise ValueError(f"b: expected a number of at least a = {a}, got {b}")
    return tensor.copy_(a + (b - a) * rand_like(tensor))


@no_grad
def normal_(tensor, mean=0.0, std=1.0):
    """Draw tensor from the normal distribution. Raises ValueError for a std below 0."""
    return tensor.copy_(mean + number("std", std) * randn_like(tensor))


@no_grad
def constant_(tensor, val):
    """Set every element of tensor to val."""
    return tensor.fill_(val)


def zeros_(tensor):
    """Set every element of tensor to 0."""
    return constant_(tensor, 0.0)


def ones_(tensor):
    """Set every element of tensor to 1."""
    return constant_(tensor, 1.0)


def calculate_gain(nonlinearity, param=None):
    """By how much weights must be larger before this nonlinearity; param is leaky_relu's slope,
    0.01 by default. Raises ValueError for one that is not known."""
    slope = 0.01 if param is None else param
    linear = "linear", "conv1d", "conv2d", "conv3d", "sigmoid"
    gains = dict.fromkeys(linear, 1.0) | {
        "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4,
        "leaky_relu": math.sqrt(2 / (1 + slope**2))}
    if nonlinearity not in gains:
        raise ValueError(f"nonlinearity: expected one of {[*gains]}, got {nonlinearity!r}")
    return gains[nonlinearity]


def _fans(tensor):
    """Into how many numbers one of the output looks, and how many see one of the input, for a
    weight (out, in, ...)."""
    if tensor.ndim < 2:
        raise ValueError(f"tensor: expected a weight (out, in, ...), got shape {tensor.shape}")
    area = math.prod(tensor.shape[2:])
    return {"fan_in": tensor.shape[1] * area, "fan_out": tensor.shape[0] * area}


def _kaiming_std(tensor, a, mode, nonlinearity):
    fans = _fans(tensor)
    if mode not in fans:
        raise ValueError(f"mode: expected 'fan_in' or 'fan_out', got {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fans[mode], 1))


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """Draw from a normal distribution with std gain / sqrt(fan), so that signals (fan_in) or
    gradients (fan_out) keep their size. a: leaky_relu's slope. Source: He et al. (2015)."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity))


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """kaiming_normal_, with the same variance, drawn evenly."""
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor, gain=1.0):
    """Draw from a normal distribution with std gain · sqrt(2 / (fan_in + fan_out)), between what
    signals want and what gradients want. Source: Glorot and Bengio (2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / max(sum(_fans(tensor).values()), 1)))


def xavier_uniform_(tensor, gain=1.0):
    """xavier_normal_, with the same variance, drawn evenly."""
    bound = gain * math.sqrt(6 / max(sum(_fans(tensor).values()), 1))
    return uniform_(tensor, -bound, bound)
