"""gradcheck: gradients against finite differences (notebooks/02_operations.ipynb)."""

import numpy as np

from nptorch.autograd import Tensor, no_grad


def slopes(output, array, weights, eps):
    """d(sum(output() * weights))/d(array): each element of array is moved by ±eps and put back."""
    found = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + eps
        above = np.array(output())  # a copy: a view would move on with its array
        array[index] = kept - eps
        found[index] = np.sum((above - output()) * weights) / (2 * eps)
        array[index] = kept
    return found


def compare(name, found, slope, atol, rtol):
    """Raise AssertionError if found is further from slope than atol + rtol · |slope|, or is nan."""
    excess = np.abs(found - slope) - (atol + rtol * np.abs(slope))
    if not np.all(excess <= 0):
        j = np.unravel_index(np.argmax(np.nan_to_num(excess, nan=np.inf)), excess.shape)
        raise AssertionError(f"{name}, index {tuple(map(int, j))}: backward gives "
                             f"{found[j]:.6g}, finite differences give {slope[j]:.6g}")


def gradcheck(func, inputs, eps=1e-6, atol=None, rtol=None):
    """True if backward through func gives the gradients that finite differences give.

    func takes the inputs (one Tensor or a sequence) to one Tensor. Every element of every input
    that requires grad is moved by ±eps, in float64. A gradient may differ from its slope by
    atol + rtol · |slope|: 1e-8 and 1e-6 for float64, 1e-5 and 1e-3 for less, unless given. Raises
    AssertionError with the worst element, its index and both values, ValueError if none moves."""
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    moving = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not moving:
        raise ValueError("gradcheck: at least one input must be a Tensor that requires grad")
    leaves = [Tensor(x.data.copy(), True) if i in moving else x for i, x in enumerate(inputs)]
    exact = [Tensor(x.data.astype(np.float64)) if i in moving else x for i, x in enumerate(inputs)]
    out = func(*leaves)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, out.shape)
    out.backward(weights)
    for i in moving:
        leaf = leaves[i]
        found = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.data
        with no_grad():
            slope = slopes(lambda: func(*exact).data, exact[i].data, weights, eps)
        usual = (1e-8, 1e-6) if out.dtype == leaf.dtype == np.float64 else (1e-5, 1e-3)
        allowed = [u if given is None else given for u, given in zip(usual, (atol, rtol))]
        compare(f"input {i}", found, slope, *allowed)
    return True
