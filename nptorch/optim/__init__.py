"""What stands in nptorch.optim, in plain NumPy, in the order of the notebooks."""

from .optimizer import Optimizer
from .sgd import SGD
from .adam import Adam, AdamW, Adagrad, RMSprop
from . import lambda_lr, schedules, lr_scheduler
