"""What editors and type checkers are told of lambda_lr.py, whose groups schedules.py binds."""

from collections.abc import Callable, Sequence
from typing import Any

from nptorch.optim.optimizer import Optimizer

class LambdaLR:
    optimizer: Optimizer
    last_epoch: int
    base_lrs: list[float]
    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[
                 Callable[[int], float]], last_epoch: int = -1) -> None: ...
    def step(self) -> None: ...
    def get_last_lr(self) -> list[float]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...
