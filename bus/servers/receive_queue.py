"""What a socket said and its application did not take yet."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any


class ReceiveQueue:
    """An asyncio.Queue of one reader, without its locks, that takes no memory while it is empty."""

    __slots__ = ("_events", "_reader", "on_empty")

    def __init__(self, before: asyncio.Queue[Any] | None = None) -> None:
        """`before` is the queue that it stands in for; nobody reads that one now."""
        self._events: deque[Any] | None = None
        self._reader: asyncio.Future[None] | None = None
        # Called when the reader has taken the last one.
        self.on_empty: Callable[[], object] | None = None
        while before is not None and not before.empty():
            self.put_nowait(before.get_nowait())

    def __len__(self) -> int:
        return 0 if self._events is None else len(self._events)

    def put_nowait(self, event: Any) -> None:
        """Add one."""
        if self._events is None:
            self._events = deque()
        self._events.append(event)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._events is None

    async def get(self) -> Any:
        """The next one; waits for it."""
        while self._events is None:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        event = self._events.popleft()
        if not self._events:
            self._events = None
            if self.on_empty is not None:
                self.on_empty()
        return event
