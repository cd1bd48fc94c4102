"""What stands in nptorch.nn.utils, in plain NumPy, in the order of the notebooks."""

from .clip_grad import clip_grad_norm_
