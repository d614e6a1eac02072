"""`receive` on a named channel: one message at a time, acknowledged before it is handed over."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from bus.broker.decode import Decoder, unpacked
from bus.broker.delivery import Delivery
from bus.broker.errors import BrokerUnavailable
from bus.broker.send_options import SendOptions
from bus.broker.stream import Claim, Stream, raw

logger = logging.getLogger(__name__)

# What a cancelled receive may take to give back what it claimed, in seconds.
_UNDO_TIMEOUT = 2.0
# No channel is too full for what was taken out of it.
_ANY_CAPACITY = 2**53


@dataclass(slots=True)
class Taken:
    """What one look at the channel brought: a message of one's own, or how long to wait."""

    message: dict[str, Any] | None = None
    delivery: Delivery | None = None
    pause: float = 0.0


class AtMostOnceReceiver:
    """Takes messages as the stock worker expects: at most once, to one receiver each."""

    def __init__(self, stream: Stream, name: str, decoder: Decoder) -> None:
        self._stream = stream
        self._name = name
        self._decoder = decoder

    async def take(self) -> Taken:
        """One message, if there is any; a cancellation while it is on its way gives it back."""
        attempt = _Attempt(self._stream, self._name, self._decoder)
        task = asyncio.ensure_future(attempt.run())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            attempt.abandoned = True
            undo = asyncio.ensure_future(attempt.undo(task))
            await asyncio.wait([undo], timeout=_UNDO_TIMEOUT)
            raise


class _Attempt:
    def __init__(self, stream: Stream, name: str, decoder: Decoder) -> None:
        self.abandoned = False
        self._stream = stream
        self._name = name
        self._decoder = decoder

    async def run(self) -> Taken:
        claim: Claim = await self._stream.claim(self._name, 1)
        if not claim.deliveries:
            return Taken(pause=claim.pause)
        (delivery,) = claim.deliveries
        if self.abandoned:
            await self._stream.release(self._name, [delivery])
            return Taken()
        message, wrong = unpacked(self._decoder, delivery.payload)
        if wrong is not None:
            logger.error(
                "%s: message %s is a dead letter: %s",
                self._stream.channel,
                delivery.message_id,
                wrong,
            )
            await self._stream.dead_letter(delivery, wrong)
            return Taken()
        # Another receiver may have taken it over meanwhile: who acknowledges it has it.
        if await self._stream.acknowledge([delivery]):
            return Taken(message, delivery)
        return Taken()

    async def undo(self, task: asyncio.Task[Taken]) -> None:
        """Send again what nobody waits for any more; it goes to the end of its partition."""
        try:
            delivery = (await task).delivery
            if delivery is not None:
                await self._stream.send(
                    delivery.payload,
                    SendOptions.of(
                        ordering_key=raw(delivery.ordering_key), expires_at=delivery.expires_at
                    ),
                    capacity=_ANY_CAPACITY,
                    partitions=1,
                )
        except BrokerUnavailable as error:
            logger.warning("%s: a cancelled receive: %s", self._stream.channel, error)
