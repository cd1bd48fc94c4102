"""Settings of parameters in groups, and an optimizer's state (notebooks/11_adam.ipynb)."""

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
Optimizer.alpha = _setting("l1")  # in PyTorch's RMSprop, "alpha" is another number
SGD.momentum, SGD.dampening = _setting("momentum"), _setting("dampening")


def _recall(self, state):
    for i, kept in enumerate(map(state.get, self.params)):
        if kept:
            self.v[i][...], self._share[i] = kept["velocity"].data, 1.0 - self.dampening


SGD._memory, Optimizer._memory, Optimizer.state = ("velocity",), (), {}
SGD.state = property(lambda self: {p: {"velocity": Tensor(v)} for p, v in zip(self.params, self.v)
                                   if v.any()}, _recall)


def state_dict(self):
    """The settings of each group, and what is remembered of each parameter, under its number: as
    PyTorch has it. The arrays are shared, not copied."""
    number = {p: i for i, p in enumerate(self.params)}
    return {"state": {number[p]: dict(kept) for p, kept in self.state.items()},
            "param_groups": [group | {"params": [number[p] for p in group["params"]]}
                             for group in self.param_groups]}


def load_state_dict(self, state_dict):
    """Take settings, and copies of what is remembered, from a state_dict, also from one of PyTorch.
    Raises ValueError if groups, names or shapes do not fit; then nothing has changed."""
    new, sizes = state_dict["param_groups"], lambda groups: [len(g["params"]) for g in groups]
    if sizes(new) != (own := sizes(self.param_groups)):
        raise ValueError(f"param_groups: expected {own} parameters in them, got {sizes(new)}")
    numbers, state = [i for g in new for i in g["params"]], {}
    for i, kept in state_dict["state"].items():
        p = self.params[numbers.index(i)]
        state[p] = {name: int(x) if name == "step" else
                    Tensor(np.array(np.asarray(x), p.dtype)) for name, x in kept.items()}
        for name in kept.keys() - {"step"}:
            if name not in self._memory or state[p][name].shape != p.shape:
                raise ValueError(f"state: expected {', '.join(self._memory)} of shape {p.shape}, "
                                 f"got {name} of shape {state[p][name].shape}")
    for group, settings in zip(self.param_groups, new):
        group.update(settings | {"params": group["params"]})
    self.state = state


Optimizer.state_dict, Optimizer.load_state_dict = state_dict, load_state_dict
