"""Built, step by step, in notebooks/04_loss.ipynb."""

import numpy as np

from nptorch.nn.module import Module
from nptorch.ops import log_softmax, mean, sum
from nptorch.tensor import op


def _checked(reduction):
    """reduction itself. Raises ValueError if it is not "mean", "sum" or "none"."""
    if not isinstance(reduction, str) or reduction not in ("mean", "sum", "none"):
        raise ValueError(f'reduction: expected "mean", "sum" or "none", got {reduction!r}')
    return reduction


def _reduce(losses, reduction):
    """The mean or the sum of losses, or losses themselves."""
    if _checked(reduction) == "none":
        return losses
    return mean(losses) if reduction == "mean" else sum(losses)


def _refuse_broadcast(input, target):
    if np.shape(input) != np.shape(target):
        raise ValueError(f"input and target must have the same shape, got {np.shape(input)} and "
                         f"{np.shape(target)}: broadcasting would compare the wrong pairs")


def mse_loss(input, target, reduction="mean"):
    """The squared differences between input and target, both of one shape.

    reduction "mean" or "sum" gives one number, "none" one per element. Raises ValueError if the
    shapes differ, even where they would broadcast.
    """
    _refuse_broadcast(input, target)
    return _reduce((input - target) ** 2, reduction)


def nll_loss(input, target, reduction="mean"):
    """Minus the log-probability in input (N, C) of each right class in target (N,).

    input (C,) with a single target is one sample. Raises TypeError if target does not hold
    integers, ValueError if the shapes do not fit, IndexError for a class not in 0 ... C - 1.
    """
    labels = np.array(target)  # a copy, which nobody can change before the walk back
    if labels.dtype.kind not in "iu":
        raise TypeError(f"target: expected class indices (integers), got dtype {labels.dtype}")
    if input.ndim not in (1, 2) or labels.shape != input.shape[:-1]:
        raise ValueError(f"expected input (N, C) and target (N,), "
                         f"got {input.shape} and {labels.shape}")
    wrong = labels[(labels < 0) | (labels >= input.shape[-1])]
    if wrong.size:
        raise IndexError(f"target: class {wrong[0]} is not one of the {input.shape[-1]} classes "
                         f"0 ... {input.shape[-1] - 1}")
    picked = input[labels] if labels.ndim == 0 else input[np.arange(len(labels)), labels]
    return _reduce(-picked, reduction)


def cross_entropy(input, target, reduction="mean"):
    """nll_loss of log_softmax(input): the loss of logits (N, C) for the classes target (N,).

    Shapes, reduction and errors as in nll_loss.
    """
    return nll_loss(log_softmax(input, -1), target, reduction)


@op
def _bce_with_logits(x, y, /):
    softplus = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))  # log(1 + exp(x))
    return softplus - x * y, lambda g: g * (np.exp(x - softplus) - y), lambda g: -g * x


def binary_cross_entropy_with_logits(input, target, reduction="mean"):
    """-(y·log p + (1 - y)·log(1 - p)) with p = sigmoid(input), for a target y in [0, 1].

    Computed as max(x, 0) - x·y + log(1 + exp(-|x|)), which no logit x overflows. Shapes,
    reduction and errors as in mse_loss; ValueError also for a target outside [0, 1].
    """
    _refuse_broadcast(input, target)
    labels = np.asarray(target)
    wrong = labels[~((labels >= 0) & (labels <= 1))]
    if wrong.size:
        raise ValueError(f"target: expected numbers from 0 to 1, got {wrong[0]}")
    return _reduce(_bce_with_logits(input, target), reduction)


class _Loss(Module):
    """A loss function as a module: a subclass names its function."""

    def __init__(self, reduction="mean"):
        self.reduction = _checked(reduction)

    def forward(self, input, target):
        return self.function(input, target, self.reduction)


class MSELoss(_Loss):
    """mse_loss as a module."""

    function = staticmethod(mse_loss)


class BCEWithLogitsLoss(_Loss):
    """binary_cross_entropy_with_logits as a module."""

    function = staticmethod(binary_cross_entropy_with_logits)


class NLLLoss(_Loss):
    """nll_loss as a module."""

    function = staticmethod(nll_loss)


class CrossEntropyLoss(_Loss):
    """cross_entropy as a module."""

    function = staticmethod(cross_entropy)
