"""Plans for learning rates, one for each group (notebooks/11_adam.ipynb)."""

import math

from nptorch.checks import integer, number
from nptorch.optim.lambda_lr import LambdaLR


def _init(self, optimizer, lr_lambda, last_epoch=-1):
    self.optimizer, self.last_epoch, groups = optimizer, last_epoch, optimizer.param_groups
    self.base_lrs = [group.setdefault("initial_lr", group["lr"]) for group in groups]
    self.lr_lambdas = [lr_lambda] * len(groups) if callable(lr_lambda) else list(lr_lambda)
    self.step()


def _step(self):
    """Set the next learning rate of every group."""
    self.last_epoch += 1
    plans = zip(self.optimizer.param_groups, self.base_lrs, self.lr_lambdas, strict=True)
    for group, base, factor in plans:
        group["lr"] = number("lr", base * factor(self.last_epoch))


LambdaLR.__init__, LambdaLR.step = _init, _step
LambdaLR.state_dict = lambda self: {key: vars(self)[key] for key in ("last_epoch", "base_lrs")}
LambdaLR.load_state_dict = lambda self, new: vars(self).update(
    (key, new[key]) for key in self.state_dict())
LambdaLR.get_last_lr = lambda self: [group["lr"] for group in self.optimizer.param_groups]
_wave = lambda x: (1 - math.cos(math.pi * x)) / 2  # from 0 to 1, slowly at both ends


class ExponentialLR(LambdaLR):
    """gamma times the rate after every step."""
    def __init__(self, optimizer, gamma, last_epoch=-1):
        super().__init__(optimizer, lambda n: gamma**n, last_epoch)


class LinearLR(LambdaLR):
    """From start_factor to end_factor times the first rate in total_iters steps; then it stays."""
    def __init__(self, optimizer, start_factor=1 / 3, end_factor=1.0, total_iters=5, last_epoch=-1):
        rise = (end_factor - start_factor) / integer("total_iters", total_iters, 1)
        super().__init__(optimizer, lambda n: start_factor + rise * min(n, total_iters), last_epoch)


class CosineAnnealingLR(LambdaLR):
    """Half a cosine from the first rate to eta_min, T_max steps long (Loshchilov, Hutter, 2017)."""
    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        lows = (eta_min / g.get("initial_lr", g["lr"]) for g in optimizer.param_groups)
        plans = [lambda n, low=low: 1 + (low - 1) * _wave(n / T_max) for low in lows]
        super().__init__(optimizer, plans, last_epoch)


class ConstantLR(LambdaLR):
    """factor times the first rate for total_iters steps, then the first rate."""
    def __init__(self, optimizer, factor=1 / 3, total_iters=5, last_epoch=-1):
        super().__init__(optimizer, lambda n: factor if n < total_iters else 1, last_epoch)


class StepLR(LambdaLR):
    """gamma times the rate after every step_size steps."""
    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        super().__init__(optimizer, lambda n: gamma ** (n // step_size), last_epoch)


class MultiStepLR(LambdaLR):
    """gamma times the rate at each of the steps milestones."""
    def __init__(self, optimizer, milestones, gamma=0.1, last_epoch=-1):
        super().__init__(optimizer, lambda n: gamma ** sum(m <= n for m in milestones), last_epoch)


class SequentialLR(LambdaLR):
    """One scheduler after the other: each of milestones is the first step of the next one."""
    def __init__(self, optimizer, schedulers, milestones, last_epoch=-1):
        self.parts = list(zip([0, *milestones], schedulers, strict=True))
        super().__init__(optimizer, lambda n: 1, last_epoch)

    def step(self):
        """Let the scheduler whose turn it is set the rates."""
        self.last_epoch += 1
        start, scheduler = [part for part in self.parts if part[0] <= self.last_epoch][-1]
        scheduler.last_epoch = self.last_epoch - start - 1
        scheduler.step()


class OneCycleLR(LambdaLR):
    """Up from max_lr / div_factor to max_lr in a share pct_start of all steps, down to the first
    rate / final_div_factor; momentum, or the first of betas, goes the other way. Raises ValueError
    beyond total_steps. Source: Smith and Topin, Super-Convergence, 2018."""
    def __init__(self, optimizer, max_lr, total_steps=None, epochs=None, steps_per_epoch=None,
                 pct_start=0.3, anneal_strategy="cos", cycle_momentum=True, base_momentum=0.85,
                 max_momentum=0.95, div_factor=25.0, final_div_factor=1e4, last_epoch=-1):
        total = epochs * steps_per_epoch if total_steps is None else total_steps
        self.total_steps = integer("total_steps", total, 1)
        top, last, ease = pct_start * total - 1, total - 1, {"cos": _wave, "linear": float}[
            anneal_strategy]
        ways = lambda a, b, c: lambda n: (a + (b - a) * ease(n / top) if n < top else
                                          b + (c - b) * ease(min((n - top) / (last - top), 1)))
        self.momentum = cycle_momentum and ways(max_momentum, base_momentum, max_momentum)
        if cycle_momentum and not optimizer.param_groups[0].keys() & {"betas", "momentum"}:
            raise ValueError("cycle_momentum: expected an optimizer with momentum or betas")
        for group in optimizer.param_groups if last_epoch == -1 else ():
            group["initial_lr"] = max_lr / div_factor
        super().__init__(optimizer, ways(1, div_factor, 1 / final_div_factor), last_epoch)

    def step(self):
        """Set the next learning rates, and the next momentum."""
        if self.last_epoch >= self.total_steps:
            raise ValueError(f"total_steps: expected no more than {self.total_steps} steps")
        super().step()
        for group in self.optimizer.param_groups if self.momentum else ():
            m = self.momentum(self.last_epoch)
            group |= {"betas": (m, group["betas"][1])} if "betas" in group else {"momentum": m}
