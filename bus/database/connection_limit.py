"""A semaphore over pieces of work with the database: the others wait in a queue, for so long."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

# Longest wait for a permit before the work is refused, and what its caller is told to wait, in
# seconds.
TIMEOUT = 10.0
RETRY_AFTER = 2.0


@dataclass(slots=True)
class _Job:
    """Work that waits, the threads that it is for, and the answer that its caller waits for."""

    work: Callable[[], Any]
    executor: Executor
    answer: Future[Any]


class ConnectionLimit:
    """Each piece of work holds a permit, and closes its thread's connections before it returns it.

    So nothing that runs here holds a connection while nothing waits, and there are never more
    connections than permits, whatever `DATABASES` says of pools and of keeping connections. What
    waits for the same threads gets the permit and the connections together: many who come at once
    do not each pay for a new one.
    """

    def __init__(self, permits: Callable[[], int], timeout: float = TIMEOUT) -> None:
        """`permits` is asked each time, as settings may change in tests; `timeout` in seconds."""
        self._permits = permits
        self.timeout = timeout
        self._lock = threading.Lock()
        self._held = 0
        self._numbers = itertools.count()
        # Who waits by number, and who is next: lower orders first, then lower numbers.
        self._waiting: dict[int, _Job] = {}
        self._queue: list[tuple[int, int]] = []

    def submit(
        self,
        work: Callable[[], Any],
        executor: Executor,
        refuse: Callable[[Future[Any]], object],
        *,
        order: int = 0,
        bounded: bool = True,
    ) -> Future[Any]:
        """Have it done in a thread of `executor`; call it from a running event loop.

        `refuse` gets the answer that the caller waits for when there was no permit in time; what
        is not `bounded` waits for as long as it takes.
        """
        job = _Job(work, executor, Future())
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = job
            heapq.heappush(self._queue, (order, number))
        self._start_next()
        if bounded and number in self._waiting:
            asyncio.get_running_loop().call_later(self.timeout, self._expire, number, refuse)
        return job.answer

    def _expire(self, number: int, refuse: Callable[[Future[Any]], object]) -> None:
        with self._lock:
            job = self._waiting.pop(number, None)
            if len(self._queue) > 2 * len(self._waiting) + 64:
                self._queue = [turn for turn in self._queue if turn[1] in self._waiting]
                heapq.heapify(self._queue)
        if job is not None:
            refuse(job.answer)

    def _start_next(self) -> None:
        while (job := self._acquire()) is not None:
            # Whoever asked may be gone.
            if not job.answer.set_running_or_notify_cancel():
                self._release()
                continue
            try:
                job.executor.submit(self._do, job)
            except RuntimeError as error:  # its threads were ended meanwhile
                self._release()
                job.answer.set_exception(error)

    def _acquire(self) -> _Job | None:
        with self._lock:
            job = self._first() if self._held < self._permits() else None
            if job is not None:
                self._held += 1
            return job

    def _inherit(self, executor: Executor) -> _Job | None:
        """What is next, where it is for this thread, too; it has the permit of what has ended."""
        while True:
            with self._lock:
                job = self._first(executor) if self._held <= self._permits() else None
            # Whoever asked may be gone.
            if job is None or job.answer.set_running_or_notify_cancel():
                return job

    def _first(self, executor: Executor | None = None) -> _Job | None:
        """Take the first that still waits; None where there is none, or it is for others."""
        while self._queue:
            job = self._waiting.get(self._queue[0][1])
            if job is not None and executor is not None and job.executor is not executor:
                return None
            _, number = heapq.heappop(self._queue)
            if job is not None:
                del self._waiting[number]
                return job
        return None

    def _release(self) -> None:
        with self._lock:
            self._held -= 1

    def _do(self, first: _Job) -> None:
        job: _Job | None = first
        while job is not None:
            answer: Callable[[], None]
            try:
                answer = partial(job.answer.set_result, job.work())
            except BaseException as error:
                answer = partial(job.answer.set_exception, error)
            job = self._inherit(job.executor)
            if job is None:
                # Before the answer: whoever has it finds nothing of ours open.
                close_connections()
                self._release()
                self._start_next()
            else:
                close_unusable_connections()
            answer()
            # It may hold an error, which holds this frame.
            del answer


def close_connections() -> None:
    """Close this thread's connections; those of a pool go back to it."""
    for connection in connections.all(initialized_only=True):
        _close(connection)


def close_unusable_connections() -> None:
    """Close those of this thread on which something failed, or that are not as when opened."""
    for connection in connections.all(initialized_only=True):
        as_opened = connection.autocommit == connection.settings_dict["AUTOCOMMIT"]
        if connection.errors_occurred or not as_opened:
            _close(connection)


def _close(connection: BaseDatabaseWrapper) -> None:
    try:
        connection.close()
    except DatabaseError as error:
        logger.debug("A connection was lost already: %r", error)
