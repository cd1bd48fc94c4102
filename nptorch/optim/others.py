"""Adadelta, SGD of groups, LBFGS, and schedules (notebooks/19_layers.ipynb)."""

import inspect

import numpy as np

import nptorch as torch
from nptorch.bridge.layers import told
from nptorch.bridge.words import fuller, rows
from nptorch.checks import number
from nptorch.lookup import chance
from nptorch.optim.adam import Adaptive
from nptorch.optim.lr_scheduler import LambdaLR


class Adadelta(Adaptive):
    """p = p - lr · sqrt(d + eps) / sqrt(r + eps) · grad: r is grad², and d what was taken, squared,
    both averages that fade by rho. Raises as Optimizer. Source: Zeiler, ADADELTA, 2012."""

    _memory = {"square_avg": None, "acc_delta": None}

    @chance
    def __init__(self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0):
        number("rho", rho, 0, np.nextafter(1, 2))  # 1 may be, too
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def _move(self, p, grad, n, group, square_avg, acc_delta):
        square_avg += (1 - group["rho"]) * (grad * grad - square_avg)
        push = np.sqrt((acc_delta + group["eps"]) / (square_avg + group["eps"])) * grad
        acc_delta += (1 - group["rho"]) * (push * push - acc_delta)
        p -= group["lr"] * push


def _schedule(name, factor):
    def __init__(self, optimizer, *args, last_epoch=-1, **given):
        given = told(name, inspect.signature(factor), args, given)
        LambdaLR.__init__(self, optimizer, factor(**given), last_epoch)

    return type(name, (LambdaLR,), {"__doc__": f"As torch's {name}.", "__init__": __init__})


rows({name: _schedule(name, factor) for name, factor in {
    "ExponentialLR": lambda gamma: lambda n: gamma**n,
    "MultiStepLR": lambda milestones, gamma=0.1: lambda n: gamma ** sum(m <= n for m in milestones),
    "ConstantLR": lambda factor=1/3, total_iters=5: lambda n: 1 if n >= total_iters > 0 else factor,
    "PolynomialLR": lambda total_iters=5, power=1.0: lambda n: max(
        1 - n / total_iters, 0) ** power if total_iters else 1.0}.items()}, "optim.lr_scheduler")


class Grouped(Adaptive, torch.optim.SGD):
    """SGD for groups with settings of their own, or nesterov, by PyTorch's rule: p = p - lr · v,
    v = momentum · v + (1 - dampening) · grad, or p - lr · (grad + momentum · v). Raises as SGD."""

    _memory = {"momentum_buffer": "momentum"}

    @fuller(torch.optim.SGD.__init__)
    def __init__(self, params, lr=1e-3, momentum=0.0, alpha=0.0, weight_decay=0.0, *, dampening=0,
                 nesterov=False):
        kind = type(self)
        self.__class__ = Grouped if kind is torch.optim.SGD else type(
            kind.__name__, (kind, Grouped), {})
        if nesterov and (dampening or not momentum):
            raise ValueError("nesterov: expected momentum beside it, and no dampening")
        Adaptive.__init__(self, params, lr=lr, momentum=number("momentum", momentum, 0, 1),
                          weight_decay=weight_decay, dampening=dampening, nesterov=int(nesterov))
        self.alpha = number("alpha", alpha)

    def _move(self, p, grad, n, group, momentum_buffer=None):
        if momentum_buffer is not None:
            momentum_buffer *= group["momentum"]
            momentum_buffer += (1 - group["dampening"] * (n > 1)) * grad
            ahead = grad + group["momentum"] * momentum_buffer
            grad = ahead if group["nesterov"] else momentum_buffer
        p -= group["lr"] * grad


class LBFGS(torch.optim.Optimizer):
    """step(closure) makes up to max_iter moves of -lr · H · grad, and before each asks closure for
    the loss and its gradients; H goes by the last moves s and how they changed the gradients, y.
    Returns the first loss. Source: Liu and Nocedal, On the Limited Memory BFGS Method, 1989."""

    @chance
    def __init__(self, params, lr=1.0, max_iter=20, max_eval=None, tolerance_grad=1e-7,
                 tolerance_change=1e-9, history_size=100):
        super().__init__(params, lr)
        self.max_iter, self.max_eval = max_iter, max_eval or max_iter * 5 // 4
        self.tolerance_grad, self.tolerance_change = tolerance_grad, tolerance_change
        self.history_size, self.pairs, self.last = history_size, [], None

    def _turned(self, q, pairs):  # H · q
        s, y = (pairs or self.pairs or [(q, q)])[-1]
        if not pairs:
            return q * ((y @ s) / (y @ y))
        share = s @ q / (y @ s)
        q = self._turned(q - share * y, pairs[:-1])
        return q + (share - y @ q / (y @ s)) * s


def _moves(self, closure):
    losses, move = [], None
    for n in range(self.max_iter):
        losses.append(closure())
        if n and (n + 1 >= self.max_eval or self.tolerance_change >= min(
                abs(move).max(), abs(float(losses[-1]) - float(losses[-2])))):
            break
        g = np.concatenate([np.ravel(p.data * 0 if p.grad is None else p.grad.data)
                            for p in self.params])
        if abs(g).max() <= self.tolerance_grad:
            break
        if self.last is not None and (y := g - self.last[1]) @ (s := self.last[0]) > 1e-10:
            self.pairs = [*self.pairs, (s, y)][-self.history_size:]
        d = self._turned(-g, self.pairs)
        move = self.lr * (min(1.0, 1 / abs(g).sum()) if self.last is None else 1.0) * d
        self.last = move, g
        if g @ d > -self.tolerance_change:
            break
        ends = np.cumsum([p.data.size for p in self.params])
        for p, part in zip(self.params, np.split(move, ends)):
            p.data += part.reshape(p.shape)
    return losses[0]


LBFGS.step = _moves
rows({"Adadelta": Adadelta, "LBFGS": LBFGS}, "optim")
