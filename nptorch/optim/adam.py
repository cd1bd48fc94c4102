"""Adam and its relatives, and what every optimizer remembers (notebooks/11_adam.ipynb)."""

import numpy as np

from nptorch.autograd import Tensor, no_grad
from nptorch.checks import number
from nptorch.optim.optimizer import Optimizer, moving
from nptorch.optim.sgd import SGD


class Adaptive(Optimizer):
    """Moves each weight by a rule, `_move`, of that weight's own gradients and memory. `_memory`
    names the arrays that are remembered, each with the setting that asks for it, or None."""
    _decoupled, param_groups, state = False, None, None

    @no_grad()
    def step(self):
        """Regularize the gradients, then move every parameter that has one and is not frozen."""
        for group in self.param_groups:
            start, decay = group.get("initial_accumulator_value", 0.0), group["weight_decay"]
            shrink, l2 = (group["lr"] * decay, 0.0) if self._decoupled else (0.0, decay)
            names = [name for name, asked in self._memory.items() if asked is None or group[asked]]
            for _, p in moving(group["params"]):
                if self.alpha or l2:
                    p.grad.data += self.alpha * np.sign(p.data) + l2 * p.data
                if shrink:
                    p.data *= 1 - shrink
                kept = self.state.setdefault(p, {"step": 0})
                kept |= {name: Tensor(np.full_like(p.data, start)) for name in names
                         if name not in kept and (self._memory[name] or not kept["step"])}
                kept["step"] += 1
                self._move(p.data, p.grad.data, kept["step"], group,
                           **{name: kept[name].data for name in names})
                p.data = p.data  # an assignment, which 14_manners watches


class Adam(Adaptive):
    """p = p - lr · m / (1 - beta1^n) / (sqrt(v / (1 - beta2^n)) + eps) in step n, m and v averages
    of grad and grad² that fade by betas; amsgrad takes the largest v so far. weight_decay is added
    to the gradients. Raises as Optimizer. Source: Kingma and Ba, Adam, 2015."""
    _memory = {"exp_avg": None, "exp_avg_sq": None, "max_exp_avg_sq": "amsgrad"}

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0,
                 amsgrad=False):
        Adaptive.__init__(**vars())  # all that was handed in, each under its name

    def _move(self, p, grad, n, group, exp_avg, exp_avg_sq, max_exp_avg_sq=None):
        (beta1, beta2), v = group["betas"], exp_avg_sq
        exp_avg += (1 - beta1) * (grad - exp_avg)
        v += (1 - beta2) * (grad * grad - v)
        if max_exp_avg_sq is not None:
            v = np.maximum(max_exp_avg_sq, v, out=max_exp_avg_sq)
        p -= group["lr"] / (1 - beta1**n) * exp_avg / (np.sqrt(v / (1 - beta2**n)) + group["eps"])


class AdamW(Adam):
    """Adam whose decay stays out of the gradients: each step first takes lr · weight_decay of every
    weight. Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019."""
    _decoupled = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2,
                 amsgrad=False):
        Adaptive.__init__(**vars())


def _init(self, params, **settings):
    """params: leaf Tensors, or groups with settings of their own: {"params": Tensors, "lr": .1}."""
    if not (isinstance(params, (list, tuple)) and params and all(
            isinstance(group, dict) and "params" in group for group in params)):
        params = [{"params": Optimizer(params).params}]  # checked there
    self.param_groups, self.state, self.alpha = [settings | group for group in params], {}, 0.0
    for group in self.param_groups:
        group["params"] = [p] if isinstance(p := group["params"], Tensor) else list(p)
        for name in settings:
            if name == "betas":
                if np.shape(group[name]) != (2,):
                    raise ValueError(f"betas: expected two numbers, got {group[name]}")
                group[name] = tuple(number(name, beta, 0, 1) for beta in group[name])
            elif name not in ("amsgrad", "centered"):
                group[name] = number(name, group[name])
    self.params = Optimizer([p for g in self.param_groups for p in g["params"]]).params


Adaptive.__init__ = _init
for _name in "lr", "weight_decay":  # as an attribute it is the first group's, and is set for all
    setattr(Adaptive, _name, property(
        lambda self, name=_name: self.param_groups[0][name],
        lambda self, x, name=_name: [group.update({name: x}) for group in self.param_groups]))


class Adagrad(Adaptive):
    """p = p - lr / (1 + (n - 1) · lr_decay) · grad / (sqrt(r) + eps) in step n, r the sum of all
    grad². Raises as Optimizer. Source: Duchi, Hazan, Singer, Adaptive Subgradient Methods, 2011."""
    _memory = {"sum": None}

    def __init__(self, params, lr=1e-2, lr_decay=0.0, weight_decay=0.0,
                 initial_accumulator_value=0.0, eps=1e-10):
        Adaptive.__init__(**vars())

    def _move(self, p, grad, n, group, sum):
        sum += grad * grad
        p -= group["lr"] / (1 + (n - 1) * group["lr_decay"]) * grad / (np.sqrt(sum) + group["eps"])


class RMSprop(Adaptive):
    """p = p - lr · grad / (sqrt(r) + eps), r an average of grad² that fades by alpha; if centered,
    minus the squared average of grad. momentum keeps a share of the last push. (The attribute alpha
    is the L1 penalty.) Raises as Optimizer. Source: Tieleman and Hinton, Lecture 6.5, 2012."""
    _memory = {"square_avg": None, "grad_avg": "centered", "momentum_buffer": "momentum"}

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0,
                 centered=False):
        Adaptive.__init__(**vars())

    def _move(self, p, grad, n, group, square_avg, grad_avg=0.0, momentum_buffer=None):
        square_avg += (1 - group["alpha"]) * (grad * grad - square_avg)
        if group["centered"]:
            grad_avg += (1 - group["alpha"]) * (grad - grad_avg)
        push = grad / (np.sqrt(square_avg - grad_avg * grad_avg) + group["eps"])
        if momentum_buffer is not None:
            momentum_buffer[...] = push = push + group["momentum"] * momentum_buffer
        p -= group["lr"] * push


def _recall(self, state):
    for i, p in enumerate(self.params):
        self.v[i][...] = state[p]["velocity"].data if p in state else 0.0
        self._share[i] = 1.0 - self.dampening if p in state else 1.0


Optimizer.param_groups = property(lambda self: [vars(self)])  # a single one: the attributes
Optimizer.state = property(lambda self: {}, lambda *_: None)  # nothing
SGD.state = property(lambda self: {p: {"velocity": Tensor(v)} for p, v in zip(self.params, self.v)
                                   if v.any()}, _recall)
Optimizer._memory, SGD._memory = (), ("velocity",)


def state_dict(self):
    """The settings of each group, and what is remembered of each parameter, under its number: as
    PyTorch has it. The arrays are shared, not copied."""
    numbers = {p: i for i, p in enumerate(self.params)}
    return {"state": {numbers[p]: dict(kept) for p, kept in self.state.items()},
            "param_groups": [{name: x for name, x in group.items() if name not in ("v", "_share")}
                             | {"params": [numbers[p] for p in group["params"]]}
                             for group in self.param_groups]}


def load_state_dict(self, state_dict):
    """Take settings, and copies of what is remembered, from a state_dict, also from one of PyTorch.
    Raises ValueError where groups, names or shapes differ; then nothing has changed."""
    new, state = state_dict["param_groups"], {}
    owners = {i: p for group, other in zip(self.param_groups, new, strict=True)
              for p, i in zip(group["params"], other["params"], strict=True)}
    for i, kept in state_dict["state"].items():
        if (p := owners.get(i)) is None:
            raise ValueError(f"state: expected numbers of {[*owners]}, got {i!r}")
        for name, x in kept.items():
            x = int(x) if name == "step" else Tensor(np.array(np.asarray(x), p.dtype))
            if name != "step" and (name not in self._memory or x.shape != p.shape):
                raise ValueError(f"state: expected {', '.join(self._memory)} of shape {p.shape}, "
                                 f"got {name} of shape {x.shape}")
            state.setdefault(p, {})[name] = x
    for group, settings in zip(self.param_groups, new):
        group.update(settings | {"params": group["params"]})
    self.state = state


Optimizer.state_dict, Optimizer.load_state_dict = state_dict, load_state_dict
