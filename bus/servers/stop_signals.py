"""The signals that stop a process, and the servers whose methods handle them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Handler(NamedTuple):
    """Who handles a signal: a method, and the object that it belongs to."""

    number: signal.Signals
    call: Any
    owner: Any


def is_main_thread() -> bool:
    """Whether signals are heard here: a server in another thread has none."""
    return threading.current_thread() is threading.main_thread()


def handlers() -> Iterator[Handler]:
    """The handlers that are methods of something; a function is nobody's server."""
    for number in STOP_SIGNALS:
        call = signal.getsignal(number)
        owner = getattr(call, "__self__", None)
        if owner is not None:
            yield Handler(number, call, owner)
