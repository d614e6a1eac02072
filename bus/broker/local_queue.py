"""How one process-local channel is delivered to: through a bounded queue, or directly."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from bus.conf import conf

logger = logging.getLogger(__name__)


class DirectDelivery:
    """Stands where a queue would, and hands each message on as it comes: nothing waits here."""

    def __init__(
        self,
        unpack: Callable[[bytes], dict[str, Any] | None],
        take: Callable[[dict[str, Any]], None],
    ) -> None:
        """`unpack` returns None for what is no message; `take` neither waits nor raises."""
        self._unpack = unpack
        self._take = take

    def put_nowait(self, data: bytes) -> None:
        """Hand one message on."""
        message = self._unpack(data)
        if message is not None:
            self._take(message)


class LocalQueue:
    """A bounded queue; what comes when it is full is dropped and counted, as group messages may."""

    def __init__(self, channel: str, capacity: int, dropped: Counter[str]) -> None:
        """`dropped` counts what did not fit, for all queues, by `messages` or `bytes`."""
        # How often a reader came, so that one who leaves sees whether another followed.
        self.visits = 0
        # Called once the queue was emptied after something had been dropped.
        self.on_loss: Callable[[], None] | None = None
        self._channel = channel
        self._capacity = capacity
        self._limit = conf.mailbox_limit
        self._dropped = dropped
        # Since it was last empty.
        self._lost: Counter[str] = Counter()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._bytes = 0
        self._readers = 0

    def put_nowait(self, data: bytes) -> None:
        """Add one message, or drop it."""
        if self._queue.qsize() >= self._capacity:
            self._drop("messages")
        elif self._bytes and self._bytes + len(data) > self._limit:
            self._drop("bytes")
        else:
            self._bytes += len(data)
            self._queue.put_nowait(data)

    async def get(self) -> bytes | None:
        """The next message; None once the queue was emptied and is no longer delivered to."""
        self.visits += 1
        self._readers += 1
        try:
            data = await self._queue.get()
        finally:
            self._readers -= 1
        if data is not None:
            self._bytes -= len(data)
            if self._lost and self._queue.empty():
                self._made_up_for()
        return data

    def discard(self) -> None:
        """Drop what waits, and send the readers away."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._bytes = 0
        self._lost.clear()
        for _ in range(self._readers):
            self._queue.put_nowait(None)

    def _drop(self, reason: str) -> None:
        if not self._lost:
            logger.warning(
                "%s is read too slowly: it holds %d messages of %d bytes, and what comes is "
                "dropped.",
                self._channel,
                self._queue.qsize(),
                self._bytes,
            )
        self._lost[reason] += 1
        self._dropped[reason] += 1

    def _made_up_for(self) -> None:
        logger.warning(
            "%s was read to its end; %d messages were dropped before.",
            self._channel,
            self._lost.total(),
        )
        self._lost.clear()
        if self.on_loss is not None:
            self.on_loss()
