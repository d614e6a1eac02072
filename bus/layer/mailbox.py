"""What waits for one process-local channel, bounded."""

from __future__ import annotations

import asyncio
import logging

logger = logging.getLogger(__name__)


class Mailbox:
    """A bounded queue; what comes when it is full is dropped and counted, as group messages may."""

    def __init__(self, channel: str, capacity: int) -> None:
        self.dropped = 0
        # How often a reader came, so that one who leaves sees whether another followed.
        self.visits = 0
        self._channel = channel
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(capacity)
        self._readers = 0

    def put_nowait(self, data: bytes) -> None:
        """Add one message, or drop it."""
        try:
            self._queue.put_nowait(data)
        except asyncio.QueueFull:
            self.dropped += 1
            if self.dropped == 1:
                logger.warning(
                    "%s is read too slowly: it holds %d messages, and what comes is dropped.",
                    self._channel,
                    self._queue.maxsize,
                )

    async def get(self) -> bytes | None:
        """The next message; None once the mailbox was emptied and is no longer delivered to."""
        self.visits += 1
        self._readers += 1
        try:
            return await self._queue.get()
        finally:
            self._readers -= 1

    def discard(self) -> None:
        """Drop what waits, and send the readers away."""
        while not self._queue.empty():
            self._queue.get_nowait()
        for _ in range(min(self._readers, self._queue.maxsize)):
            self._queue.put_nowait(None)
