"""Runs coroutines for sync code that must not wait: one background thread with an event loop."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import logging
import os
import threading
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

# What one task may take, and what a process that ends gives to those under way, in seconds.
_TIMEOUT = 5.0
_LAST_WAIT = 2.0


class BackgroundTasks:
    """A thread that is started by the first task and keeps its connections for the next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._running: set[concurrent.futures.Future[None]] = set()

    def run(self, task: Callable[[], Awaitable[object]]) -> None:
        """Have it done soon, without waiting for it; a failure is logged."""
        future = asyncio.run_coroutine_threadsafe(_guarded(task), self._started())
        with self._lock:
            self._running.add(future)
        future.add_done_callback(self._done)

    def wait(self) -> None:
        """Give what is under way a moment, so that a script that ends at once has its say."""
        if self._pid == os.getpid():
            with self._lock:
                running = list(self._running)
            concurrent.futures.wait(running, _LAST_WAIT)

    def stop(self) -> None:
        """End the thread and close its connections; the next task starts another one."""
        self.wait()
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None and self._pid == os.getpid():
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            # A forked child has no such thread, whatever its parent had.
            if self._loop is None or self._pid != os.getpid():
                self._pid = os.getpid()
                self._running.clear()
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_run, args=(self._loop,), name="background", daemon=True
                )
                self._thread.start()
            return self._loop

    def _done(self, future: concurrent.futures.Future[None]) -> None:
        with self._lock:
            self._running.discard(future)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    # Closed here, where no other loop runs: whoever stops it may be inside of one.
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _guarded(task: Callable[[], Awaitable[object]]) -> None:
    try:
        async with asyncio.timeout(_TIMEOUT):
            await task()
    except Exception as error:
        logger.warning("A background task failed: %r", error)


tasks = BackgroundTasks()
atexit.register(tasks.wait)
