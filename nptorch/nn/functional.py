"""PyTorch's torch.nn.functional: the functions behind the modules, under one name."""

from nptorch.nn.conv import avg_pool2d, conv2d, fold, max_pool2d, unfold
from nptorch.nn.loss import binary_cross_entropy_with_logits, cross_entropy, mse_loss, nll_loss
from nptorch.nn.module import dropout, linear
from nptorch.ops import log_softmax, relu, sigmoid, softmax, tanh
