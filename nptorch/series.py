"""The notebooks that this package is made of, for who has installed it:

    python -m nptorch.series copy DIR

writes DIR/notebooks, to read and to change, and DIR/nptorch, the package that they then export to.
"""

import argparse
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from nptorch import __version__

PACKAGE = Path(__file__).parent
# Beside the package in a clone, inside of it where pip has installed it.
NOTEBOOKS = next((path for path in (PACKAGE.parent / "notebooks", PACKAGE / "notebooks")
                  if (path / "series.py").exists()), PACKAGE / "notebooks")
NEEDED = {"jupyterlab": "jupyter", "matplotlib": "matplotlib", "sklearn": "scikit-learn"}
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "notebooks")


def copy(folder):
    """Write the notebooks and their package into a folder, which must have neither."""
    folder = Path(folder)
    for part in "notebooks", "nptorch":
        if (folder / part).exists():
            raise FileExistsError(f"{folder / part} is there already: name another folder")
    shutil.copytree(NOTEBOOKS, folder / "notebooks", ignore=LEFT_OUT)
    shutil.copytree(PACKAGE, folder / "nptorch", ignore=LEFT_OUT)
    project = f'[project]\nname = "nptorch"\nversion = "{__version__}"\n'
    (folder / "pyproject.toml").write_text(project, encoding="utf-8")


def main():
    """Run the command line; see the top of this file."""
    parser = argparse.ArgumentParser("python -m nptorch.series", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["copy"])
    parser.add_argument("folder", metavar="DIR", type=Path)
    folder = parser.parse_args().folder
    try:
        copy(folder)
    except OSError as error:
        sys.exit(f"nptorch.series: {error}")
    print(f"now open them: jupyter lab {folder / 'notebooks'}")
    if lacking := [name for module, name in NEEDED.items() if find_spec(module) is None]:
        print(f"they need more than is here: pip install {' '.join(lacking)}")


if __name__ == "__main__":
    main()
