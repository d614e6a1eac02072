"""What a reader has not read yet, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from bus.client.errors import Overrun

T = TypeVar("T")


class Stream(AsyncIterator[T], Generic[T]):
    """An async iterator over what a room tells; ends when the client is closed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[T] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._overrun = False

    def put(self, item: T) -> None:
        """Add one; over the limit, the reader gets what is there and then Overrun."""
        if len(self._items) >= self._limit:
            self._overrun = True
        elif not self._overrun:
            self._items.append(item)
        self._news.set()

    def end(self) -> None:
        """Nothing follows."""
        self._ended = True
        self._news.set()

    async def __anext__(self) -> T:
        while not self._items:
            if self._overrun:
                raise Overrun(
                    f"More than {self._limit} items waited to be read; later ones were dropped. "
                    "Read faster, or raise the limit, and join again with the last seq."
                )
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._items.popleft()
