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
    kinds = {"float_kind": float_format(array),
             "bool": lambda x: str(x).rjust(5 - ones)}
    text, parts = np.array2string(
        array, formatter=kinds, separator=", ", prefix="tensor(", threshold=1000,
        max_line_width=79 + array.ndim).replace(", ...,", ",  ...,"), []
    if array.size == 0 and array.ndim > 1:
        parts.append(f"size={array.shape}")
    if array.dtype not in [np.float32, np.int64, np.bool_][:3 if array.size else 1]:
        parts.append(f"dtype={array.dtype}")
    if self.grad_fn is not None:
        parts.append(f"grad_fn={self.grad_fn}")
    elif self.requires_grad:
        parts.append("requires_grad=True")
    text = f"tensor({text}"
    for part in parts:  # on a line of its own where the last has no room
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
