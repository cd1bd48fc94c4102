"""What stands in nptorch.optim, in plain NumPy, in the order of the notebooks."""

from .optimizer import Optimizer
from .sgd import SGD
from . import lr_scheduler
