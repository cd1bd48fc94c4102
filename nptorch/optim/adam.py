"""Adam and its relatives: a step length for each weight (notebooks/11_adam.ipynb)."""

import math

import numpy as np

from nptorch.autograd import Tensor, no_grad
from nptorch.checks import number
from nptorch.optim.optimizer import Optimizer, moving

PIECE = 1 << 14  # numbers moved at once: a rule's arrays then stay in the processor's cache
ASKED = {"max_exp_avg_sq": "amsgrad", "grad_avg": "centered", "momentum_buffer": "momentum"}


def _grouped(params):
    """params as a list of groups, dicts in which "params" is a list."""
    if isinstance(params, Tensor):
        raise TypeError("params: expected an iterable of Tensors, got one Tensor: put it in a list")
    params = list(params)
    groups = params if params and isinstance(params[0], dict) else [{"params": params}]
    return [group | {"params": [p] if isinstance(p := group["params"], Tensor) else list(p)}
            for group in groups]


def _valid(name, value):
    if name == "betas":
        return tuple(number(f"betas[{i}]", beta, 0, 1) for i, beta in enumerate(value))
    others = "params", "amsgrad", "centered", "decoupled_weight_decay"
    return value if name in others else number(name, value)


class Adaptive(Optimizer):
    """An optimizer that moves each weight by a rule, `_move`, of that weight's gradients alone.

    params: leaf Tensors, or groups with settings of their own, {"params": Tensors, "lr": 0.1}.
    `_memory` names the arrays in state; some are there only if a setting ASKED for them."""

    def __init__(self, params, lr, weight_decay, **settings):
        groups = _grouped(params)
        super().__init__([p for group in groups for p in group["params"]], lr, 0.0, weight_decay)
        settings = self.param_groups[0] | settings
        self.state, self.param_groups = {}, [settings | group for group in groups]
        for group in self.param_groups:
            group.update({name: _valid(name, group[name]) for name in settings})

    @no_grad()
    def _regularization(self):
        """Add the penalties' gradient to every gradient, with the settings of its group."""
        for group in self.param_groups:
            decay = 0.0 if group.get("decoupled_weight_decay") else group["weight_decay"]
            for _, p in moving(group["params"]) if group["l1"] or decay else ():
                p.grad.data += group["l1"] * np.sign(p.data) + decay * p.data


@no_grad()
def step(self):
    """Regularize the gradients, then move every parameter that has one and is not frozen."""
    self._regularization()
    for group in self.param_groups:
        names = [name for name in self._memory if group.get(ASKED.get(name), True)]
        start = group.get("initial_accumulator_value", 0.0)
        for _, p in moving(group["params"]):
            kept = self.state.setdefault(p, {"step": 0})
            kept["step"] += 1
            for name in names:
                if name not in kept:
                    kept[name] = Tensor(np.full(p.shape, start, p.dtype))
            arrays = [p.data, p.grad.data, *(kept[name].data for name in names)]
            for p_, grad, *memory in _pieces(arrays):
                self._move(p_, grad, kept["step"], group, **dict(zip(names, memory)))


def _pieces(arrays):
    """Arrays of one shape, cut alike into flat pieces where they are longer than PIECE."""
    if arrays[0].size <= PIECE or not arrays[0].flags.c_contiguous:
        return [arrays]
    flat = [array.reshape(-1) for array in arrays]  # a gradient in another order is copied
    return [[array[i:i + PIECE] for array in flat] for i in range(0, flat[0].size, PIECE)]


Adaptive.step = step


class Adam(Adaptive):
    """p = p - lr · m / (sqrt(v) + eps): m and v are averages of grad and grad² that fade by betas,
    each divided by 1 - beta^n in step n, as it began at 0. weight_decay is added to the gradients;
    with amsgrad v never falls. Raises as Optimizer. Source: Kingma and Ba, Adam, 2015."""
    _memory = "exp_avg", "exp_avg_sq", "max_exp_avg_sq"  # PyTorch's names for m, v, and v's maximum
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0,
                 amsgrad=False):
        super().__init__(params, lr, weight_decay, betas=betas, eps=eps, amsgrad=amsgrad,
                         decoupled_weight_decay=isinstance(self, AdamW))

    def _move(self, p, grad, n, group, exp_avg, exp_avg_sq, max_exp_avg_sq=None):
        lr, (beta1, beta2), m, v = group["lr"], group["betas"], exp_avg, exp_avg_sq
        m += (1 - beta1) * (grad - m)
        v *= beta2
        v += (1 - beta2) * grad * grad
        if max_exp_avg_sq is not None:
            v = np.maximum(max_exp_avg_sq, v, out=max_exp_avg_sq)
        if group["decoupled_weight_decay"]:
            p *= 1 - lr * group["weight_decay"]
        root = math.sqrt(1 - beta2**n)  # above and below the line, so that v is not divided
        p -= lr * root / (1 - beta1**n) * m / (np.sqrt(v) + group["eps"] * root)


class AdamW(Adam):
    """Adam whose decay stays out of the gradients: each step first takes lr · weight_decay of every
    weight. Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2,
                 amsgrad=False):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad)


class Adagrad(Adaptive):
    """p = p - lr / (1 + (n - 1) · lr_decay) · grad / (sqrt(r) + eps) in step n: r is the sum of all
    grad². Raises as Optimizer. Source: Duchi, Hazan, Singer, Adaptive Subgradient Methods, 2011."""
    _memory = ("sum",)
    def __init__(self, params, lr=1e-2, lr_decay=0.0, weight_decay=0.0,
                 initial_accumulator_value=0.0, eps=1e-10):
        super().__init__(params, lr, weight_decay, lr_decay=lr_decay, eps=eps,
                         initial_accumulator_value=initial_accumulator_value)

    def _move(self, p, grad, n, group, sum):
        sum += grad * grad
        p -= group["lr"] / (1 + (n - 1) * group["lr_decay"]) * grad / (np.sqrt(sum) + group["eps"])


class RMSprop(Adaptive):
    """p = p - lr · grad / (sqrt(r) + eps): r, an average of grad², fades by alpha, and is less
    the squared average of grad if centered. momentum is a share of the last push. (The attribute
    alpha is the L1 penalty.) Raises as Optimizer. Source: Tieleman, Hinton, Lecture 6.5, 2012."""
    _memory = "square_avg", "grad_avg", "momentum_buffer"
    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0,
                 centered=False):
        super().__init__(params, lr, weight_decay, alpha=alpha, eps=eps, momentum=momentum,
                         centered=centered)

    def _move(self, p, grad, n, group, square_avg, grad_avg=None, momentum_buffer=None):
        alpha, r = group["alpha"], np.multiply(square_avg, group["alpha"], out=square_avg)
        r += (1 - alpha) * grad * grad
        if grad_avg is not None:
            grad_avg += (1 - alpha) * (grad - grad_avg)
            r = r - grad_avg * grad_avg
        push = grad / (np.sqrt(r) + group["eps"])
        if momentum_buffer is not None:
            momentum_buffer[...] = push = push + group["momentum"] * momentum_buffer
        p -= group["lr"] * push
