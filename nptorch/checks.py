"""What is an int, a number, a dimension: one check each (notebooks/02_operations.ipynb)."""

import math
import numbers
import operator


def _index(value):
    return operator.index(None if isinstance(value, bool) else value)


def integer(name, value, least=0):
    """value as an int. Raises TypeError if it is not one, ValueError if it is less than least."""
    try:
        whole = _index(value)
    except TypeError:
        raise TypeError(f"{name}: expected an int, got {value!r}") from None
    if whole < least:
        raise ValueError(f"{name}: expected an int, {least} or more, got {value!r}")
    return whole


def number(name, value, low=0, high=math.inf):
    """value as a float. Raises TypeError if it is none, ValueError unless low <= value < high."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    if not low <= value < high:
        raise ValueError(f"Invalid {name} value: {value}")
    return float(value)


def integers(name, args):
    """(2, 3) from f(2, 3) or f((2, 3)): a tuple of ints. Raises TypeError for anything else."""
    args = args[0] if len(args) == 1 and isinstance(args[0], (tuple, list)) else args
    try:
        return tuple(map(_index, args))
    except TypeError:
        raise TypeError(f"{name}: expected ints, got {args}") from None


def dimension(dim, ndim, name="dim"):
    """dim counted from the front of ndim dimensions; a single number takes 0 and -1. Raises
    IndexError for a dimension that is not there, TypeError if dim is not an int."""
    n = ndim or 1
    try:
        return range(n)[_index(dim)]
    except (IndexError, TypeError) as error:
        raise type(error)(f"{name}: expected an int from {-n} to {n - 1}, got {dim!r}") from None


def axis(dim, ndim):
    """dim (an int, several, None) as NumPy's axis; None is all, as are () and a number's dims."""
    if isinstance(dim, (tuple, list)):
        dim = tuple(dimension(d, ndim) for d in dim)
    elif dim is not None:
        dim = dimension(dim, ndim)
    return dim if ndim and dim != () else None
