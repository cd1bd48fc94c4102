"""Changing a Tensor in place (notebooks/01_tensor.ipynb)."""

import numpy as np

from nptorch.autograd import Tensor, is_grad_enabled


def check_inplace(self, source=None):
    """Raise RuntimeError, while recording, if self or source requires grad."""
    wanted = self.requires_grad or (isinstance(source, Tensor) and source.requires_grad)
    if wanted and is_grad_enabled():
        if self.requires_grad and self.is_leaf:
            raise RuntimeError("a leaf that requires grad can't be changed in place while "
                               "recording: do it inside no_grad()")
        raise RuntimeError("in-place changes are not recorded: make a new Tensor, as in "
                           "h = h + y, or with where, cat or stack")


def in_place(ufunc):
    """ufunc(array, source, out=array) as a method, refused where a gradient is involved."""
    def change(self, source=None):
        check_inplace(self, source)
        ufunc(self.data, source.data if isinstance(source, Tensor) else source, out=self.data)
        self.data = self.data  # an assignment, which 14_manners watches
        return self

    return change


Tensor.add_ = Tensor.__iadd__ = in_place(np.add)
Tensor.sub_ = Tensor.__isub__ = in_place(np.subtract)
Tensor.mul_ = Tensor.__imul__ = in_place(np.multiply)
Tensor.div_ = Tensor.__itruediv__ = in_place(np.divide)
Tensor.pow_ = Tensor.__ipow__ = in_place(lambda array, b, out: np.copyto(out, array**b))
Tensor.copy_ = in_place(lambda array, source, out: np.copyto(out, source, casting="unsafe"))
Tensor.fill_, Tensor.zero_ = Tensor.copy_, in_place(lambda array, _, out: out.fill(0))
