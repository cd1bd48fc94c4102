"""pytest skips a notebook that needs what this machine doesn't have, and says what that is."""

import functools
import importlib.util

import pytest


@functools.cache
def missing(notebook):
    """Return what a notebook needs and this machine doesn't have, or None."""
    if notebook == "09_lenet.ipynb":
        from nptorch.data import mnist

        try:
            mnist()
        except OSError:
            return "MNIST is not on this machine and can't be downloaded"
    if notebook == "10_pytorch.ipynb" and importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed"
    return None


def pytest_collection_modifyitems(items):
    for item in items:
        if reason := missing(item.path.name):
            item.add_marker(pytest.mark.skip(reason=reason))
