"""What stands in nptorch.optim, in plain NumPy."""

# In the order of the notebooks: a later one may bind anew what an earlier one did simply.
# isort: skip_file
from .optimizer import Optimizer
from .sgd import SGD
from .adam import Adam, AdamW, Adagrad, RMSprop
from . import lambda_lr, param_groups, schedules, lr_scheduler
