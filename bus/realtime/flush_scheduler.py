"""When what was gathered leaves: at once after a rest, and in windows under load."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bus.conf import conf


class FlushScheduler:
    """Calls `flush` soon after `schedule`; never again before a window, or the last flush's cost.

    With a fixed window, one that is shorter than a flush takes would never join anything.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        # Whether a flush is planned or under way, and whether something came during it.
        self._busy = False
        self._again = False
        self._next_at = 0.0

    def schedule(self) -> None:
        """Something waits to be flushed."""
        if self._busy:
            self._again = True
            return
        self._busy = True
        loop = asyncio.get_running_loop()
        wait = self._next_at - time.monotonic()
        if wait <= 0:
            # Soon, and not now: what the broker sent together leaves together.
            loop.call_soon(self._run)
        else:
            loop.call_later(wait, self._run)

    def _run(self) -> None:
        began = time.monotonic()
        self._again = False
        try:
            self._flush()
        finally:
            # The server writes to its sockets after this turn of the loop: that is the cost.
            asyncio.get_running_loop().call_soon(self._finish, began)

    def _finish(self, began: float) -> None:
        cost = time.monotonic() - began
        self._next_at = began + max(conf.flush_window, 2 * cost)
        self._busy = False
        if self._again:
            self.schedule()
