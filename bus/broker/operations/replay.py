"""One replay: a stretch of a channel's history is sent again, in order and at a limited rate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from channels.exceptions import ChannelFull

from bus.broker.operations.handled_log import HandledLog, Kept, Position, Stretch
from bus.broker.send_options import SendOptions
from bus.conf import conf

# A replay leaves this part of a channel's capacity to those who send for the first time.
_LEFT_TO_OTHERS = 0.5
# Until a channel that is full is asked again, and until progress is told again, in seconds.
_FULL_PAUSE = 0.25
_REPORT_PAUSE = 1.0
# Messages held in memory at once; each may have BUS_MESSAGE_SIZE_LIMIT.
_PAGE = 50
# How much of a delay is caught up by sending faster, in seconds.
_CATCH_UP = 0.1


@dataclass(slots=True)
class Replay:
    """Sends a stretch of history to its channel again; `run` once."""

    handled_log: HandledLog
    stretch: Stretch
    # Messages per second at most.
    rate: float
    # Set it, and the replay ends after the message that is under way.
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    # How many were sent, and were no longer kept when their turn came.
    sent: int = 0
    missing: int = 0
    # The last one dealt with; a replay of what is after it goes on there.
    last: Position | None = None
    # Whether it waits for room in the channel.
    waiting: bool = False

    @property
    def left(self) -> int:
        """How many are still to be sent."""
        return len(self.stretch.positions) - self.sent - self.missing

    async def run(self, report: Callable[[Replay], None] = lambda replay: None) -> None:
        """Send all, or until `stop` is set; tells about once a second.

        Each waits for room in the channel. Raises BrokerUnavailable: the message after
        `last` may have been sent then, all before it were.
        """
        due = reported = time.monotonic()
        positions = self.stretch.positions
        for start in range(0, len(positions), _PAGE):
            page = positions[start : start + _PAGE]
            for position, kept in zip(page, await self.handled_log.fetch(page), strict=True):
                await self._pause(due - time.monotonic())
                if not await self._send(kept, report):
                    return
                self.last = position
                due = max(due + 1 / self.rate, time.monotonic() - _CATCH_UP)
                if time.monotonic() - reported >= _REPORT_PAUSE:
                    reported = time.monotonic()
                    report(self)

    async def _send(self, kept: Kept | None, report: Callable[[Replay], None]) -> bool:
        """Send one; returns False where it was stopped before."""
        layer, channel = self.handled_log.layer, self.handled_log.channel
        while not self.stop.is_set():
            if kept is None:
                self.missing += 1
                return True
            try:
                await layer.stream(channel).send(
                    kept.payload,
                    SendOptions(ordering_key=kept.ordering_key, replayed_from=kept.id),
                    capacity=max(1, int(layer.capacity_of(channel) * _LEFT_TO_OTHERS)),
                    partitions=layer.partitions or conf.partitions,
                )
            except ChannelFull:
                if not self.waiting:
                    self.waiting = True
                    report(self)
                await self._pause(_FULL_PAUSE)
            else:
                self.sent += 1
                self.waiting = False
                return True
        return False

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until it is stopped."""
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self.stop.wait()
            except TimeoutError:
                pass
