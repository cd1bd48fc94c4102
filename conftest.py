"""One pytest call for notebooks and unit tests, side by side."""

import sys

import nbval.plugin

# They take longest, so they start first: else one worker ends the run alone.
SLOW = ["09_lenet.ipynb", "13_gpt.ipynb", "10_pytorch.ipynb", "15_speed.ipynb"]


def pytest_configure(config):
    # Coverage counts what the unit tests run. nbval would start it in its kernels, too, which makes
    # them slow, has made them hang, and lets one worker overwrite what another has counted.
    nbval.plugin.setup_coverage = nbval.plugin.teardown_coverage = lambda *args: None
    config.option.loadscopereorder = False  # xdist would start with the most tests, not the slowest


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: SLOW.index(item.path.name) if item.path.name in SLOW else len(SLOW))


def pytest_runtest_setup():
    # Nets as small as the tests' take PyTorch longer in several threads, most of all beside others.
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
