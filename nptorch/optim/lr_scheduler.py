"""Learning rates that change from step to step, in plain NumPy, in the order of the notebooks."""

from .lambda_lr import LambdaLR
from .schedules import StepLR, LinearLR, CosineAnnealingLR, SequentialLR, OneCycleLR
