"""Reading a Tensor, as numbers, arrays and lists (notebooks/02_operations.ipynb)."""

import numpy as np

from nptorch.autograd import Tensor, is_grad_enabled, op


@op
def clone(a, /):
    """A copy of a that gradients pass through."""
    return a.copy(order="K"), lambda g: g


def numpy(self):
    """The array itself, shared. Raises RuntimeError where a gradient would be lost."""
    if self.requires_grad and is_grad_enabled():
        raise RuntimeError("this Tensor requires grad: use detach().numpy()")
    return self.data


def retain_grad(self):
    """Keep the gradient of a Tensor that an op made, as if it were a leaf."""
    if not self.requires_grad:
        raise RuntimeError("this Tensor does not require grad, it will never get one")
    self._retains_grad = not self.is_leaf


def _length(self):
    if self.ndim == 0:
        raise TypeError("a Tensor without dimensions has no length")
    return len(self.data)


def _as_index(self):
    if self.data.size != 1 or self.dtype.kind == "f":
        raise TypeError(f"only a single integer is an index, got {self.shape} of {self.dtype}")
    return int(self.item())


Tensor.clone, Tensor.numpy, Tensor.retain_grad, Tensor.__len__ = clone, numpy, retain_grad, _length
Tensor.size = lambda self, dim=None: self.shape if dim is None else self.shape[dim]
Tensor.numel = Tensor.nelement = lambda self: self.data.size
Tensor.dim, Tensor.tolist = lambda self: self.data.ndim, lambda self: self.data.tolist()


Tensor.__bool__, Tensor.__int__ = lambda self: bool(self.item()), lambda self: int(self.item())
Tensor.__float__, Tensor.__index__ = lambda self: float(self.item()), _as_index
Tensor.__contains__ = lambda self, x: bool(np.any(self.data == np.asarray(x)))
Tensor.__format__ = lambda self, spec: format(self.item() if self.ndim == 0 else str(self), spec)
