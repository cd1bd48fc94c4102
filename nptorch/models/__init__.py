"""What stands in nptorch.models, in plain NumPy."""

# In the order of the notebooks: a later one may bind anew what an earlier one did simply.
# isort: skip_file
from .lenet import LeNet
from .text import prose, hold_back
from .gpt import surprise, train, generate, bits, Block, GPT
