"""One slot of a worker: claims from one channel and drives one run of the application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from bus.broker import outage
from bus.broker.channel_layer import BusChannelLayer
from bus.broker.delivery import Delivery
from bus.broker.outage import Outage
from bus.broker.stream import Claim
from bus.broker.worker import undeliverable
from bus.broker.worker.claims import Claims, HandlingTime
from bus.broker.worker.consumer_run import Application, ConsumerRun
from bus.broker.worker.lease import Lease
from bus.broker.worker.settlement import Settlement
from bus.broker.worker.until_available import Stopping, UntilAvailable
from bus.conf import conf

# A message that was in the hands of this many dead workers is no longer worth waiting for. After
# the first death it is handled alone, so a third that only happens to hit it is most unlikely.
_SUSPECT_DELIVERIES = 3
# An outage that the servers deny this often in a row was the message's own fault.
_OUTAGE_TRIES = 5
# What still waits after this much work on a list is given to other workers, in seconds.
_SHARE_AFTER = 1.0


class Owner(Protocol):
    """What a slot knows of the worker whose slot it is."""

    id: str
    application: Application
    layer: BusChannelLayer
    stopping: asyncio.Event
    outage: Outage
    on_failure: Callable[[], None]
    # How much work a slot claims at once for a consumer of single messages, in seconds.
    work_held: float

    def count(self, handled: int) -> None:
        """Note that messages were handled."""

    def replace(self, reason: str) -> None:
        """Stop, and have this process start anew."""


class Backlog:
    """Whether slots of a channel get full lists for consumers that run beside each other."""

    def __init__(self) -> None:
        self._full: set[str] = set()
        self._there = asyncio.Event()

    def note(self, slot: str, *, full: bool) -> None:
        """A slot took a list, a full one or less."""
        if full:
            self._full.add(slot)
            self._there.set()
        elif slot in self._full:
            self._full.discard(slot)
            if not self._full:
                self._there.clear()

    async def wait(self) -> None:
        """Return while there is one."""
        await self._there.wait()


class Slot:
    """Claims from one channel, drives one run of the application, and settles each delivery."""

    def __init__(
        self, worker: Owner, channel: str, number: int, backlog: Backlog, *, helps: bool = False
    ) -> None:
        """One that `helps` works only while there is a backlog, which the others note."""
        self.channel = channel
        # What it holds in the broker is told from other slots' by this name.
        self.name = f"{worker.id}/{number}"
        self._worker = worker
        self._backlog = backlog
        self._helps = helps
        self._stream = worker.layer.stream(channel)
        self._until_available = UntilAvailable(worker.stopping, worker.outage)
        # These tell the broker what the slot does, each in its own way, all in the slot's name.
        broker = self._stream, self.name, self._until_available
        self._handling_time = HandlingTime()
        self._claims = Claims(*broker, self._handling_time, worker.work_held, beside=helps)
        self._lease = Lease(*broker)
        self._settlement = Settlement(*broker, self._lease)
        self._consumer_run: ConsumerRun | None = None
        # Whether something is with the application now.
        self._handling = False

    @property
    def in_flight(self) -> list[Delivery]:
        """Everything that it holds, the next list too."""
        return self._lease.deliveries + self._claims.ahead

    @property
    def trouble(self) -> str:
        """What keeps it from working; empty where nothing does."""
        return self._until_available.trouble

    async def run(self) -> None:
        """Work until the worker stops, then give back what is not handled."""
        try:
            wake = await self._until_available.until_done(
                lambda: self._worker.layer.wake_of(self.channel)
            )
            while not self._worker.stopping.is_set():
                if self._helps and not self._claims.under_way:
                    await self._until_available.unless_stopping(self._backlog.wait())
                    if self._worker.stopping.is_set():
                        break
                consumer_run = await self._ready()
                seen = wake.count
                claim = await self._claim(consumer_run.batch_size)
                if not self._helps:
                    full = 0 < consumer_run.batch_size <= len(claim.deliveries)
                    self._backlog.note(self.name, full=consumer_run.parallel and full)
                if self._lease.deliveries:
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

    async def extend_lease(self) -> None:
        """Keep hold of what takes longer than the visibility timeout; raises BrokerUnavailable."""
        await self._lease.extend(self._claims.ahead)

    async def release_waiting(self) -> None:
        """Let other workers have what waits behind slow handlers, save in their partitions."""
        if not self._handling or self._handling_time.elapsed < _SHARE_AFTER:
            return
        # What was tried in a list that failed is tried apart here, soon.
        await self._release_others({d.stream for d in self.in_flight if d.tries})

    async def _claim(self, batch_size: int) -> Claim:
        """Take the next list in hand: the one claimed ahead, or else a new one."""
        claimed = await self._claims.take_ahead()
        if claimed is None:
            # Its partitions are locked until then, for this slot as for others.
            await self._settlement.acknowledged()
            claimed = await self._claims.claim(batch_size)
        self._lease.take(claimed.claim.deliveries, sure=claimed.began)
        return claimed.claim

    async def _ready(self) -> ConsumerRun:
        """The application, waiting for a message; a new run of it when the last one ended."""
        if self._consumer_run is None or not self._consumer_run.alive:
            self._consumer_run = ConsumerRun(self._worker.application, self.channel)
            await self._consumer_run.start()
        return self._consumer_run

    async def _work(self) -> None:
        """Deliver what is in hand until it is settled or the worker stops."""
        self._handling_time.begin(len(self._lease.deliveries))
        await self._prepare()
        batch_size = self._consumer_run.batch_size if self._consumer_run else 0
        self._claims.claim_ahead(self._lease.deliveries, batch_size)
        outages = 0
        apart = 0
        while self._lease.deliveries and not self._worker.stopping.is_set():
            await self._lease.make_sure()
            most = 1 if apart else (await self._ready()).batch_size or 1
            group = self._lease.deliveries[:most]
            if not group:
                break
            failures, whole = await self._deliver(group)
            if await self._is_outage(failures):
                outages += 1
                if outages < _OUTAGE_TRIES:
                    if not await self._until_available.until_servers_answer(self._stream):
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
                    await self._release_others({group[0].stream})
                continue
            await self._settle(group, failures, fail=True)
        self._handling_time.end()

    async def _prepare(self) -> None:
        """Decode what was claimed; dead-letter what cannot be, slow down killers."""
        for delivery in list(self._lease.deliveries):
            if (wrong := undeliverable.decode(self._worker.layer, delivery)) is not None:
                await self._settlement.dead_letter(delivery, wrong)
            elif delivery.deliveries > 1 and delivery.attempt > conf.max_attempts:
                delivery.deliveries -= 1  # This one is no attempt.
                await self._settlement.dead_letter(delivery, "its worker died with it")
            elif delivery.deliveries > _SUSPECT_DELIVERIES:
                delivery.deliveries -= 1
                await self._settlement.retry_later(delivery, "its worker died with it")

    async def _deliver(self, group: list[Delivery]) -> tuple[dict[int, BaseException], bool]:
        """Hand a group to the application; returns failures by position, and whether it broke."""
        consumer_run = await self._ready()
        self._handling = True
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
            self._handling = False
            if self._consumer_run is not None and not self._consumer_run.waiting:
                if not await self._consumer_run.stop_thread_too():
                    # Its thread cannot be ended, and every later handler would wait for it.
                    self._worker.replace(f"a handler of {self.channel} hangs in its thread")
                self._consumer_run = None

    async def _is_outage(self, failures: dict[int, BaseException]) -> bool:
        """Whether the servers are to blame; one that is silent shows as a handler that hangs."""
        errors = [e for e in failures.values() if not undeliverable.is_hopeless(e)]
        if any(outage.looks_like_outage(error) for error in errors):
            return True
        late = any(isinstance(error, TimeoutError) for error in errors)
        return late and not await outage.servers_answer(self._stream)

    async def _settle(
        self, group: list[Delivery], failures: dict[int, BaseException], *, fail: bool
    ) -> None:
        done = [d for i, d in enumerate(group) if i not in failures] if failures else group
        self._settlement.acknowledge(done)
        self._worker.count(len(done))
        if failures:
            self._worker.on_failure()
        if fail:
            for position, error in failures.items():
                await self._settlement.fail(group[position], error)

    async def _release_others(self, busy: set[str]) -> None:
        """Hand back what is held of all partitions but these."""
        in_hand = self._lease.drop_others(busy)
        self._handling_time.give_away(len(in_hand))
        spare = in_hand + self._claims.drop_ahead(busy)
        if spare:
            await self._settlement.release(spare)

    async def _shut_down(self) -> None:
        """Give back what is held and end the application."""
        await self._claims.finish()
        if self._consumer_run is not None:
            await self._consumer_run.stop()
        await self._settlement.release_all(self.in_flight)
        self._lease.drop_others(())
        self._claims.drop_ahead(())
