"""What stands in nptorch.nn.utils, in plain NumPy."""

# In the order of the notebooks: a later one may bind anew what an earlier one did simply.
# isort: skip_file
from .clip_grad import clip_grad_norm_, clip_grad_value_
