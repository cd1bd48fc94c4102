"""Plans for learning rates, one for each group (notebooks/11_adam.ipynb)."""

import math

from nptorch.checks import integer, number
from nptorch.optim.lambda_lr import LambdaLR


def _init(self, optimizer, lr_lambda, last_epoch=-1):
    self.optimizer, self.last_epoch, groups = optimizer, last_epoch, optimizer.param_groups
    self.base_lrs = [group.setdefault("initial_lr", group["lr"]) for group in groups]
    self.lr_lambdas = [factor for _, factor in _each(groups, lr_lambda)]
    self.step()


def _step(self):
    """Set the next learning rate of every group."""
    self.last_epoch += 1
    for group, base, factor in _each(self.optimizer.param_groups, self.base_lrs, self.lr_lambdas):
        group["lr"] = number("lr", base * factor(self.last_epoch))


LambdaLR.__init__, LambdaLR.step = _init, _step
LambdaLR.state_dict = lambda self: {"last_epoch": self.last_epoch, "base_lrs": self.base_lrs}
LambdaLR.load_state_dict = lambda self, state: vars(self).update(state)
LambdaLR.get_last_lr = lambda self: [group["lr"] for group in self.optimizer.param_groups]
_each = lambda groups, *values: list(zip(groups, *(  # a value is one for all, or a list
    x if isinstance(x, (list, tuple)) else [x] * len(groups) for x in values), strict=True))
_wave = lambda x: (1 - math.cos(math.pi * x)) / 2  # from 0 to 1, slowly at both ends


class StepLR(LambdaLR):
    """gamma times the rate after every step_size steps."""

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        super().__init__(optimizer, lambda n: gamma ** (n // step_size), last_epoch)


class LinearLR(LambdaLR):
    """From start_factor to end_factor times the first rate in total_iters steps; then it stays."""

    def __init__(self, optimizer, start_factor=1 / 3, end_factor=1.0, total_iters=5, last_epoch=-1):
        rise = (end_factor - start_factor) / integer("total_iters", total_iters, 1)
        super().__init__(optimizer, lambda n: start_factor + rise * min(n, total_iters), last_epoch)


class CosineAnnealingLR(LambdaLR):
    """Half a cosine from the first rate to eta_min, T_max steps long (Loshchilov, Hutter, 2017)."""

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        lows = (eta_min / (g.get("initial_lr", g["lr"]) or 1) for g in optimizer.param_groups)
        plans = [lambda n, low=low: 1 + (low - 1) * _wave(n / T_max) for low in lows]
        super().__init__(optimizer, plans, last_epoch)


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
    """Up to max_lr from a div_factor-th of it in a share pct_start of all steps, down to the first
    rate / final_div_factor; momentum (the first of betas) goes the other way. A list has a number
    for each group. ValueError beyond total_steps. Source: Smith, Topin, Super-Convergence, 2018."""

    def __init__(self, optimizer, max_lr, total_steps=None, epochs=None, steps_per_epoch=None,
                 pct_start=0.3, anneal_strategy="cos", cycle_momentum=True, base_momentum=0.85,
                 max_momentum=0.95, div_factor=25.0, final_div_factor=1e4, last_epoch=-1):
        if total_steps is None and epochs and steps_per_epoch:
            total_steps = epochs * steps_per_epoch
        self.total_steps = steps = integer("total_steps", total_steps, 1)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'anneal_strategy: expected "cos" or "linear", got {anneal_strategy}')
        ease, top = _wave if anneal_strategy == "cos" else float, pct_start * steps - 1
        plan = lambda start, high, end: lambda n: (
            start + (high - start) * ease(n / top) if n < top else
            high + (end - high) * ease(min((n - top) / (steps - 1 - top or math.inf), 1)))
        ends = _each(optimizer.param_groups, max_lr, base_momentum, max_momentum)
        for group, high, *_ in ends if last_epoch == -1 else ():
            group["initial_lr"] = high / div_factor
        self.momenta = [plan(high, low, high) for *_, low, high in ends if cycle_momentum]
        super().__init__(optimizer, plan(1, div_factor, 1 / final_div_factor), last_epoch)

    def step(self):
        """Set the next learning rates, and the next momenta."""
        if self.last_epoch >= self.total_steps:
            raise ValueError(f"total_steps: expected no more than {self.total_steps} steps")
        super().step()
        for group, momentum in zip(self.optimizer.param_groups, self.momenta):
            m = momentum(self.last_epoch)
            group |= {"betas": (m, group["betas"][1])} if "betas" in group else {"momentum": m}
