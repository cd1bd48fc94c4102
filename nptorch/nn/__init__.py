"""What stands in nptorch.nn, in plain NumPy, in the order of the notebooks."""

from .module import Parameter, Module, ModuleList, Sequential
from .layers import Linear, ReLU, Tanh, Sigmoid, Identity, Flatten
from .loss import MSELoss, L1Loss, BCEWithLogitsLoss, NLLLoss, CrossEntropyLoss
from .dropout import Dropout
from .conv import Conv2d, MaxPool2d, AvgPool2d
from . import utils, fast, functional
