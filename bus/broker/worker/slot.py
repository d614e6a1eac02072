"""One slot of a worker: claims from one channel and drives one run of the application."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from bus.broker import outage
from bus.broker.delivery import Delivery
from bus.broker.errors import BrokerUnavailable
from bus.broker.stream import Claim
from bus.broker.worker import undeliverable
from bus.broker.worker.acknowledgements import Acknowledgements
from bus.broker.worker.consumer_run import ConsumerRun
from bus.broker.worker.until_available import Stopping, UntilAvailable
from bus.conf import conf

if TYPE_CHECKING:
    from bus.broker.worker.worker import Worker

logger = logging.getLogger(__name__)

# A message that was in the hands of this many dead workers is no longer worth waiting for. After
# the first death it is handled alone, so a third that only happens to hit it is most unlikely.
_SUSPECT_DELIVERIES = 3
# After this it is no longer sure that what is held was not taken by others, in seconds; well below
# the 5 s after which a process that stands still counts as dead.
_SURE = 2.0
# An outage that the servers deny this often in a row was the message's own fault.
_OUTAGE_TRIES = 5
# A consumer of single messages holds about this much work, in seconds, so that a slow one leaves
# the rest to other workers.
_WORK_HELD = 0.05
# What still waits after this much work on a list is given to other workers, in seconds.
_SHARE_AFTER = 1.0
# The next list is claimed beside the work on this one where that takes no longer, in seconds.
_AHEAD_WITHIN = 0.1


class Slot:
    """Claims from one channel, drives one run of the application, and settles each delivery."""

    def __init__(self, worker: Worker, channel: str, number: int) -> None:
        self.worker = worker
        self.channel = channel
        self.layer = worker.layer
        # What it holds in the broker is told from other slots' by this name.
        self.name = f"{worker.id}/{number}"
        self.stream = worker.layer.stream(channel)
        # Claimed and not settled, in order.
        self.deliveries: list[Delivery] = []
        self._until_available = UntilAvailable(worker.stopping, worker.outage)
        self._acknowledgements = Acknowledgements(self.stream, self._until_available)
        self._consumer_run: ConsumerRun | None = None
        # What is with the application now.
        self._busy: list[Delivery] = []
        # When the work on this list began, and how many of it went to others.
        self._since = 0.0
        self._shared = 0
        # When it was sure last that it holds what it holds.
        self._sure = 0.0
        # How long a message takes, in seconds, on a moving average.
        self._pace = _WORK_HELD
        # What a dead worker held waits: the next claim takes it, which no claim ahead may.
        self._suspects = False
        # The claim of the next list, beside the work on this one.
        self._ahead: asyncio.Task[None] | None = None
        self._next: tuple[Claim, float] | None = None

    @property
    def in_flight(self) -> list[Delivery]:
        """Everything that it holds, the next list too."""
        return self.deliveries + (self._next[0].deliveries if self._next else [])

    @property
    def trouble(self) -> str:
        """What keeps it from working; empty where nothing does."""
        return self._until_available.trouble

    async def run(self) -> None:
        """Work until the worker stops, then give back what is not handled."""
        try:
            wake = await self._until_available.until_done(lambda: self.layer.wake_of(self.channel))
            while not self.worker.stopping.is_set():
                await self._ready()
                seen = wake.count
                claim = await self._claim()
                if self.deliveries:
                    await self._work()
                else:
                    await self._until_available.unless_stopping(wake.wait(seen, claim.pause))
        except Stopping:
            pass
        except Exception as error:
            self._until_available.trouble = f"{type(error).__name__}: {error}"
            raise
        finally:
            await self._shut_down()

    async def _claim(self) -> Claim:
        """Take the next list in hand: the one claimed ahead, or else a new one."""
        if self._ahead is not None:
            await self._ahead
            self._ahead = None
        if self._next is None:
            # Its partitions are locked until then, for this slot as for others.
            await self._acknowledgements.finish()
            await self._until_available.until_done(self._claim_next)
        assert self._next is not None
        (claim, self._sure), self._next = self._next, None
        self.deliveries = claim.deliveries
        self._suspects = claim.suspects > 0
        return claim

    async def _claim_next(self) -> None:
        if self._until_available.answer_lost:
            # A claim may have reached the broker and its answer not us: those go back first.
            await self.stream.recover(self.name, self.deliveries)
            self._until_available.answer_lost = False
        began = time.monotonic()
        self._next = await self.stream.claim(self.name, self._size), began

    @property
    def _size(self) -> int:
        """How many messages to claim at once."""
        size = self._consumer_run.batch_size if self._consumer_run else 0
        return min(size or max(1, int(_WORK_HELD / self._pace)), conf.batch_size)

    async def _claim_ahead(self) -> None:
        began = time.monotonic()
        try:
            claim = await self.stream.claim(self.name, self._size, ahead=True)
        except BrokerUnavailable:
            self._until_available.answer_lost = True
            return
        if claim.deliveries:
            self._next = claim, began
        else:
            self._suspects = claim.suspects > 0

    def _look_ahead(self) -> None:
        """Claim the next list beside the work on this one, where a backlog keeps the slot busy."""
        if (
            len(self.deliveries) >= self._size
            and len(self.deliveries) * self._pace < _AHEAD_WITHIN
            and not self._suspects
            # Beside one that a worker may have died of there is no other.
            and all(d.deliveries == 1 for d in self.deliveries)
            and not self._until_available.answer_lost
            and not self.worker.stopping.is_set()
        ):
            self._ahead = asyncio.create_task(self._claim_ahead())

    async def _ready(self) -> ConsumerRun:
        """The application, waiting for a message; a new run of it when the last one ended."""
        if self._consumer_run is None or not self._consumer_run.alive:
            self._consumer_run = ConsumerRun(self.worker.application, self.channel)
            await self._consumer_run.start()
        return self._consumer_run

    async def _work(self) -> None:
        """Deliver what is held until it is settled or the worker stops."""
        self._since, self._shared = time.monotonic(), 0
        count = len(self.deliveries)
        await self._prepare()
        self._look_ahead()
        outages = 0
        apart = 0
        while self.deliveries and not self.worker.stopping.is_set():
            await self._keep_hold()
            group = self.deliveries[: 1 if apart else (await self._ready()).batch_size or 1]
            if not group:
                break
            failures, whole = await self._deliver(group)
            if await self._is_outage(failures):
                outages += 1
                if outages < _OUTAGE_TRIES:
                    if not await self._until_available.until_servers_answer(self.stream):
                        outages = 0
                    await self._settle(group, failures, fail=False)
                    continue
            outages = 0
            apart = max(0, apart - 1)
            if whole and len(group) > 1:
                # The application did not say which of them it was: one by one tells.
                apart = len(group)
                if any(isinstance(error, TimeoutError) for error in failures.values()):
                    # It takes as long once more until the others of its partition may go on.
                    await self._release({group[0].stream})
                continue
            await self._settle(group, failures, fail=True)
        took = (time.monotonic() - self._since) / max(1, count - self._shared)
        self._pace = max(1e-4, 0.7 * self._pace + 0.3 * took)

    async def _is_outage(self, failures: dict[int, BaseException]) -> bool:
        """Whether the servers are to blame; one that is silent shows as a handler that hangs."""
        errors = failures.values()
        if any(outage.looks_like_outage(error) for error in errors):
            return True
        late = any(isinstance(error, TimeoutError) for error in errors)
        return late and not await outage.servers_answer(self.stream)

    async def _keep_hold(self) -> None:
        """Let go of what others took while this process stood still, and of what comes after it."""
        if time.monotonic() - self._sure < _SURE:
            return
        began = time.monotonic()
        lost = await self._until_available.until_done(
            lambda: self.stream.extend_lease(self.name, self.deliveries)
        )
        self._sure = began
        if lost:
            logger.warning("%s: others took %d messages over", self.channel, len(lost))
            self._let_go(lost)
            behind = [d for d in self.deliveries if d.stream in {other.stream for other in lost}]
            await self._until_available.until_done(lambda: self.stream.release(self.name, behind))
            self._let_go(behind)

    async def _deliver(self, group: list[Delivery]) -> tuple[dict[int, BaseException], bool]:
        """Hand a group to the application; returns failures by position, and whether it broke."""
        consumer_run = await self._ready()
        self._busy = group
        for delivery in group:
            delivery.tries += 1
        try:
            if consumer_run.batch_size:
                return dict(await consumer_run.deliver_batch(group, conf.handler_timeout)), False
            await consumer_run.deliver(group[0], conf.handler_timeout)
            return {}, False
        except TimeoutError as error:
            error.add_note(f"not handled within BUS_HANDLER_TIMEOUT ({conf.handler_timeout} s)")
            return dict.fromkeys(range(len(group)), error), True
        except Exception as error:
            return dict.fromkeys(range(len(group)), error), True
        finally:
            self._busy = []
            if self._consumer_run is not None and not self._consumer_run.waiting:
                if not await self._consumer_run.stop_thread_too():
                    # Its thread cannot be ended, and every later handler would wait for it.
                    self.worker.replace(f"a handler of {self.channel} hangs in its thread")
                self._consumer_run = None

    async def release_waiting(self) -> None:
        """Let other workers have what waits behind slow handlers, save in their partitions."""
        if not self._busy or time.monotonic() - self._since < _SHARE_AFTER:
            return
        # What was tried in a list that failed is tried apart here, soon.
        await self._release({d.stream for d in self.in_flight if d.tries})

    async def _release(self, busy: set[str]) -> None:
        """Hand back what is held of all partitions but these."""
        spare = [d for d in self.in_flight if d.stream not in busy]
        if not spare:
            return
        held = len(self.deliveries)
        self._let_go(spare)
        self._shared += held - len(self.deliveries)
        if self._next is not None:
            claim, began = self._next
            claim.deliveries = [d for d in claim.deliveries if d.stream in busy]
            self._next = (claim, began) if claim.deliveries else None
        try:
            await self.stream.release(self.name, spare)
        except BrokerUnavailable:
            self._until_available.answer_lost = True

    async def _settle(
        self, group: list[Delivery], failures: dict[int, BaseException], *, fail: bool
    ) -> None:
        done = [d for i, d in enumerate(group) if i not in failures] if failures else group
        self._let_go(done)
        self._acknowledgements.add(done, last=not self.deliveries)
        self.worker.count(len(done))
        if failures:
            self.worker.on_failure()
        if fail:
            for position, error in failures.items():
                await self._fail(group[position], error)

    async def _prepare(self) -> None:
        """Decode what was claimed; dead-letter what cannot be, slow down killers."""
        for delivery in list(self.deliveries):
            if delivery.deliveries > 1 and delivery.attempt > conf.max_attempts:
                delivery.deliveries -= 1  # This one is no attempt.
                await self._dead_letter(delivery, "its worker died with it")
            elif delivery.deliveries > _SUSPECT_DELIVERIES:
                delivery.deliveries -= 1
                await self._retry_later(delivery, "its worker died with it")
            elif (wrong := undeliverable.decode(self.layer, delivery)) is not None:
                await self._dead_letter(delivery, wrong)

    async def _fail(self, delivery: Delivery, error: BaseException) -> None:
        if undeliverable.is_hopeless(error) or delivery.attempt >= conf.max_attempts:
            await self._dead_letter(delivery, error)
        else:
            await self._retry_later(delivery, error)

    async def _retry_later(self, delivery: Delivery, error: BaseException | str) -> None:
        delay = outage.backoff(delivery.attempt)
        logger.warning(
            "%s: attempt %d of %d at message %s failed, next in %.1f s: %s",
            self.channel,
            delivery.attempt,
            conf.max_attempts,
            delivery.message_id,
            delay,
            error if isinstance(error, str) else f"{type(error).__name__}: {error}",
            exc_info=None if isinstance(error, str) else error,
        )
        await self._until_available.until_done(lambda: self.stream.retry_later(delivery, delay))
        self._let_go([delivery])

    async def _dead_letter(self, delivery: Delivery, error: BaseException | str) -> None:
        logger.error(
            "%s: message %s is a dead letter after %d attempts: %s",
            self.channel,
            delivery.message_id,
            delivery.attempt,
            error if isinstance(error, str) else f"{type(error).__name__}: {error}",
        )
        await self._until_available.until_done(lambda: self.stream.dead_letter(delivery, error))
        self._let_go([delivery])

    def _let_go(self, deliveries: list[Delivery]) -> None:
        if len(deliveries) == 1 and self.deliveries and self.deliveries[0] is deliveries[0]:
            del self.deliveries[0]
            return
        gone = {id(d) for d in deliveries}
        self.deliveries = [d for d in self.deliveries if id(d) not in gone]

    async def _shut_down(self) -> None:
        """Give back what is held and end the application."""
        if self._ahead is not None:
            await asyncio.wait([self._ahead])
            self._ahead = None
        if self._consumer_run is not None:
            await self._consumer_run.stop()
        try:
            await self._acknowledgements.finish()
            await self.stream.release(self.name, self.in_flight)
            # Whatever else the broker says that it holds: a claim whose answer was lost, say.
            await self.stream.recover(self.name, ())
        except BrokerUnavailable:
            # Should this slot run once more, it gives them back first.
            self._until_available.answer_lost = True
            logger.warning(
                "%s: %d messages could not be given back; others take them",
                self.channel,
                len(self.in_flight),
            )
        except Exception:
            self._until_available.answer_lost = True
            logger.exception("%s: what was handled is handled once more.", self.channel)
        self.deliveries, self._next = [], None
