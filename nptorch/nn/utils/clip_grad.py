"""Shortening gradients that are too long (notebooks/11_adam.ipynb)."""

import math

import numpy as np

from nptorch.autograd import Tensor


def _gradients(parameters):
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad.data for p in parameters if p.grad is not None]


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False):
    """Shorten all gradients of parameters, as one long vector, to max_norm if it is longer, and
    return the norm that it had, a Tensor (). norm_type: the power in it, or inf: the largest size.

    Raises ValueError for a max_norm below 0; if error_if_nonfinite, RuntimeError for a norm that is
    not finite. Source: Pascanu, Mikolov, Bengio, Difficulty of training recurrent nets, 2013.
    """
    if not max_norm >= 0:
        raise ValueError(f"Invalid max_norm value: {max_norm}")
    grads = _gradients(parameters)
    norms = [np.linalg.norm(g.ravel("K"), norm_type) for g in grads]
    norm = np.linalg.norm(norms, norm_type) if norms else 0.0
    if error_if_nonfinite and not math.isfinite(norm):
        raise RuntimeError(f"gradients: expected a finite norm, got {norm}")
    share = float(max_norm / (norm + 1e-6))
    for g in grads if not share >= 1 else ():  # nan, too
        g *= share
    return Tensor(np.asarray(norm, grads[0].dtype if grads else np.float32))


def clip_grad_value_(parameters, clip_value):
    """Cut all numbers in the gradients of parameters off at -clip_value and clip_value, not < 0."""
    if not clip_value >= 0:
        raise ValueError(f"Invalid clip_value value: {clip_value}")
    for g in _gradients(parameters):
        np.clip(g, -clip_value, clip_value, out=g)
