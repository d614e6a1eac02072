"""Workers of this machine: a death among them is asked of the kernel, not waited for."""

from __future__ import annotations

import os
import socket
import uuid
from functools import cache
from pathlib import Path

# What the kernel calls this start of the machine.
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def new_worker_id(boot: Path = _BOOT) -> str:
    """An id that tells where its process can be asked after: `machine-pid-random`."""
    return f"{machine(boot)}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def pid_here(worker: str, boot: Path = _BOOT) -> int | None:
    """The number of a worker's process where it runs on this machine, else None."""
    where, _, pid = worker.rpartition("-")[0].rpartition("-")
    return int(pid) if where == machine(boot) and _known(boot) and pid.isdecimal() else None


@cache
def machine(boot: Path = _BOOT) -> str:
    """This host, and where that can be told: which start of it, and whose numbers of processes.

    Hosts may share a name, and a container may number its processes by itself.
    """
    return f"{socket.gethostname()}{_known(boot)}".replace("/", "-")


@cache
def _known(boot: Path) -> str:
    try:
        start = boot.read_text().strip().replace("-", "")[:12]
        return f".{start}.{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def has_died(pid: int) -> bool:
    """Whether no process of this machine has this number any more, or only its remains."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    try:
        # Its parent has not asked for its exit code yet, but it does nothing any more.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return False
