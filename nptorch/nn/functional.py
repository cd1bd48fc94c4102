"""The functions behind the modules of nptorch.nn, in plain NumPy."""

# In the order of the notebooks: a later one may bind anew what an earlier one did simply.
# isort: skip_file
from ..ops import tanh, sigmoid, relu, softmax, log_softmax
from .layers import linear
from .loss import mse_loss, l1_loss, nll_loss, cross_entropy, binary_cross_entropy_with_logits
from .dropout import dropout
from .normalization import batch_norm, layer_norm
from .transformer import embedding, scaled_dot_product_attention, gelu
from .fast import conv2d, max_pool2d, avg_pool2d, unfold, fold

__all__ = [
    "avg_pool2d", "batch_norm", "binary_cross_entropy_with_logits", "conv2d", "cross_entropy",
    "dropout", "embedding", "fold", "gelu", "l1_loss", "layer_norm", "linear", "log_softmax",
    "max_pool2d", "mse_loss", "nll_loss", "relu", "scaled_dot_product_attention", "sigmoid",
    "softmax", "tanh", "unfold",
]
