"""Optimizer: parameters, a learning rate and two penalties (notebooks/05_optimizer.ipynb)."""

import numpy as np

from nptorch.autograd import Tensor, no_grad
from nptorch.checks import number


def _checked(params):
    """params as a list, refused unless it holds Tensors that no op made, each once."""
    if isinstance(params, Tensor):
        raise TypeError("params: expected an iterable of Tensors, got one Tensor: put it in a list")
    params = list(params)  # net.parameters() is a generator, and can be walked only once
    for p in params:
        if not isinstance(p, Tensor):
            raise TypeError(f"params: expected Tensors, got {type(p).__name__}")
        if not p.is_leaf:
            raise ValueError("params: expected leaves, got a Tensor that an op made: "
                             "it never gets a grad")
    if not params:
        raise ValueError("params: expected at least one Tensor, got none "
                         "(a plain list hides a net's layers: use nn.ModuleList)")
    if len(set(params)) < len(params):
        raise ValueError("params: expected each Tensor once, got one twice")
    return params


def moving(params):
    """(number, parameter) for each of params that has a gradient and is not frozen."""
    return [(i, p) for i, p in enumerate(params) if p.requires_grad and p.grad is not None]


class Optimizer:
    """Parameters, a learning rate, and the strengths of two penalties on large weights.

    params: leaf Tensors, each once; alpha·|p| is the L1 penalty, weight_decay·p²/2 the L2 penalty.
    Raises TypeError or ValueError for other params, and for numbers negative or not finite."""

    def __init__(self, params, lr=1e-3, alpha=0.0, weight_decay=0.0):
        self.params = _checked(params)
        self.lr, self.alpha = number("lr", lr), number("alpha", alpha)
        self.weight_decay = number("weight_decay", weight_decay)

    def zero_grad(self, set_to_none=False):
        """Set every gradient to 0, or to None."""
        for p in self.params:
            if set_to_none:
                p.grad = None
            elif p.grad is not None:
                p.grad.zero_()

    def _regularization(self):
        """Add alpha · sign(p) + weight_decay · p, the penalties' gradient, to every gradient."""
        if self.alpha or self.weight_decay:
            with no_grad():
                for _, p in moving(self.params):
                    p.grad.data += self.alpha * np.sign(p.data) + self.weight_decay * p.data

    def step(self):
        """Move the parameters; a subclass says how."""
        raise NotImplementedError(f"{type(self).__name__} does not define step")
