"""What stands in nptorch.models, in plain NumPy, in the order of the notebooks."""

from .lenet import LeNet
