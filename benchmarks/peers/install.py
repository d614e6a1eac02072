"""Installs what Bus is measured against, in exactly these versions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

SOCKETIO = ("socket.io@4.8.4", "@socket.io/redis-adapter@8.3.0", "redis@4.7.0")
PYTHON_SOCKETIO = "python-socketio==5.18.0"
# The server under it is ours, to the version.
SHARED = ("uvicorn", "uvloop", "websockets", "redis")


class Missing(Exception):
    """It cannot be installed here, and why."""


def node(directory: Path) -> str:
    """Socket.IO under `directory/node_modules`; the Node that runs it. Raises Missing."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        raise Missing("there is no Node with npm")
    if not (directory / "node_modules" / "socket.io").exists():
        _run(npm, "install", "--prefix", str(directory), "--silent", "--no-audit", *SOCKETIO)
    return found


def python(directory: Path) -> str:
    """A Python that has python-socketio: BENCH_SOCKETIO, or one made in `directory`.

    Raises Missing.
    """
    if named := os.environ.get("BENCH_SOCKETIO"):
        return named
    made = directory / "python-socketio"
    program = str(made / "bin" / "python")
    if not made.exists():
        _run(sys.executable, "-m", "venv", str(made))
        shared = [f"{name}=={version(name)}" for name in SHARED]
        options = ("--quiet", "--disable-pip-version-check")
        _run(program, "-m", "pip", "install", *options, PYTHON_SOCKETIO, *shared)
    return program


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise Missing(lines[-1] if lines else f"{command[0]} failed")
