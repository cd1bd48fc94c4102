"""Adam and its relatives: a step length for each weight (notebooks/11_adam.ipynb)."""

import math

import numpy as np

from nptorch.autograd import Tensor, no_grad
from nptorch.checks import number
from nptorch.optim.optimizer import Optimizer, moving

PIECE = 1 << 14  # numbers moved at once: a rule's arrays then stay in the processor's cache


def _valid(name, value):
    if name == "betas":
        return tuple(number(f"betas[{i}]", beta, 0, 1) for i, beta in enumerate(value))
    flags = "amsgrad", "centered", "decoupled_weight_decay"
    return bool(value) if name in flags else number(name, value)


class Adaptive(Optimizer):
    """An optimizer that moves each weight by a rule of its own gradients: `_move`.

    params: leaf Tensors, or dicts {"params": Tensors, "lr": ...}, a group with settings of its own.
    state holds the arrays that `_memory` names, {name: setting that asks for it, or None}.
    """

    def __init__(self, params, lr, weight_decay, **settings):
        params = params if isinstance(params, Tensor) else list(params)
        grouped = isinstance(params, list) and params and isinstance(params[0], dict)
        groups = [dict(group) for group in params] if grouped else [{"params": params}]
        for group in groups if grouped else ():
            one = isinstance(group["params"], Tensor)
            group["params"] = [group["params"]] if one else list(group["params"])
        params = [p for group in groups for p in group["params"]] if grouped else params
        super().__init__(params, lr, weight_decay=weight_decay)
        settings = self.param_groups[0] | settings
        self.state, self.param_groups = {}, [settings | group for group in groups]
        for group in self.param_groups:
            group.update({name: _valid(name, group[name]) for name in settings if name != "params"})


@no_grad()
def _regularization(self):
    """Add the penalties' gradient to every gradient, by the settings of its group."""
    for group in self.param_groups:
        decay = 0.0 if group.get("decoupled_weight_decay") else group["weight_decay"]
        for _, p in moving(group["params"]) if group["l1"] or decay else ():
            p.grad.data += group["l1"] * np.sign(p.data) + decay * p.data


@no_grad()
def step(self):
    """Regularize the gradients, then move every parameter that has one and is not frozen."""
    self._regularization()
    for group in self.param_groups:
        names = [name for name, asks in self._memory.items() if asks is None or group[asks]]
        for _, p in moving(group["params"]):
            kept = self.state.setdefault(p, {"step": 0})
            kept["step"] += 1
            for name in names:
                if name not in kept:
                    start = group.get("initial_accumulator_value", 0.0)
                    kept[name] = Tensor(np.full(p.shape, start, p.dtype))
            arrays = [p.data, p.grad.data, *(kept[name].data for name in names)]
            for part in _pieces(arrays):
                self._move(*part[:2], kept["step"], group, **dict(zip(names, part[2:])))


def _pieces(arrays):
    """Arrays of one shape, cut alike into flat pieces where they are longer than one."""
    if arrays[0].size <= PIECE or not arrays[0].flags.c_contiguous:
        return [arrays]
    flat = [array.reshape(-1) for array in arrays]  # a gradient in another order is copied
    return ([array[i:i + PIECE] for array in flat] for i in range(0, flat[0].size, PIECE))


Adaptive._regularization, Adaptive.step = _regularization, step


class Adam(Adaptive):
    """p = p - lr · m / (sqrt(v) + eps): m and v are averages of grad and grad², fading by betas and
    divided by the weight of what is in them, 1 - beta^n after n steps.

    weight_decay is added to the gradients. amsgrad: v never falls. Raises as Optimizer.
    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015.
    """

    _memory = {"exp_avg": None, "exp_avg_sq": None, "max_exp_avg_sq": "amsgrad"}  # PyTorch's names

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0,
                 amsgrad=False):
        super().__init__(params, lr, weight_decay, betas=betas, eps=eps, amsgrad=amsgrad,
                         decoupled_weight_decay=False)

    def _move(self, p, grad, n, group, exp_avg, exp_avg_sq, max_exp_avg_sq=None):
        lr, (beta1, beta2), m, v = group["lr"], group["betas"], exp_avg, exp_avg_sq
        m += (1 - beta1) * (grad - m)
        v *= beta2
        v += (1 - beta2) * grad * grad
        if max_exp_avg_sq is not None:
            v = np.maximum(max_exp_avg_sq, v, out=max_exp_avg_sq)
        root = math.sqrt(1 - beta2**n)  # taken out of both terms below the line
        if group["decoupled_weight_decay"]:
            p *= 1 - lr * group["weight_decay"]
        p -= lr * root / (1 - beta1**n) * m / (np.sqrt(v) + group["eps"] * root)


class AdamW(Adam):
    """Adam with decoupled decay: before each step, every weight shrinks by lr · weight_decay of
    itself, whatever its gradients. Source: Loshchilov and Hutter, Decoupled Weight Decay
    Regularization, 2019."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2,
                 amsgrad=False):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


class RMSprop(Adaptive):
    """p = p - lr · grad / (sqrt(r) + eps): r is an average of grad² that fades by alpha, less that
    of grad, squared, if centered; momentum keeps a share of each push.

    alpha is PyTorch's name here; the attribute alpha stays Optimizer's L1 penalty. Raises as
    Optimizer. Source: Tieleman and Hinton, Lecture 6.5, 2012.
    """

    _memory = {"square_avg": None, "grad_avg": "centered", "momentum_buffer": "momentum"}

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0,
                 centered=False):
        super().__init__(params, lr, weight_decay, alpha=alpha, eps=eps, momentum=momentum,
                         centered=centered)

    def _move(self, p, grad, n, group, square_avg, grad_avg=None, momentum_buffer=None):
        alpha, r = group["alpha"], square_avg
        r *= alpha
        r += (1 - alpha) * grad * grad
        if grad_avg is not None:
            grad_avg += (1 - alpha) * (grad - grad_avg)
            r = r - grad_avg * grad_avg
        push = grad / (np.sqrt(r) + group["eps"])
        if momentum_buffer is not None:
            momentum_buffer *= group["momentum"]
            push = np.add(momentum_buffer, push, out=momentum_buffer)
        p -= group["lr"] * push


class Adagrad(Adaptive):
    """p = p - lr / (1 + (n - 1) · lr_decay) · grad / (sqrt(r) + eps) in step n: r is the sum of all
    grad² so far, and of initial_accumulator_value. Raises as Optimizer.
    Source: Duchi, Hazan and Singer, Adaptive Subgradient Methods, 2011.
    """

    _memory = {"sum": None}

    def __init__(self, params, lr=1e-2, lr_decay=0.0, weight_decay=0.0,
                 initial_accumulator_value=0.0, eps=1e-10):
        super().__init__(params, lr, weight_decay, lr_decay=lr_decay, eps=eps,
                         initial_accumulator_value=initial_accumulator_value)

    def _move(self, p, grad, n, group, sum):
        sum += grad * grad
        p -= group["lr"] / (1 + (n - 1) * group["lr_decay"]) * grad / (np.sqrt(sum) + group["eps"])
