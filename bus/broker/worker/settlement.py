"""Settles what a slot has in hand: done, tried again later, given up on, or given back."""

from __future__ import annotations

import logging

from bus.broker import outage
from bus.broker.delivery import Delivery
from bus.broker.errors import BrokerUnavailable
from bus.broker.signals import delivery_failed
from bus.broker.stream import Stream
from bus.broker.worker import undeliverable
from bus.broker.worker.acknowledgements import Acknowledgements
from bus.broker.worker.lease import Lease
from bus.broker.worker.until_available import UntilAvailable
from bus.conf import conf

logger = logging.getLogger(__name__)


class Settlement:
    """Tells the broker what becomes of each delivery, which is in hand no more then.

    All that fails or is given up on waits for a broker that is away, and raises Stopping where the
    worker ends first.
    """

    def __init__(
        self, stream: Stream, holder: str, until_available: UntilAvailable, lease: Lease
    ) -> None:
        self._stream = stream
        self._holder = holder
        self._until_available = until_available
        self._lease = lease
        self._acknowledgements = Acknowledgements(stream, until_available)

    def acknowledge(self, handled: list[Delivery]) -> None:
        """Acknowledge these soon; raises what an earlier acknowledgement failed of."""
        self._lease.drop(handled)
        self._acknowledgements.add(handled, last=not self._lease.deliveries)

    async def acknowledged(self) -> None:
        """Wait until all that was handled is acknowledged; raises what that failed of."""
        await self._acknowledgements.finish()

    async def fail(self, delivery: Delivery, error: BaseException) -> None:
        """Try one again later, or give it up where that is hopeless, or was the last attempt."""
        if undeliverable.is_hopeless(error) or delivery.attempt >= conf.max_attempts:
            await self.dead_letter(delivery, error)
        else:
            await self.retry_later(delivery, error)

    async def retry_later(self, delivery: Delivery, error: BaseException | str) -> None:
        """Have one tried again after a while; its partition goes on."""
        delay = outage.backoff(delivery.attempt)
        logger.warning(
            "%s: attempt %d of %d at message %s failed, next in %.1f s: %s",
            self._stream.channel,
            delivery.attempt,
            conf.max_attempts,
            delivery.message_id,
            delay,
            _in_words(error),
            exc_info=None if isinstance(error, str) else error,
        )
        await self._signal_failure(delivery, error, final=False)
        await self._until_available.until_done(lambda: self._stream.retry_later(delivery, delay))
        self._lease.drop([delivery])

    async def dead_letter(self, delivery: Delivery, error: BaseException | str) -> None:
        """Give one up: it is a dead letter."""
        logger.error(
            "%s: message %s is a dead letter after %d attempts: %s",
            self._stream.channel,
            delivery.message_id,
            delivery.attempt,
            _in_words(error),
        )
        await self._signal_failure(delivery, error, final=True)
        await self._until_available.until_done(lambda: self._stream.dead_letter(delivery, error))
        self._lease.drop([delivery])

    async def _signal_failure(
        self, delivery: Delivery, error: BaseException | str, *, final: bool
    ) -> None:
        await delivery_failed.asend_robust(type(self), delivery=delivery, error=error, final=final)

    async def release(self, spare: list[Delivery]) -> None:
        """Give back what is in hand no more; where the broker is away, the next claim does."""
        try:
            await self._stream.release(self._holder, spare)
        except BrokerUnavailable:
            self._until_available.answer_lost = True

    async def release_all(self, in_flight: list[Delivery]) -> None:
        """Acknowledge what was handled and give back all else, as the slot ends; never fails."""
        try:
            await self._acknowledgements.finish()
            await self._stream.release(self._holder, in_flight)
            # Whatever else the broker says that it holds: a claim whose answer was lost, say.
            await self._stream.recover(self._holder, ())
        except BrokerUnavailable:
            # Should this slot run once more, it gives them back first.
            self._until_available.answer_lost = True
            logger.warning(
                "%s: %d messages could not be given back; others take them",
                self._stream.channel,
                len(in_flight),
            )
        except Exception:
            self._until_available.answer_lost = True
            logger.exception("%s: what was handled is handled once more.", self._stream.channel)


def _in_words(error: BaseException | str) -> str:
    return error if isinstance(error, str) else f"{type(error).__name__}: {error}"
