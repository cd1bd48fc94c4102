"""Numbers printed as PyTorch prints them (notebooks/14_manners.ipynb)."""

import numpy as np

from nptorch.autograd import Tensor


def float_format(array):
    """One format for all that is printed: 2. if all are whole, else 4 digits, or powers of ten."""
    shown = _shown(array).astype(np.float64)
    finite = shown[np.isfinite(shown)]
    sizes = np.abs(finite[finite != 0])
    big, small = (sizes.max(), sizes.min()) if sizes.size else (1, 1)
    whole = np.array_equal(finite, np.round(finite))
    form = "{:.0f}." if whole else "{:.4f}"
    if big > 1e8 or big > 1000 * small or (small < 1e-4 and not whole):
        form = "{:.4e}"
    width = max([len(form.format(x)) for x in finite if x], default=0)
    return lambda x: (form.format(x) if np.isfinite(x) else str(x)).rjust(width)


def tensor_repr(self):
    """tensor(...), with what PyTorch says beside the numbers."""
    array, ones = self.data, _shown(self.data).all()
    kinds = {"float_kind": float_format(array), "bool": lambda x: str(x).rjust(5 - ones)}
    number = kinds["float_kind"] if array.dtype.kind == "f" else str
    dots = max(len(number(x)) for x in _shown(array).flat) - 3 if (
        array.size > 1000 and array.shape[-1] > 6) else 0  # PyTorch gives "..." a number's room
    text = "tensor(" + np.array2string(
        array, formatter=kinds, separator=", ", prefix="tensor(", threshold=1000,
        max_line_width=79 + array.ndim - dots).replace(", ...,", ",  ...,")
    usual = [np.float32, np.int64, np.bool_] if array.size else [np.float32]
    unusual = {f"size={array.shape}": array.size == 0 and array.ndim > 1,
               f"dtype={array.dtype}": array.dtype not in usual,
               f"grad_fn={self.grad_fn}": not self.is_leaf,
               "requires_grad=True": self.is_leaf and self.requires_grad}
    for part in filter(unusual.get, unusual):  # on a line of its own where the last has no room
        room = 77 - len(text) + text.rfind("\n") >= len(part)
        text += f", {part}" if room else f",\n       {part}"
    return f"{text})"


Tensor.__repr__ = tensor_repr


def _shown(array, edge=3):
    """What is printed of array: of more than 1,000 elements, three at each end of each axis."""
    if array.size > 1000:
        for axis, n in enumerate(array.shape):
            if n > 2 * edge:
                array = np.take(array, [*range(edge), *range(n - edge, n)], axis)
    return array
