"""A lane: as many pieces of work at once as it has places; the others wait in turn, bounded."""

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

logger = logging.getLogger(__name__)

# Longest wait for a place before the work is refused, and what its caller is told to wait, in
# seconds.
PATIENCE = 10.0
RETRY_AFTER = 2.0


@dataclass(slots=True)
class _Piece:
    """Work that waits, the threads that it is for, and the answer that its caller waits for."""

    work: Callable[[], Any]
    executor: Executor
    answer: Future[Any]


class Lane:
    """Each piece of work holds a place, and gives its thread's connections back before the place.

    So nothing that runs here holds a connection between two pieces, and there are never more
    connections than places, whatever `DATABASES` says of pools and of keeping connections.
    """

    def __init__(self, places: Callable[[], int], patience: float = PATIENCE) -> None:
        """`places` is asked at each turn, as settings may change in tests."""
        self._places = places
        self.patience = patience
        self._lock = threading.Lock()
        self._held = 0
        self._numbers = itertools.count()
        # Who waits by number, and whose turn is when: lower orders first, then lower numbers.
        self._waiting: dict[int, _Piece] = {}
        self._turns: list[tuple[int, int]] = []

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

        `refuse` gets the answer that the caller waits for when there was no place in time; what
        is not `bounded` waits for as long as it takes.
        """
        piece = _Piece(work, executor, Future())
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = piece
            heapq.heappush(self._turns, (order, number))
        self._start_next()
        if bounded and number in self._waiting:
            asyncio.get_running_loop().call_later(self.patience, self._expire, number, refuse)
        return piece.answer

    def _expire(self, number: int, refuse: Callable[[Future[Any]], object]) -> None:
        with self._lock:
            piece = self._waiting.pop(number, None)
            if len(self._turns) > 2 * len(self._waiting) + 64:
                self._turns = [turn for turn in self._turns if turn[1] in self._waiting]
                heapq.heapify(self._turns)
        if piece is not None:
            refuse(piece.answer)

    def _start_next(self) -> None:
        while (piece := self._take_place()) is not None:
            # Whoever asked may be gone.
            if not piece.answer.set_running_or_notify_cancel():
                self._leave()
                continue
            try:
                piece.executor.submit(self._do, piece)
            except RuntimeError as error:  # its threads were ended meanwhile
                self._leave()
                piece.answer.set_exception(error)

    def _take_place(self) -> _Piece | None:
        with self._lock:
            while self._turns and self._held < self._places():
                piece = self._waiting.pop(heapq.heappop(self._turns)[1], None)
                if piece is not None:
                    self._held += 1
                    return piece
        return None

    def _leave(self) -> None:
        with self._lock:
            self._held -= 1

    def _do(self, piece: _Piece) -> None:
        tell: Callable[[], None]
        try:
            tell = partial(piece.answer.set_result, piece.work())
        except BaseException as error:
            tell = partial(piece.answer.set_exception, error)
        # Before the answer: whoever has it finds nothing of ours open.
        give_back()
        self._leave()
        self._start_next()
        tell()
        # It may hold an error, which holds this frame.
        del tell


def give_back() -> None:
    """Close this thread's connections; those of a pool go back to it."""
    for connection in connections.all(initialized_only=True):
        try:
            connection.close()
        except DatabaseError as error:
            logger.debug("A connection was lost already: %r", error)
