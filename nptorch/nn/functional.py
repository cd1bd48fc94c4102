"""The functions behind the modules of nptorch.nn, in plain NumPy, in the order of the notebooks."""

from ..ops import tanh, sigmoid, relu, softmax, log_softmax
from .layers import linear
from .loss import mse_loss, l1_loss, nll_loss, cross_entropy, binary_cross_entropy_with_logits
from .dropout import dropout
from .fast import conv2d, max_pool2d, avg_pool2d, unfold, fold
