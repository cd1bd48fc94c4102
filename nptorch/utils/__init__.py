"""What stands in nptorch.utils, in plain NumPy, in the order of the notebooks."""

from . import data
