"""Built, step by step, in notebooks/05_optimizer.ipynb."""

import math

import numpy as np

from nptorch.tensor import Tensor, increment_version, no_grad


def _at_least_0(name, value, below=math.inf):
    """value as a float. Raises TypeError for no number, ValueError for one not in [0, below)."""
    try:
        fits = bool(0 <= value < below)
    except (TypeError, ValueError):  # text, or an array of several numbers
        raise TypeError(f"{name}: expected a number, got {value!r}") from None
    if not fits:
        raise ValueError(f"Invalid {name} value: {value}")
    return float(value)


class Optimizer:
    """What every optimizer has: parameters, a learning rate and two penalties on large weights.

    params: Tensors, such as model.parameters(); lr: the learning rate, which may be set anew
    between two steps; alpha: the strength of
    the L1 penalty alpha·|p|; weight_decay: that of the L2 penalty weight_decay·p²/2. Raises
    ValueError for a number below 0 or not finite, for no params, for one that is not a leaf and
    for one that comes twice, TypeError if params are not Tensors.
    """

    def __init__(self, params, lr=1e-3, alpha=0.0, weight_decay=0.0):
        if isinstance(params, Tensor):
            raise TypeError("params: expected an iterable of Tensors, got one Tensor: "
                            "put it in a list")
        if not hasattr(params, "__iter__"):
            raise TypeError("params: expected an iterable of Tensors, such as net.parameters(), "
                            f"got {type(params).__name__}")
        self.params = list(params)
        if not self.params:
            raise ValueError("params: expected at least one Tensor, got none "
                             "(a plain list hides a net's layers: use nn.ModuleList)")
        for p in self.params:
            if not isinstance(p, Tensor):
                raise TypeError(f"params: expected Tensors, got {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError("params: expected leaves, got a Tensor that an op made: "
                                 "it never gets a grad")
        if len({id(p) for p in self.params}) < len(self.params):
            raise ValueError("params: expected each Tensor once, got one twice")
        self.lr = _at_least_0("lr", lr)
        self.alpha = _at_least_0("alpha", alpha)
        self.weight_decay = _at_least_0("weight_decay", weight_decay)

    def zero_grad(self):
        """Set the gradient of every parameter to 0."""
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()

    def _regularization(self):
        """Add alpha · sign(p) + weight_decay · p, the penalties' gradient, to every gradient."""
        if self.alpha == self.weight_decay == 0:
            return
        with no_grad():
            for p in self.params:
                if p.grad is not None:
                    p.grad += self.alpha * np.sign(p.data) + self.weight_decay * p.data

    def step(self):
        """Move every parameter that has a gradient. A subclass says how."""
        raise NotImplementedError(f"{type(self).__name__} does not define step")


class SGD(Optimizer):
    """Gradient descent with momentum: v = momentum · v - lr · grad, then p = p + v.

    momentum is in [0, 1), and 0 is plain descent, p = p - lr · grad; the rest, and the errors,
    as in Optimizer. v is the list of velocities, one array a parameter. A parameter without a
    gradient stays where it is. With a constant lr, alpha 0, and a new gradient for every parameter
    between zero_grad and step, the path is that of torch.optim.SGD.
    """

    def __init__(self, params, lr=1e-3, momentum=0.0, alpha=0.0, weight_decay=0.0):
        super().__init__(params, lr, alpha, weight_decay)
        self.momentum = _at_least_0("momentum", momentum, below=1)
        self.v = [np.zeros_like(p.data) for p in self.params]

    @no_grad()
    def step(self):
        """Regularize the gradients, then move every parameter that has one."""
        self._regularization()
        for p, v in zip(self.params, self.v):
            if p.grad is None:
                continue
            if self.momentum > 0:
                v *= self.momentum
                v -= self.lr * p.grad.data
                p.data += v
            else:
                p.data -= self.lr * p.grad.data
            increment_version(p)
