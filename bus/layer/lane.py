"""One lane of a worker: claims from one channel and drives one run of the application."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from bus.conf import conf
from bus.errors import Unavailable
from bus.layer import outage, stock
from bus.layer.delivery import Delivery, Undeliverable
from bus.layer.instance import Instance
from bus.layer.stream import Claim

if TYPE_CHECKING:
    from bus.layer.worker import Worker

logger = logging.getLogger(__name__)

T = TypeVar("T")

# A message that was in the hands of this many dead workers is no longer worth waiting for.
_SUSPECT_DELIVERIES = 2
# After this it is no longer sure that what is held was not taken by others, in seconds; well below
# the 5 s after which a process that stands still counts as dead.
_SURE = 2.0
# Handled messages wait for others to be acknowledged with, but no longer than this, in seconds: a
# round trip for each would cost more than a small handler.
_ACKNOWLEDGE_WITHIN = 0.01
# An outage that the servers deny this often in a row was the message's own fault.
_OUTAGE_TRIES = 5
# A consumer of single messages holds about this much work, in seconds, so that a slow one leaves
# the rest to other workers.
_WORK_HELD = 0.05


class Stopping(Exception):
    """The worker stops while the lane waits for something."""


class Lane:
    """Claims from one channel, drives one application instance, and settles each delivery."""

    def __init__(self, worker: Worker, channel: str, number: int) -> None:
        self.worker = worker
        self.channel = channel
        self.layer = worker.layer
        # What it holds in the broker is told from other lanes' by this name.
        self.name = f"{worker.id}/{number}"
        self.stream = worker.layer.stream(channel)
        # Claimed and not settled, in order; `busy` of them are with the application now.
        self.held: list[Delivery] = []
        self.busy = 0
        self._instance: Instance | None = None
        self._answer_lost = False
        # What was with the application when the drain ended.
        self._cut_off: list[Delivery] = []
        # When it was sure last that it holds what it holds.
        self._sure = 0.0
        # How long a message takes, in seconds, on a moving average.
        self._pace = _WORK_HELD
        # Handled and not yet acknowledged; what waits goes out together.
        self._done: list[Delivery] = []
        self._acknowledging: asyncio.Task[None] | None = None
        # Set once nothing more comes that an acknowledgement could be shared with.
        self._last_handled = asyncio.Event()

    async def run(self) -> None:
        """Work until the worker stops, then give back what is not handled."""
        try:
            wake = await self._patiently(lambda: self.layer.wake_of(self.channel))
            while not self.worker.stopping.is_set():
                await self._ready()
                seen = wake.count
                claim = await self._patiently(self._claim)
                self.held = claim.deliveries
                if self.held:
                    await self._work()
                else:
                    await self._unless_stopping(wake.wait(seen, claim.pause))
        except Stopping:
            pass
        finally:
            await self._put_down()

    async def _claim(self) -> Claim:
        if self._answer_lost:
            # A claim may have reached the broker and its answer not us: those go back first.
            await self.stream.recover(self.name, self.held)
            self._answer_lost = False
        size = (await self._ready()).batch_size or max(1, int(_WORK_HELD / self._pace))
        self._sure = time.monotonic()
        return await self.stream.claim(self.name, min(size, conf.batch_size))

    async def _ready(self) -> Instance:
        """The application, waiting for a message; a new run of it when the last one ended."""
        if self._instance is None or not self._instance.alive:
            self._instance = Instance(self.worker.application, self.channel)
            await self._instance.start()
        return self._instance

    async def _work(self) -> None:
        """Deliver what is held until it is settled or the worker stops."""
        await self._sift()
        outages = 0
        apart = 0
        began, count = time.monotonic(), len(self.held)
        while self.held and not self.worker.stopping.is_set():
            await self._keep_hold()
            group = self.held[: 1 if apart else (await self._ready()).batch_size or 1]
            if not group:
                break
            failures, whole = await self._deliver(group)
            if await self._is_outage(failures):
                outages += 1
                if outages < _OUTAGE_TRIES:
                    if not await self._servers_answered():
                        outages = 0
                    await self._settle(group, failures, fail=False)
                    continue
            outages = 0
            apart = max(0, apart - 1)
            if whole and len(group) > 1:
                # The application did not say which of them it was: one by one tells.
                apart = len(group)
                continue
            await self._settle(group, failures, fail=True)
        await self._acknowledged()
        took = (time.monotonic() - began) / max(1, count)
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
        lost = await self._patiently(lambda: self.stream.renew(self.name, self.held))
        self._sure = began
        if lost:
            logger.warning("%s: others took %d messages over", self.channel, len(lost))
            self._let_go(lost)
            behind = [d for d in self.held if d.stream in {other.stream for other in lost}]
            await self._patiently(lambda: self.stream.hand_back(self.name, behind))
            self._let_go(behind)

    async def _deliver(self, group: list[Delivery]) -> tuple[dict[int, BaseException], bool]:
        """Hand a group to the application; returns failures by position, and whether it broke."""
        instance = await self._ready()
        self.busy = len(group)
        for delivery in group:
            delivery.tries += 1
        try:
            if instance.batch_size:
                return dict(await instance.deliver_batch(group, conf.handler_timeout)), False
            await instance.deliver(group[0], conf.handler_timeout)
            return {}, False
        except TimeoutError as error:
            error.add_note(f"not handled within BUS_HANDLER_TIMEOUT ({conf.handler_timeout} s)")
            return dict.fromkeys(range(len(group)), error), True
        except Exception as error:
            return dict.fromkeys(range(len(group)), error), True
        except asyncio.CancelledError:
            self._cut_off = list(group)
            raise
        finally:
            self.busy = 0
            if self._instance is not None and not self._instance.waiting:
                if not await self._instance.stop_thread_too():
                    # Its thread cannot be ended, and every later handler would wait for it.
                    self.worker.replace(f"a handler of {self.channel} hangs in its thread")
                self._instance = None

    async def _settle(
        self, group: list[Delivery], failures: dict[int, BaseException], *, fail: bool
    ) -> None:
        done = [d for i, d in enumerate(group) if i not in failures] if failures else group
        self._done += done
        if self._acknowledging is None:
            self._acknowledging = asyncio.create_task(self._acknowledge())
        self._let_go(done)
        self.worker.count(len(done))
        if failures:
            stock.look_again()
        if fail:
            for position, error in failures.items():
                await self._fail(group[position], error)

    async def _acknowledge(self) -> None:
        """Acknowledge what is handled, while the next message is: one round trip for many."""
        try:
            while self._done:
                if self.held:
                    await self._gather()
                done, self._done = self._done, []
                try:
                    await self._patiently(lambda done=done: self.stream.done(done))  # type: ignore[misc]
                except Stopping:
                    logger.warning(
                        "%s: the broker is away; %d handled messages will be handled once more",
                        self.channel,
                        len(done),
                    )
        finally:
            self._acknowledging = None

    async def _gather(self) -> None:
        self._last_handled.clear()
        timer = asyncio.get_running_loop().call_later(_ACKNOWLEDGE_WITHIN, self._last_handled.set)
        await self._last_handled.wait()
        timer.cancel()

    async def _acknowledged(self) -> None:
        self._last_handled.set()
        if self._acknowledging is not None:
            await self._acknowledging

    async def _sift(self) -> None:
        """Decode what was claimed; bury what cannot be, slow down killers."""
        for delivery in list(self.held):
            if delivery.deliveries > 1 and delivery.attempt > conf.max_attempts:
                delivery.deliveries -= 1  # This one is no attempt.
                await self._bury(delivery, "its worker died with it")
            elif delivery.deliveries > _SUSPECT_DELIVERIES:
                delivery.deliveries -= 1
                await self._set_aside(delivery, "its worker died with it")
            elif (wrong := self._decode(delivery)) is not None:
                await self._bury(delivery, wrong)

    def _decode(self, delivery: Delivery) -> str | None:
        """Fill in the message; returns what is wrong with it."""
        try:
            message = self.layer.deserialize(delivery.payload)
        except Exception as error:
            return f"its payload cannot be decoded: {type(error).__name__}: {error}"
        if not isinstance(message, dict):
            return f"its payload is a {type(message).__name__}, not a dict"
        kind = message.get("type")
        if not isinstance(kind, str) or not kind or kind.startswith("_"):
            return f"its type is {kind!r}, not the name of a handler"
        delivery.message = message
        return None

    async def _fail(self, delivery: Delivery, error: BaseException) -> None:
        if (
            isinstance(error, Undeliverable)
            or _is_unhandled(error)
            or delivery.attempt >= conf.max_attempts
        ):
            await self._bury(delivery, error)
        else:
            await self._set_aside(delivery, error)

    async def _set_aside(self, delivery: Delivery, error: BaseException | str) -> None:
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
        await self._patiently(lambda: self.stream.set_aside(delivery, delay))
        self._let_go([delivery])

    async def _bury(self, delivery: Delivery, error: BaseException | str) -> None:
        logger.error(
            "%s: message %s is a dead letter after %d attempts: %s",
            self.channel,
            delivery.message_id,
            delivery.attempt,
            error if isinstance(error, str) else f"{type(error).__name__}: {error}",
        )
        await self._patiently(lambda: self.stream.bury(delivery, error))
        self._let_go([delivery])

    def _let_go(self, deliveries: list[Delivery]) -> None:
        if len(deliveries) == 1 and self.held and self.held[0] is deliveries[0]:
            del self.held[0]
            return
        gone = {id(d) for d in deliveries}
        self.held = [d for d in self.held if id(d) not in gone]

    async def _servers_answered(self) -> bool:
        """Wait until database and broker answer; returns whether they did so at once."""
        tries = 0
        while not await outage.servers_answer(self.stream):
            tries += 1
            self.worker.outage.begun("the database or the broker does not answer")
            await self._unless_stopping(asyncio.sleep(min(5.0, outage.backoff(tries))))
        self.worker.outage.ended()
        await self._unless_stopping(asyncio.sleep(outage.backoff(1)))
        return tries == 0

    async def _patiently(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do something with the broker, waiting for it while it is away; raises Stopping."""
        tries = 0
        while True:
            try:
                result = await act()
            except Unavailable as error:
                self._answer_lost = True
                if self.worker.stopping.is_set():
                    raise Stopping from error
                tries += 1
                self.worker.outage.begun(str(error))
                await self._unless_stopping(asyncio.sleep(min(5.0, outage.backoff(tries))))
            else:
                if tries:
                    self.worker.outage.ended()
                return result

    async def _unless_stopping(self, waiting: Awaitable[None]) -> None:
        """Wait for something, but no longer than the worker works."""
        stop = asyncio.ensure_future(self.worker.stopping.wait())
        wait = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait([stop, wait], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            wait.cancel()

    async def _put_down(self) -> None:
        """Give back what is held and end the application."""
        cut_off = {id(d) for d in self._cut_off}
        seen = [d for d in self.held if id(d) in cut_off]
        unseen = [d for d in self.held if id(d) not in cut_off]
        if self._instance is not None:
            await self._instance.stop()
        # Whatever this run of the lane has lost sight of, the next one gives back first.
        self._answer_lost = True
        try:
            await self._acknowledged()
            await self.stream.hand_back(self.name, unseen)
            await self.stream.hand_back(self.name, seen, unseen=False)
        except Unavailable:
            logger.warning(
                "%s: %d messages could not be given back; others take them",
                self.channel,
                len(self.held),
            )
        self.held = []


def _is_unhandled(error: BaseException) -> bool:
    """Whether Channels says that the consumer has no method for the message's type."""
    return isinstance(error, ValueError) and str(error).startswith(
        ("No handler for message type", "Malformed type in message")
    )
