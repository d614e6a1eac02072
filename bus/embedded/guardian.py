"""Stops what `manage.py up` started when `up` itself is killed and can no longer do so.

Runs as a process of its own, by path, with the standard library only. It reads lines from a pipe
that only `up` holds open: `+service 12`, `+broker 13`, `-12`. The end of the pipe means that `up`
is gone; whatever is still listed is then stopped in order, services first, the broker last. Better
than the kernel's parent-death signal: it works on every Unix, drains in order, reaches
grandchildren through their process group, and needs no code between fork and exec.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable

# Longer than a service's own drain (10 s), so that only one that hangs is killed.
DRAIN_SECONDS = 15.0


class Guardian:
    """The side of `up`: tells the guardian what runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, kind: str, pid: int) -> None:
        """Have this `service` or `broker`, and its process group, stopped if `up` dies."""
        self._write(f"+{kind} {pid}\n")

    def forget(self, pid: int) -> None:
        """This process has ended; its number may soon be somebody else's."""
        self._write(f"-{pid}\n")

    def close(self) -> None:
        """End the guardian; call it when everything has stopped."""
        with self._lock, contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.wait()

    def _write(self, line: str) -> None:
        # A guardian that was killed is missed only if `up` is killed too.
        with self._lock, contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


def main() -> None:
    """The guardian's own side: wait for the end of the pipe, then stop what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    running: dict[int, str] = {}
    for line in sys.stdin:
        if line.startswith("+"):
            kind, pid = line[1:].split()
            running[int(pid)] = kind
        elif line.startswith("-"):
            running.pop(int(line[1:]), None)
    for kind in ("service", "broker"):
        end_groups(pid for pid, its_kind in running.items() if its_kind == kind)


def end_groups(leaders: Iterable[int], seconds: float = DRAIN_SECONDS) -> None:
    """Ask these process groups to stop, and kill what is left of them after a while."""
    left = {pid for pid in leaders if signal_group(pid, signal.SIGTERM)}
    deadline = time.monotonic() + seconds
    while left := {pid for pid in left if signal_group(pid, 0)}:
        if time.monotonic() > deadline:
            for pid in left:
                signal_group(pid, signal.SIGKILL)
            return
        time.sleep(0.05)


def signal_group(leader: int, number: int) -> bool:
    """Send a signal to a process group; False where there is no such group any more."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
