"""Modules, layers and losses."""

from .module import (
    Parameter, ShapeError, Module, ModuleList, linear, Linear, ReLU, Tanh, Sigmoid, Identity,
    Flatten, Sequential, dropout, Dropout, IncompatibleKeys, save, load,
)
from .loss import (
    mse_loss, nll_loss, cross_entropy, binary_cross_entropy_with_logits, MSELoss, BCEWithLogitsLoss,
    NLLLoss, CrossEntropyLoss,
)
from .conv import unfold, fold, conv2d, Conv2d, max_pool2d, avg_pool2d, MaxPool2d, AvgPool2d
from . import functional
