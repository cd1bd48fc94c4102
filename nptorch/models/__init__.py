"""What stands in nptorch.models, in plain NumPy, in the order of the notebooks."""

from .lenet import LeNet
from .text import prose, hold_back
from .gpt import surprise, train, generate, bits, Block, GPT
