"""Parameters in groups, each with its settings, and what an optimizer remembers
(notebooks/11_adam.ipynb)."""

from types import MappingProxyType

import numpy as np

from nptorch.autograd import Tensor
from nptorch.optim.optimizer import Optimizer
from nptorch.optim.sgd import SGD


def _setting(name):
    """A setting in param_groups as an attribute: it is the first group's, and is set for all."""
    def assign(self, value):
        for group in vars(self).setdefault("param_groups", [{"params": self.params}]):
            group[name] = value

    return property(lambda self: self.param_groups[0][name], assign)


Optimizer.lr, Optimizer.weight_decay = _setting("lr"), _setting("weight_decay")
Optimizer.alpha = _setting("l1")  # not "alpha", which in PyTorch's RMSprop is another number
SGD.momentum, SGD.dampening = _setting("momentum"), _setting("dampening")


def state_dict(self):
    """The settings of each group and, under each parameter's number, what is remembered of it, in
    PyTorch's format; the arrays are shared, not copied."""
    numbers = {p: i for i, p in enumerate(self.params)}
    groups = [{**group, "params": [numbers[p] for p in group["params"]]}
              for group in self.param_groups]
    return {"state": {numbers[p]: dict(kept) for p, kept in self.state.items()},
            "param_groups": groups}


def load_state_dict(self, state_dict):
    """Take the settings, and copies of what is remembered, from a state_dict, also PyTorch's.
    Raises ValueError if its groups, names or shapes do not fit; then nothing has changed."""
    groups, own = state_dict["param_groups"], self.param_groups
    sizes, expected = ([len(group["params"]) for group in some] for some in (groups, own))
    if sizes != expected:
        raise ValueError(f"param_groups: expected groups of {expected} parameters, got {sizes}")
    params = dict(zip((i for group in groups for i in group["params"]), self.params))
    state = {params[i]: {name: self._copied(name, value, params[i]) for name, value in kept.items()}
             for i, kept in state_dict["state"].items()}
    for group, new in zip(own, groups):
        group.update(new | {"params": group["params"]})
    self.state = state


def _copied(self, name, value, p):
    if name in ("step", "share"):
        return np.asarray(value).item()
    array = np.array(value, p.dtype)
    if name not in self._memory or array.shape != p.shape:
        raise ValueError(f"state: expected {', '.join(self._memory)} of shape {p.shape}, "
                         f"got {name} of shape {array.shape}")
    return Tensor(array)


def _recall(self, state):
    for i, p in enumerate(self.params):
        if p in state:
            self.v[i][...], self._share[i] = state[p]["velocity"].data, state[p]["share"]


Optimizer.state_dict, Optimizer.load_state_dict = state_dict, load_state_dict
Optimizer._copied, Optimizer._memory, Optimizer.state = _copied, (), MappingProxyType({})
SGD._memory = ("velocity",)  # of another size than PyTorch's momentum_buffer: -lr times as large
SGD.state = property(lambda self: {p: {"velocity": Tensor(v), "share": share} for p, v, share
                                   in zip(self.params, self.v, self._share)}, _recall)
