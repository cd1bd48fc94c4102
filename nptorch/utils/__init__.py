"""What stands in nptorch.utils, in plain NumPy."""

# In the order of the notebooks: a later one may bind anew what an earlier one did simply.
# isort: skip_file
from . import data
