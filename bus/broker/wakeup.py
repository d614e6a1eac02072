"""The wake-up that a named channel's send gives to idle workers."""

from __future__ import annotations

import asyncio
from typing import Any


class Wakeup:
    """Counts wake-ups and lets any number of waiters wait for the next one.

    It stands where a channel's queue does, hence `put_nowait`; it holds nothing,
    so that wake-ups nobody waits for cannot pile up.
    """

    def __init__(self) -> None:
        self.count = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def put_nowait(self, _data: Any) -> None:
        """Wake everyone."""
        self.count += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, seen: int, timeout: float) -> None:
        """Return at the next wake-up after `seen`, or after `timeout` seconds."""
        if self.count != seen:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await asyncio.wait([waiter], timeout=timeout)
        finally:
            self._waiters.discard(waiter)
