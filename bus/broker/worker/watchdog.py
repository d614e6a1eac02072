"""A worker's process seen from beside its event loop: it ends it where the loop does not.

A handler may keep the loop from running, or from ending. Then nothing that runs on the loop can
help, and the loop's own signal handlers are never called.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Protocol, TypeVar

from bus.broker.worker.heartbeat import Heartbeat
from bus.conf import conf

logger = logging.getLogger(__name__)

T = TypeVar("T")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Between two looks, in seconds.
_LOOK_EVERY = 0.25
# How much longer than a handler may take the loop may stand still, in seconds.
_SLACK = 2.0
# After BUS_DRAIN_TIMEOUT, a loop that stands still has this long to go on, in seconds.
_STANDING_GRACE = 2.0
# And one that goes on this long to end, in seconds; `manage.py up` waits for 15 s in all.
_GRACE = 6.0
# Logging and the broker may be what hangs: they hold up the end for no longer, in seconds.
_LAST_WORDS = 1.0
_STACK_LIMIT = 12


class Watched(Protocol):
    """What a watchdog knows of the worker in its process."""

    stopping: asyncio.Event
    heartbeats: list[Heartbeat]
    # Why this process has to be replaced once it has stopped; None where it may just end.
    restart: str | None

    def stop(self) -> None:
        """Take nothing new; called again, it changes nothing."""

    def in_flight(self) -> list[str]:
        """The channels of which it holds messages."""


class Watchdog(threading.Thread):
    """Passes on the signals that stop a worker, and ends a process that cannot end by itself."""

    def __init__(self, worker: Watched) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._worker = worker
        # A plain flag: a signal's handler may interrupt another one, and must not wait for a lock.
        self._signalled = False
        self._dismissed = threading.Event()
        self._wakeup, self._signals = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(self._signals, False)
        self._loop: asyncio.AbstractEventLoop | None = None
        # Where the event loop would have had its signals written.
        self._loop_wakeup = -1
        # Set by the loop when it runs, once it was asked to.
        self._ticked = threading.Event()
        self._asked = False
        # How long it did not, in seconds of this thread: while the whole process is frozen, none.
        self._stood = 0.0

    def begin(self) -> None:
        """Take the signals and watch; only in the main thread."""
        signal.set_wakeup_fd(self._signals, warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        os.register_at_fork(after_in_child=_forget_signals)
        self.start()

    async def over(self, work: Awaitable[T]) -> T:
        """Do something on the loop, and watch the loop while it is done."""
        self._loop = asyncio.get_running_loop()
        # The loop has just set its own. Python writes to it whatever the main thread does.
        found = signal.set_wakeup_fd(self._signals, warn_on_full_buffer=False)
        self._loop_wakeup = -1 if found == self._signals else found
        if self._signalled:
            # It came before there was a loop to tell.
            self._worker.stop()
        try:
            return await work
        finally:
            self._loop_wakeup = -1
            self._loop = None

    def leave(self, *, clean: bool) -> None:
        """End the process, or have it start anew; returns where it may end by itself, `clean`."""
        if self._worker.restart and not self._signalled:
            # The mask outlives the exec, and so does a signal that waits: the new program gets it
            # once it is able to take it.
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
            self._hear(0)
            try:
                if not self._signalled:
                    os.execv(sys.executable, sys.orig_argv)
            except OSError:
                os._exit(1)
        if not clean or self._worker.restart:
            os._exit(0)
        self._dismissed.set()

    def run(self) -> None:
        """Look until dismissed, or until the process has to end."""
        looked = time.monotonic()
        stopped: float | None = None
        while not self._dismissed.is_set():
            self._hear(_LOOK_EVERY)
            now = time.monotonic()
            self._look(now - looked)
            looked = now
            if stopped is not None:
                if self._overdue(now - stopped):
                    self._end(f"The worker did not stop within {now - stopped:.1f} s")
            elif self._signalled or self._worker.stopping.is_set():
                stopped = now
            elif self._stood > conf.handler_timeout + _SLACK and self._worker.in_flight():
                self._worker.restart = "a handler blocks the event loop"
                self._end(f"The event loop stood still for {self._stood:.1f} s")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # Python calls this between two steps of the main thread, if that takes any.
        self._stop()

    def _stop(self) -> None:
        self._signalled = True
        self._call(self._worker.stop)

    def _call(self, act: Callable[[], None]) -> None:
        loop = self._loop
        # A loop that has been closed needs to be told nothing.
        with suppress(RuntimeError):
            if loop is not None:
                loop.call_soon_threadsafe(act)

    def _hear(self, seconds: float) -> None:
        """Wait this long for signals, and pass them on."""
        if not select.select([self._wakeup], [], [], seconds)[0]:
            return
        try:
            numbers = os.read(self._wakeup, 4096)
        except BlockingIOError:
            # Another thread was faster.
            return
        if self._loop_wakeup >= 0:
            # The application may have handlers for others.
            with suppress(OSError):
                os.write(self._loop_wakeup, numbers)
        if any(number in STOP_SIGNALS for number in numbers):
            self._stop()

    def _look(self, elapsed: float) -> None:
        """Note how long the loop has not answered, and ask it again where it has."""
        if self._asked and self._loop is not None and not self._ticked.is_set():
            self._stood += min(elapsed, 2 * _LOOK_EVERY)
            return
        self._stood = 0.0
        self._ticked.clear()
        self._asked = self._loop is not None
        self._call(self._ticked.set)

    def _overdue(self, seconds: float) -> bool:
        grace = _STANDING_GRACE if self._stood > _STANDING_GRACE / 2 else _GRACE
        return seconds > conf.drain_timeout + grace

    def _end(self, what: str) -> None:
        """Say why, let others have at once what is held, and end the process."""
        self._loop = None
        acts = [partial(self._log_end, what, _main_stack())]
        acts += [partial(heartbeat.resign) for heartbeat in self._worker.heartbeats]
        threads = [threading.Thread(target=act, daemon=True) for act in acts]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + _LAST_WORDS
        for thread in threads:
            thread.join(max(0, deadline - time.monotonic()))
        self.leave(clean=False)

    def _log_end(self, what: str, stack: str) -> None:
        held = ", ".join(self._worker.in_flight()) or "no channel"
        why = "a handler blocks the event loop" if self._stood else "a handler does not let go"
        logger.critical("%s: %s. Messages in hand: of %s. It is at\n%s", what, why, held, stack)
        sys.stdout.flush()


def _forget_signals() -> None:
    """In a forked child, whose signals are not its parent's."""
    signal.set_wakeup_fd(-1)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def _main_stack() -> str:
    """Where the main thread is; its innermost frames."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    return "".join(traceback.format_stack(frame)[-_STACK_LIMIT:]) if frame else ""
