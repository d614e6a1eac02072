"""Notes where guests of this process come from: gathered, and written together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict

from bus.chat import guest_networks
from bus.chat.visitors import Visitor
from bus.database import threads
from bus.protocol.errors import Unavailable

logger = logging.getLogger(__name__)

Sighting = tuple[str, str]  # author key, what stands for the network

# They gather for this long before they are written, in seconds.
_GATHERING = 0.1
# How long one need not be written again, in seconds, and of how many that is known.
_FRESH = 3600.0
_KNOWN = 50_000


class GuestSightings:
    """Keeps in mind for a moment where guests were seen: many may come at once."""

    def __init__(self) -> None:
        self._waiting: set[Sighting] = set()
        # When each was noted, the oldest first.
        self._noted: OrderedDict[Sighting, float] = OrderedDict()
        self._writer: asyncio.Task[None] | None = None

    def note(self, visitor: Visitor) -> None:
        """A visitor is in a room; where a guest comes from is written within a moment."""
        sighting = visitor.key, visitor.network
        now = time.monotonic()
        if not visitor.network or self._noted.get(sighting, now - _FRESH) > now - _FRESH:
            return
        self._noted[sighting] = now
        self._noted.move_to_end(sighting)
        if len(self._noted) > _KNOWN:
            self._noted.popitem(last=False)
        self._waiting.add(sighting)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write_on())

    async def close(self) -> None:
        """Write what was gathered, once and for all."""
        if self._writer is not None:
            self._writer.cancel()
        await self._write()

    async def _write_on(self) -> None:
        while self._waiting:
            await asyncio.sleep(_GATHERING)
            await self._write()

    async def _write(self) -> None:
        seen, self._waiting = self._waiting, set()
        if not seen:
            return
        try:
            await threads.run(guest_networks.note, seen)
        except Exception as error:
            # They are noted when they join again.
            for sighting in seen:
                self._noted.pop(sighting, None)
            if not isinstance(error, Unavailable):
                logger.exception("Where guests come from could not be noted.")
