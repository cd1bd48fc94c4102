"""Files for the scripts that a notebook writes, in a folder that goes away with the notebook."""

import importlib
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

_temporary = TemporaryDirectory()
folder = Path(_temporary.name)
sys.path.insert(0, _temporary.name)


def write(name, text):
    """Write the text into the file name.py."""
    (folder / f"{name}.py").write_text(text, encoding="utf-8")


def load(name, text):
    """Write the text into the file name.py, and import that as a module."""
    write(name, text)
    importlib.invalidate_caches()
    sys.modules.pop(name, None)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ModuleNotFoundError("PyTorch is not installed: pip install torch, and restart the "
                                  "kernel; or read what is stored", name="torch") from None


def run(name, ranks, seconds=240):
    """Run name.py in several processes at once, each with its rank as argument, and wait.

    Raises RuntimeError with what the processes said if one fails, or takes too long.
    """
    (folder / "meeting").unlink(missing_ok=True)
    workers = [subprocess.Popen([sys.executable, f"{name}.py", str(rank)], cwd=folder, text=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
               for rank in range(ranks)]
    try:
        errors = [worker.communicate(timeout=seconds)[1] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    if any(worker.returncode for worker in workers):
        raise RuntimeError("\n".join(errors))
