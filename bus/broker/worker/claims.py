"""Claims a slot's lists of messages: how many at once, and the next beside the work on this one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Container
from dataclasses import dataclass

from bus.broker.delivery import Delivery
from bus.broker.errors import BrokerUnavailable
from bus.broker.stream import Claim, Stream
from bus.broker.worker.until_available import UntilAvailable
from bus.conf import conf

# A consumer of single messages holds about this much work, in seconds, so that a slow one leaves
# the rest to other workers.
WORK_HELD = 0.05
# The next list is claimed beside the work on this one where that takes no longer, in seconds.
_AHEAD_WITHIN = 0.1


class HandlingTime:
    """How long a message takes a slot, in `seconds`, on a moving average over its lists."""

    def __init__(self) -> None:
        self.seconds = WORK_HELD
        # When the work on this list began, and how many of it are this slot's own.
        self._since = 0.0
        self._kept = 0

    @property
    def elapsed(self) -> float:
        """How long this list is being worked on, in seconds."""
        return time.monotonic() - self._since

    def begin(self, count: int) -> None:
        """A list of `count` messages is begun."""
        self._since, self._kept = time.monotonic(), count

    def give_away(self, count: int) -> None:
        """So many of the list go to others."""
        self._kept -= count

    def end(self) -> None:
        """The list is done."""
        took = self.elapsed / max(1, self._kept)
        self.seconds = max(1e-4, 0.7 * self.seconds + 0.3 * took)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim, and when it was asked for: from then on its deliveries are surely held."""

    claim: Claim
    began: float


class Claims:
    """Claims one list after the other for one holder, and keeps the one claimed ahead until taken.

    A `batch_size` is the most messages that the application takes at once, 0 where it takes one;
    of those it is given about `work_held` seconds of work.
    """

    def __init__(
        self,
        stream: Stream,
        holder: str,
        until_available: UntilAvailable,
        handling_time: HandlingTime,
        work_held: float = WORK_HELD,
        *,
        beside: bool = False,
    ) -> None:
        """One that claims `beside` others of its worker leaves to them what a dead worker held."""
        self._stream = stream
        self._holder = holder
        self._until_available = until_available
        self._handling_time = handling_time
        self._work_held = work_held
        self._beside = beside
        # What a dead worker held waits: the next claim takes it, which no claim ahead may.
        self._suspects = False
        # The claim of the next list, beside the work on this one.
        self._ahead: asyncio.Task[None] | None = None
        self._next: Claimed | None = None

    @property
    def ahead(self) -> list[Delivery]:
        """What is claimed and not taken yet."""
        return self._next.claim.deliveries if self._next else []

    @property
    def under_way(self) -> bool:
        """Whether a list is claimed ahead, or being claimed."""
        return self._ahead is not None or self._next is not None

    async def claim(self, batch_size: int) -> Claimed:
        """Claim a list, an empty one where nothing waits; only with nothing in hand or ahead."""
        claimed = await self._until_available.until_done(lambda: self._claim(batch_size))
        self._suspects = claimed.claim.suspects > 0
        return claimed

    async def take_ahead(self) -> Claimed | None:
        """The list claimed ahead, once its claim is over; None where there is none."""
        if self._ahead is not None:
            await self._ahead
            self._ahead = None
        claimed, self._next = self._next, None
        if claimed is not None:
            self._suspects = claimed.claim.suspects > 0
        return claimed

    def claim_ahead(self, in_hand: list[Delivery], batch_size: int) -> None:
        """Claim the next list beside the work on this one, where a backlog keeps the slot busy."""
        size = self._size(batch_size)
        if (
            len(in_hand) >= size
            and len(in_hand) * self._handling_time.seconds < _AHEAD_WITHIN
            and not self._suspects
            # Beside one that a worker may have died of there is no other.
            and all(d.deliveries == 1 for d in in_hand)
            and not self._until_available.answer_lost
            and not self._until_available.stopping
        ):
            self._ahead = asyncio.create_task(self._claim_ahead(size))

    def drop_ahead(self, keep: Container[str]) -> list[Delivery]:
        """Forget, and return, what is claimed ahead of all streams but those to keep."""
        dropped = [d for d in self.ahead if d.stream not in keep]
        if self._next is not None:
            kept = [d for d in self.ahead if d.stream in keep]
            self._next.claim.deliveries = kept
            if not kept:
                self._next = None
        return dropped

    async def finish(self) -> None:
        """Wait for a claim that is under way, whatever comes of it."""
        if self._ahead is not None:
            await asyncio.wait([self._ahead])
            self._ahead = None

    async def _claim(self, batch_size: int) -> Claimed:
        if self._until_available.answer_lost:
            # A claim may have reached the broker and its answer not us: those go back first.
            await self._stream.recover(self._holder, ())
            self._until_available.answer_lost = False
        began = time.monotonic()
        size = self._size(batch_size)
        return Claimed(await self._stream.claim(self._holder, size, ahead=self._beside), began)

    async def _claim_ahead(self, size: int) -> None:
        began = time.monotonic()
        try:
            claim = await self._stream.claim(self._holder, size, ahead=True)
        except BrokerUnavailable:
            self._until_available.answer_lost = True
            return
        if claim.deliveries:
            self._next = Claimed(claim, began)
        else:
            self._suspects = claim.suspects > 0

    def _size(self, batch_size: int) -> int:
        """How many messages to claim at once."""
        held = max(1, int(self._work_held / self._handling_time.seconds))
        return min(batch_size or held, conf.batch_size)
