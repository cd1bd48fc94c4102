"""nbval runs the notebooks of the series, in the environment that series.py gives to kernels.

It skips a notebook that needs what this machine doesn't have, and says what that is.
"""

import os
from unittest import mock

import pytest
import series

collect_ignore = [path.name for path in series.left_out()]  # copies and drafts


def pytest_configure(config):
    # pyproject.toml names the file as seen from the root, wherever pytest was called.
    if file := getattr(config.option, "nbval_sanitize_with", None):
        config.option.nbval_sanitize_with = str(config.rootpath / file)


def pytest_collection_modifyitems(items):
    for item in items:
        if reason := series.missing(item.path.name):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """Set up a cell; the first one of a notebook starts the kernel, with this environment."""
    with mock.patch.dict(os.environ, series.environment(), clear=True):
        return (yield)
