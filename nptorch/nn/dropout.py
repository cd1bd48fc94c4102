"""Dropout: a net that must do without some of its numbers (notebooks/07_training.ipynb)."""

from nptorch.checks import number
from nptorch.creation import rand, to
from nptorch.nn.module import Module


def dropout(input, p=0.5, training=True):
    """While training, each element is 0 with probability p, and the others are multiplied by
    1 / (1 - p), so that the expected sum stays. Raises ValueError if p is not in [0, 1]."""
    if number("p", p) > 1:
        raise ValueError(f"Invalid p value: {p}")
    if not training or p == 0:
        return input
    kept = to(rand(*input.shape) >= p, input.dtype)
    return input * (kept * (1 / (1 - p) if p < 1 else 0.0))


class Dropout(Module):
    """dropout while training, nothing in eval mode. Raises ValueError if p is not in [0, 1]."""

    def __init__(self, p=0.5):
        dropout(rand(0), p)  # what is not a probability is refused before training begins
        self.p = p

    def forward(self, x):
        return dropout(x, self.p, self.training)

    def extra_repr(self):
        return f"p={self.p}"
