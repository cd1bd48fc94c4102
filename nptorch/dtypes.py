"""PyTorch's rules for the dtype of a result (notebooks/14_manners.ipynb)."""

import numpy as np

from nptorch import autograd
from nptorch.autograd import Tensor
from nptorch.creation import float32, float64


def common_dtype(values):
    """The dtype that PyTorch gives a result of these arrays and Python numbers. Floats outrank
    ints, and ints bools; among the highest, arrays with dimensions outrank those without, and these
    Python's numbers, which count as float32, int64 and bool. Raises TypeError for other kinds."""
    kinds = [np.asarray(v).dtype.kind.replace("u", "i") for v in values]
    if not set(kinds) <= set("bif"):
        raise TypeError(f"expected real numbers, got {[str(np.asarray(v).dtype) for v in values]}")
    kind = max(kinds, key="bif".index)
    highest = [v for v, k in zip(values, kinds) if k == kind and isinstance(v, np.ndarray)]
    deciding = [v.dtype for v in highest if v.ndim] or [v.dtype for v in highest]
    return np.result_type(*deciding or [{"b": np.bool_, "i": np.int64, "f": np.float32}[kind]])


def arrays(inputs):
    """The arrays and numbers behind an op's inputs, fit for PyTorch's dtype; else TypeError."""
    values = [x.data if isinstance(x, Tensor) else x for x in inputs]
    for v in values:
        if type(v) is not np.ndarray or v.dtype is not float32:
            return _promoted(values)
    return values  # the usual case, decided fast


def _promoted(values):
    values = [v.item() if isinstance(v, np.generic) else v for v in values]
    for v in values:
        if not isinstance(v, (np.ndarray, int, float)):
            raise TypeError(f"expected a Tensor, an array or a number, got {type(v).__name__}")
    dtypes = {v.dtype if isinstance(v, np.ndarray) else type(v) for v in values}
    if dtypes - {bool, int, float} in ({float32}, {float64}):
        return values  # beside Python's numbers NumPy, too, keeps floats as they are
    dtype = common_dtype(values)
    return [np.asarray(v).astype(dtype, copy=False) for v in values]


autograd.arrays = arrays
