"""Losses: minus the log of the probability of what happened (notebooks/04_loss.ipynb)."""

import numpy as np

from nptorch.autograd import op
from nptorch.nn.module import Module
from nptorch.ops import log_softmax


def _checked(reduction):
    """reduction itself. Raises ValueError if it is not "mean", "sum" or "none"."""
    if not isinstance(reduction, str) or reduction not in ("mean", "sum", "none"):
        raise ValueError(f'reduction: expected "mean", "sum" or "none", got {reduction!r}')
    return reduction


def _reduce(losses, reduction):
    """The mean or the sum of losses, or losses themselves."""
    return losses if _checked(reduction) == "none" else getattr(losses, reduction)()


def _check_shapes(input, target):
    """Raise ValueError if the shapes differ, even where they would broadcast."""
    if np.shape(input) != np.shape(target):
        raise ValueError(f"input and target must have the same shape, got {np.shape(input)} and "
                         f"{np.shape(target)}: broadcasting would compare the wrong pairs")


@op
def _squares(a, b, /):
    d = a - b
    return d * d, lambda g: 2 * g * d, lambda g: -2 * g * d


def mse_loss(input, target, reduction="mean"):
    """The squared differences of input and target, for reduction "none", or their "mean" or "sum".
    Raises ValueError if the shapes differ, even where they would broadcast."""
    _check_shapes(input, target)
    return _reduce(_squares(input, target), reduction)


def l1_loss(input, target, reduction="mean"):
    """The sizes of the differences between input and target; all else as in mse_loss."""
    _check_shapes(input, target)
    return _reduce(abs(input - target), reduction)


@op
def _picked(x, /, where):
    def back(g):
        spread = np.zeros_like(x)
        spread[where] = g  # each sample once
        return spread

    return x[where], back


def nll_loss(input, target, reduction="mean"):
    """Minus the log-probability in input (N, C) of each right class in target (N,), or in (C,) of a
    single one; reduction as in mse_loss. Raises TypeError if target does not hold integers,
    ValueError if the shapes do not fit, IndexError for a class that is not in 0 ... C - 1."""
    _checked(reduction)  # before the labels, as what stands here may be PyTorch's weight
    labels = np.array(target)  # a copy: target may change before the walk back
    if labels.dtype.kind not in "iu":
        raise TypeError(f"target: expected class indices (integers), got dtype {labels.dtype}")
    if input.ndim not in (1, 2) or labels.shape != input.shape[:-1]:
        raise ValueError(f"expected input (N, C) and target (N,), "
                         f"got {input.shape} and {labels.shape}")
    classes = input.shape[-1]
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise IndexError(f"target: class {wrong[0]} is not one of the {classes} classes "
                         f"0 ... {classes - 1}")
    rows = np.arange(len(labels)) if labels.ndim else ...  # one sample
    return _reduce(-_picked(input, (rows, labels)), reduction)


def cross_entropy(input, target, reduction="mean"):
    """nll_loss of log_softmax(input), for logits input (N, C); all else as in nll_loss."""
    return nll_loss(log_softmax(input, -1), target, reduction)


@op
def _bce_with_logits(x, y, /):
    tail = np.log1p(np.exp(-np.abs(x)))
    value = np.maximum(x, 0) - x * y + tail  # the tail last: it may be all that is left
    sigmoid = np.exp(np.minimum(x, 0) - tail)
    return value, lambda g: g * (sigmoid - y), lambda g: -g * x


def binary_cross_entropy_with_logits(input, target, reduction="mean"):
    """-(y·log p + (1 - y)·log(1 - p)) with p = sigmoid(input), for a target y in [0, 1], computed
    as max(x, 0) - x·y + log(1 + exp(-|x|)), which no logit x overflows. Shapes, reduction and
    errors as in mse_loss; ValueError also for a target outside [0, 1]."""
    _check_shapes(input, target)
    answers = np.asarray(target)
    wrong = answers[~((answers >= 0) & (answers <= 1))]
    if wrong.size:
        raise ValueError(f"target: expected numbers from 0 to 1, got {wrong[0]}")
    return _reduce(_bce_with_logits(input, target), reduction)


def _module(name, function):
    """The class of this name: a Module that holds a reduction, and calls function with it."""
    class Loss(Module):
        def __init__(self, reduction="mean"):
            self.reduction = _checked(reduction)

        def forward(self, input, target):
            return function(input, target, self.reduction)

    Loss.__name__ = Loss.__qualname__ = name
    Loss.__init__.__qualname__ = f"{name}.__init__"  # which errors show
    Loss.__doc__ = f"{function.__name__} as a module."
    return Loss


MSELoss, L1Loss = _module("MSELoss", mse_loss), _module("L1Loss", l1_loss)
BCEWithLogitsLoss = _module("BCEWithLogitsLoss", binary_cross_entropy_with_logits)
NLLLoss = _module("NLLLoss", nll_loss)
CrossEntropyLoss = _module("CrossEntropyLoss", cross_entropy)
