"""Shortening gradients that are too long (notebooks/11_adam.ipynb)."""

import numpy as np

from nptorch.autograd import Tensor


def clip_grad_norm_(parameters, max_norm, norm_type=2.0):
    """Shorten all gradients of parameters, or of a single one, as one long vector, to max_norm if
    it is longer, and return the norm that it had, a Tensor (). norm_type: the power in it, or inf:
    the largest size. Raises ValueError if max_norm < 0. Source: Pascanu, Mikolov, Bengio, On the
    difficulty of training recurrent neural networks, 2013."""
    if not max_norm >= 0:
        raise ValueError(f"Invalid max_norm value: {max_norm}")
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    grads = [p.grad.data for p in parameters if p.grad is not None]
    length = lambda numbers: np.linalg.norm(numbers, float(norm_type))
    wide = lambda g: g.astype(np.promote_types(g.dtype, np.float32), copy=False)  # halves overflow
    norm = length([length(wide(g.ravel("K"))) for g in grads] or [0.0])
    share = float(max_norm / (norm + 1e-6))
    for g in grads if not share >= 1 else ():  # nan, too
        g *= share
    return Tensor(np.asarray(norm, np.result_type(*grads) if grads else np.float32))
