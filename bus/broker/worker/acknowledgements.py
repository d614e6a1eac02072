"""Acknowledges what a slot has handled, while it handles what comes next."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from bus.broker.delivery import Delivery
from bus.broker.stream import Stream
from bus.broker.worker.until_available import Stopping, UntilAvailable

logger = logging.getLogger(__name__)

# Handled messages wait for others to be acknowledged with, but no longer than this, in seconds: a
# round trip for each would cost more than a small handler.
_WITHIN = 0.01


class Acknowledgements:
    """Takes what is handled and acknowledges it: one round trip for many."""

    def __init__(self, stream: Stream, until_available: UntilAvailable) -> None:
        self._stream = stream
        self._until_available = until_available
        self._handled: list[Delivery] = []
        self._task: asyncio.Task[None] | None = None
        # What an acknowledgement failed of, where it was not an outage; told to who comes next.
        self._error: Exception | None = None
        # Set where nothing more comes that a round trip could be shared with.
        self._last = asyncio.Event()

    def add(self, handled: list[Delivery], *, last: bool) -> None:
        """Take what is handled; `last` where nothing will follow soon.

        Raises what an earlier one failed of: then the broker still has what was handled.
        """
        self._raise_error()
        self._handled += handled
        if last:
            self._last.set()
        else:
            self._last.clear()
        if self._task is None and self._handled:
            self._task = asyncio.create_task(self._acknowledge())

    async def finish(self) -> None:
        """Wait until all is acknowledged, or the worker stops while the broker is away."""
        self._last.set()
        if self._task is not None:
            await self._task
        self._raise_error()

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    async def _acknowledge(self) -> None:
        try:
            while self._handled:
                await self._gather()
                handled, self._handled = self._handled, []
                try:
                    await self._until_available.until_done(
                        partial(self._stream.acknowledge, handled)
                    )
                except Stopping:
                    logger.warning(
                        "%s: the broker is away; %d handled messages will be handled once more",
                        self._stream.channel,
                        len(handled),
                    )
        except Exception as error:
            self._error = error
        finally:
            self._task = None

    async def _gather(self) -> None:
        if self._last.is_set():
            return
        timer = asyncio.get_running_loop().call_later(_WITHIN, self._last.set)
        await self._last.wait()
        timer.cancel()
