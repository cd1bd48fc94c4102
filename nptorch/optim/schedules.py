"""Plans for learning rates, one for each group (notebooks/11_adam.ipynb)."""

import math
from bisect import bisect_right

from nptorch.checks import integer, number
from nptorch.optim.lambda_lr import LambdaLR


def _init(self, optimizer, lr_lambda, last_epoch=-1):
    groups, several = optimizer.param_groups, isinstance(lr_lambda, (list, tuple))
    self.optimizer, self.last_epoch = optimizer, last_epoch
    self.base_lrs = [group.setdefault("initial_lr", group["lr"]) for group in groups]
    self.lr_lambdas = list(lr_lambda) if several else [lr_lambda] * len(groups)
    if len(self.lr_lambdas) != len(groups):
        raise ValueError(f"lr_lambda: expected {len(groups)}, one for each group, "
                         f"got {len(self.lr_lambdas)}")
    self.step()


def _step(self):
    """Set the next learning rate of each group."""
    self.last_epoch += 1
    for group, base, factor in zip(self.optimizer.param_groups, self.base_lrs, self.lr_lambdas):
        group["lr"] = number("lr", base * factor(self.last_epoch))


def _load_state_dict(self, state_dict):
    """Go on where the scheduler stood whose state_dict this is."""
    self.last_epoch, self.base_lrs = state_dict["last_epoch"], list(state_dict["base_lrs"])


LambdaLR.__init__, LambdaLR.step, LambdaLR.load_state_dict = _init, _step, _load_state_dict
LambdaLR.get_last_lr = lambda self: [group["lr"] for group in self.optimizer.param_groups]
LambdaLR.state_dict = lambda self: {"last_epoch": self.last_epoch, "base_lrs": self.base_lrs}


class LinearLR(LambdaLR):
    """From start_factor to end_factor times the first rate in total_iters steps, then constant."""

    def __init__(self, optimizer, start_factor=1 / 3, end_factor=1.0, total_iters=5, last_epoch=-1):
        super().__init__(optimizer, lambda n: start_factor + (end_factor - start_factor)
                         * min(n / integer("total_iters", total_iters, 1), 1), last_epoch)


class CosineAnnealingLR(LambdaLR):
    """From the first rate to eta_min in T_max steps, along half a wave of the cosine.
    Source: Loshchilov and Hutter, SGDR, 2017."""

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        rates = (group.get("initial_lr", group["lr"]) for group in optimizer.param_groups)
        super().__init__(optimizer, [
            lambda n, low=eta_min / rate: low + (1 - low) * (1 + math.cos(math.pi * n / T_max)) / 2
            for rate in rates], last_epoch)


class ConstantLR(LambdaLR):
    """factor times the first rate for total_iters steps, then the first rate."""

    def __init__(self, optimizer, factor=1 / 3, total_iters=5, last_epoch=-1):
        super().__init__(optimizer, lambda n: factor if n < total_iters else 1, last_epoch)


class StepLR(LambdaLR):
    """gamma times the last rate after each step_size steps."""

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        super().__init__(optimizer, lambda n: gamma ** (n // step_size), last_epoch)


class MultiStepLR(LambdaLR):
    """gamma times the last rate at each of milestones."""

    def __init__(self, optimizer, milestones, gamma=0.1, last_epoch=-1):
        places = sorted(milestones)
        super().__init__(optimizer, lambda n: gamma ** bisect_right(places, n), last_epoch)


class ExponentialLR(LambdaLR):
    """gamma times the last rate after each step."""

    def __init__(self, optimizer, gamma, last_epoch=-1):
        super().__init__(optimizer, lambda n: gamma**n, last_epoch)


class SequentialLR(LambdaLR):
    """One scheduler after the other: each begins anew at its milestone."""

    def __init__(self, optimizer, schedulers, milestones, last_epoch=-1):
        self.schedulers, self.starts = list(schedulers), [0, *milestones]
        if len(self.schedulers) != len(self.starts):
            raise ValueError(f"milestones: expected {len(self.schedulers) - 1}, "
                             f"got {len(milestones)}")
        super().__init__(optimizer, lambda n: 1, last_epoch)

    def step(self):
        """Let the scheduler whose turn it is set the rates."""
        self.last_epoch += 1
        turn = bisect_right(self.starts, self.last_epoch) - 1
        self.schedulers[turn].last_epoch = self.last_epoch - self.starts[turn] - 1
        self.schedulers[turn].step()


class OneCycleLR(LambdaLR):
    """Up from max_lr / div_factor to max_lr in pct_start of total_steps, and down to the first rate
    / final_div_factor; the momentum (or the first beta) goes the other way, if cycle_momentum.
    Raises ValueError beyond total_steps. Source: Smith and Topin, Super-Convergence, 2018."""

    def __init__(self, optimizer, max_lr, total_steps=None, epochs=None, steps_per_epoch=None,
                 pct_start=0.3, anneal_strategy="cos", cycle_momentum=True, base_momentum=0.85,
                 max_momentum=0.95, div_factor=25.0, final_div_factor=1e4, last_epoch=-1):
        total_steps = epochs * steps_per_epoch if total_steps is None else total_steps
        self.total_steps = integer("total_steps", total_steps, 1)
        last, top = total_steps - 1, pct_start * total_steps - 1
        blend = {"linear": lambda x: x, "cos": lambda x: (1 - math.cos(math.pi * x)) / 2}
        ease = blend[anneal_strategy]

        def through(a, b, c):
            return lambda n: (a + (b - a) * ease(n / top) if n < top else
                              b + (c - b) * ease(min((n - top) / (last - top), 1)))

        self.momentum = cycle_momentum and through(max_momentum, base_momentum, max_momentum)
        for group in optimizer.param_groups if last_epoch == -1 else ():
            group["initial_lr"] = number("max_lr", max_lr) / div_factor
        super().__init__(optimizer, through(1, div_factor, 1 / final_div_factor), last_epoch)

    def step(self):
        """Set the next learning rates, and the momentum."""
        if self.last_epoch >= self.total_steps:
            raise ValueError(f"total_steps: expected at most {self.total_steps} steps, got one more")
        super().step()
        for group in self.optimizer.param_groups if self.momentum else ():
            name = "betas" if "betas" in group else "momentum"
            value = self.momentum(self.last_epoch)
            group[name] = (value, group["betas"][1]) if name == "betas" else value
