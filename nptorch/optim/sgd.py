"""SGD: gradient descent, plain or with momentum (notebooks/05_optimizer.ipynb)."""

import numpy as np

from nptorch.autograd import no_grad
from nptorch.checks import number
from nptorch.optim.optimizer import Optimizer, moving


class SGD(Optimizer):
    """Gradient descent with momentum: v = momentum · v - lr · grad, then p = p + v.

    momentum is in [0, 1); 0 is plain descent, p = p - lr · grad. v lists the velocities, an array
    for each parameter. dampening takes its share from every push but the first. Errors as in
    Optimizer. At a constant lr this is the path of torch.optim.SGD. Source: Polyak, 1964."""

    def __init__(self, params, lr=1e-3, momentum=0.0, alpha=0.0, weight_decay=0.0, *, dampening=0):
        super().__init__(params, lr, alpha, weight_decay)
        self.momentum = number("momentum", momentum, 0, 1)
        self.dampening = number("dampening", dampening, -np.inf)
        self.v = [np.zeros_like(p.data) for p in self.params]
        self._share = [1.0] * len(self.v)  # of the next push that counts, for each parameter

    @no_grad()
    def step(self):
        """Regularize the gradients, then move every parameter that has one and is not frozen."""
        self._regularization()
        for i, p in moving(self.params):
            if self.momentum > 0:
                v = self.v[i]
                v *= self.momentum
                v -= self.lr * self._share[i] * p.grad.data
                self._share[i] = 1.0 - self.dampening
                p.data += v
            else:
                p.data -= self.lr * p.grad.data
