"""What editors and type checkers are told of optimizer.py, whose groups and state are bound by
adam.py."""

from collections.abc import Iterable, Mapping
from typing import Any

from nptorch.autograd import Tensor

def moving(params: Iterable[Tensor]) -> list[tuple[int, Tensor]]: ...

class Optimizer:
    params: list[Tensor]
    lr: float
    alpha: float
    weight_decay: float
    param_groups: list[dict[str, Any]]
    state: Any
    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, alpha: float = 0.0,
                 weight_decay: float = 0.0) -> None: ...
    def zero_grad(self, set_to_none: bool = False) -> None: ...
    def _regularization(self) -> None: ...
    def step(self) -> None: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None: ...
