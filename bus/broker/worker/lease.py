"""What a slot has in hand, and whether it is still its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Container, Sequence

from bus.broker.delivery import Delivery
from bus.broker.stream import Stream
from bus.broker.worker.until_available import UntilAvailable

logger = logging.getLogger(__name__)

# After this it is no longer sure that what is held was not taken by others, in seconds; well below
# the 5 s after which a process that stands still counts as dead.
_SURE = 2.0


class Lease:
    """Has the `deliveries` in hand, in order: claimed, not settled, and kept while extended."""

    def __init__(self, stream: Stream, holder: str, until_available: UntilAvailable) -> None:
        self.deliveries: list[Delivery] = []
        self._stream = stream
        self._holder = holder
        self._until_available = until_available
        # When it was sure last that it holds what it holds.
        self._sure = 0.0

    def take(self, deliveries: list[Delivery], *, sure: float) -> None:
        """Have a list in hand instead of the last one; `sure` is when it was surely held."""
        self.deliveries, self._sure = deliveries, sure

    def drop(self, deliveries: list[Delivery]) -> None:
        """Have these in hand no more."""
        if len(deliveries) == 1 and self.deliveries and self.deliveries[0] is deliveries[0]:
            del self.deliveries[0]
            return
        gone = {id(d) for d in deliveries}
        self.deliveries = [d for d in self.deliveries if id(d) not in gone]

    def drop_others(self, keep: Container[str]) -> list[Delivery]:
        """Drop, and return, what is in hand of all streams but those to keep."""
        dropped = [d for d in self.deliveries if d.stream not in keep]
        self.drop(dropped)
        return dropped

    async def extend(self, ahead: Sequence[Delivery]) -> None:
        """Keep hold of all that is in hand, and of what is claimed ahead, for another while.

        Raises BrokerUnavailable.
        """
        await self._stream.extend_lease(self._holder, [*self.deliveries, *ahead])

    async def make_sure(self) -> None:
        """Let go of what others took while this process stood still, and of what comes after it.

        Raises Stopping.
        """
        if time.monotonic() - self._sure < _SURE:
            return
        began = time.monotonic()
        lost = await self._until_available.until_done(
            lambda: self._stream.extend_lease(self._holder, self.deliveries)
        )
        self._sure = began
        if lost:
            logger.warning("%s: others took %d messages over", self._stream.channel, len(lost))
            self.drop(lost)
            streams = {other.stream for other in lost}
            behind = [d for d in self.deliveries if d.stream in streams]
            await self._until_available.until_done(
                lambda: self._stream.release(self._holder, behind)
            )
            self.drop(behind)
