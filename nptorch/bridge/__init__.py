"""What stands in nptorch.bridge, in plain NumPy, in the order of the notebooks."""

from .words import plain, fuller, rows, again, SAID, also_runtime, at_device, USUAL, WORDS
from .devices import device, to, finfo
from .elementwise import ROWS, STEPS, ALIASES
from .graph import set_grad_enabled, grad, register_hook, Function, viewing, change
from .tensors import (entries, placed, gather, argsort, topk, split, scatter_, meshgrid, unique,
                      Generator, multinomial, bernoulli)
from .layers import (ordered, told, layer, one_hot, pad, upsample, loss, huber_loss, smooth_l1_loss,
                     binary_cross_entropy_with_logits, binary_cross_entropy, nll_loss,
                     cross_entropy, ModuleDict, clip_grad_value_)
from nptorch import algebra, archives
from nptorch.nn import convolutions, recurrent
from nptorch.utils import samplers
from nptorch.optim import others
