"""The Pythons that Bus runs on, found on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13")


class MissingPython(Exception):
    """There is no such Python on this machine; the text names it."""


def find(version: str) -> str:
    """The path of a Python of this version, such as 3.12; raises MissingPython."""
    for python in _candidates(version):
        if _is(python, version):
            return python
    raise MissingPython(
        f"Python {version} is not on this machine: neither as python{version} on the PATH nor in "
        "pyenv. Install it and run this again."
    )


def _candidates(version: str) -> Iterator[str]:
    if found := shutil.which(f"python{version}"):
        yield found
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for path in sorted(root.glob(f"versions/{version}.*/bin/python")):
        yield str(path)


def _is(python: str, version: str) -> bool:
    """Whether it starts and is of this version: a version manager's shim may refuse to."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == version
