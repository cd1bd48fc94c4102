"""Modules, layers and losses."""

from .module import (
    Parameter, ShapeError, Module, ModuleList, linear, Linear, ReLU, Tanh, Sigmoid, Identity,
    Flatten, Sequential, dropout, Dropout, IncompatibleKeys, save, load,
)
from .loss import (
    mse_loss, nll_loss, cross_entropy, binary_cross_entropy_with_logits, MSELoss, BCEWithLogitsLoss,
    NLLLoss, CrossEntropyLoss,
)
from . import functional
