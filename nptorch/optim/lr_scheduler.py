"""Learning rates that change from step to step, in plain NumPy."""

# In the order of the notebooks: a later one may bind anew what an earlier one did simply.
# isort: skip_file
from .lambda_lr import LambdaLR
from .schedules import (
    ExponentialLR, LinearLR, CosineAnnealingLR, ConstantLR, StepLR, MultiStepLR, SequentialLR,
    OneCycleLR,
)

__all__ = [
    "ConstantLR", "CosineAnnealingLR", "ExponentialLR", "LambdaLR", "LinearLR", "MultiStepLR",
    "OneCycleLR", "SequentialLR", "StepLR",
]
