"""save and load: a state_dict as an .npz archive (notebooks/03_module.ipynb)."""

import os

import numpy as np

from nptorch.autograd import Tensor


def _array(name, value):
    """What save writes for value: an array, in which a number is the one field of a record."""
    array = np.asarray(value)
    words = "file", "allow_pickle"  # np.savez takes these two for itself
    if not isinstance(name, str) or name in words or array.dtype.kind not in "fiub":
        raise TypeError(f"{name!r}: expected text as its name, none of {words}, and a number or an "
                        f"array of real numbers, got {type(value).__name__}")
    is_number = isinstance(value, (int, float, np.generic))
    return np.array((value,), [("number", array.dtype)]) if is_number else array


def save(state_dict, path):
    """Write a dict, names to Tensors, arrays and numbers, to path, an .npz archive, without pickle.
    An older file is replaced only by a complete one. Raises TypeError for anything else."""
    if not hasattr(state_dict, "items"):
        raise TypeError("state_dict: expected a dict, such as net.state_dict(), "
                        f"got {type(state_dict).__name__}")
    arrays = {name: _array(name, value) for name, value in state_dict.items()}
    replace(path, lambda file: np.savez(file, **arrays))


def replace(path, write):
    """Let write(file) fill a file that takes the place of path when it is complete."""
    path = os.path.realpath(path)
    partial = f"{path}.{os.urandom(8).hex()}.partial"  # nobody else writes to a file of this name
    try:
        with open(partial, "xb") as file:
            write(file)
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def load(path):
    """Read what save wrote: {name: Tensor or number}. Nothing in the file is executed. Raises
    ValueError for anything else, and for an archive that declares more than it has bytes."""
    with open(os.fspath(path), "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                declared = sum(member.file_size for member in archive.zip.infolist())
                if declared > os.fstat(file.fileno()).st_size:
                    raise ValueError("compressed, or larger than the file that holds it")
                return {name: Tensor(array["number"]).item() if array.dtype.names == ("number",)
                        else Tensor(array.astype(array.dtype.newbyteorder("="), copy=False))
                        for name in archive.files  # in full: "w.npy" alone may also mean "w"
                        for array in [archive[f"{name}.npy"]]}
        except Exception as error:  # zipfile, zlib and NumPy each refuse in their own way
            raise ValueError(f"{path}: not a file of save's, or damaged: {error}") from error
