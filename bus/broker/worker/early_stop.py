"""Stops a process that is still starting; nothing here takes long to import."""

from __future__ import annotations

import os
import signal
from types import FrameType

# SIGINT, which Python takes by itself, first: who sees SIGTERM taken may send either.
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def stop_early() -> None:
    """Have SIGTERM and SIGINT end this process with exit code 0, until they find another taker."""
    for number in _SIGNALS:
        signal.signal(number, _leave)
    # A worker that starts anew keeps them for this moment: see bus/broker/worker/watchdog.py.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _leave(number: int, frame: FrameType | None) -> None:
    # It has begun nothing yet.
    os._exit(0)
