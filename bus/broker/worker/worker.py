"""A worker process: slots on named channels, a heartbeat, and a clean stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bus import __version__
from bus.broker import outage
from bus.broker.channel_layer import BusChannelLayer
from bus.broker.clock import SteadyClock
from bus.broker.errors import BrokerUnavailable
from bus.broker.redis_urls import Host
from bus.broker.worker.claims import WORK_HELD
from bus.broker.worker.consumer_run import Application
from bus.broker.worker.heartbeat import Heartbeat
from bus.broker.worker.local_workers import new_worker_id
from bus.broker.worker.slot import Backlog, Slot
from bus.broker.worker.watchdog import Watchdog
from bus.conf import conf

logger = logging.getLogger(__name__)

# How much longer the last steps of a stop may take than the drain, in seconds.
_STOP_GRACE = 2.0
# Between two looks for handlers that take long, in seconds.
_LOOK_EVERY = 0.5


def _new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop, which comes with the extra `server`; without it asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _nothing() -> None:
    """Where the worker's owner has nothing to do."""


class Worker:
    """Handles the messages of named channels with an ASGI application until it is told to stop."""

    def __init__(
        self,
        application: Application,
        channels: Sequence[str],
        layer: BusChannelLayer,
        concurrency: int = 1,
        companions: Sequence[Callable[[], Awaitable[None]]] = (),
        on_start: Callable[[], None] = _nothing,
        on_failure: Callable[[], None] = _nothing,
        work_held: float = WORK_HELD,
    ) -> None:
        """`concurrency` slots per channel, each with a run of the application of its own.

        `companions` run beside them until the worker stops, and again when they fail. `on_start` is
        called in the event loop before all else, `on_failure` after each handler that failed. A
        slot claims about `work_held` seconds of work at once for a consumer of single messages.
        """
        self.application = application
        self.channels = list(dict.fromkeys(channels))
        self.layer = layer
        self.concurrency = concurrency
        self.on_start = on_start
        self.on_failure = on_failure
        self.work_held = work_held
        self.id = new_worker_id()
        self.stopping = asyncio.Event()
        # Why this process has to be replaced once it has stopped; None where it may just end.
        self.restart: str | None = None
        self.outage = outage.Outage()
        self.handled = 0
        self.last_handled: float | None = None
        self._started = time.time()
        self.heartbeats: list[Heartbeat] = []
        self._slots: list[Slot] = []
        self._companions = list(companions)
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        """Run in this process until SIGTERM or SIGINT."""
        # What is loaded stays, and most of what a list of messages makes goes with it: looking for
        # garbage as often as Python does by itself costs a tenth of the rate.
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        watchdog = Watchdog(self)
        watchdog.begin()
        # Never left as a context: that would wait, for ever, for handlers that do not end.
        runner = asyncio.Runner(loop_factory=_new_event_loop)
        try:
            runner.run(watchdog.over(self.main()))
        finally:
            ended = runner.run(watchdog.over(_end_tasks()))
            if ended:
                runner.close()
        logging.shutdown()
        sys.stdout.flush()
        # A handler's thread that hangs would keep Python from ending.
        hangs = any(not t.daemon for t in threading.enumerate() if t is not threading.main_thread())
        watchdog.leave(clean=ended and not hangs)

    async def main(self) -> None:
        """Work until stopped, then finish or give back what is held."""
        loop = self._loop = asyncio.get_running_loop()
        self.on_start()
        self.heartbeats = self._heartbeats()
        for heartbeat in self.heartbeats:
            await self._first_beat(heartbeat)
            heartbeat.start()
        try:
            await self._work()
        finally:
            for heartbeat in self.heartbeats:
                heartbeat.stop()
            # A broker that is silent must not hold up the end.
            await asyncio.wait([asyncio.ensure_future(self._leave())], timeout=_STOP_GRACE)
            # A handler's thread that hangs must not hold up the loop's end, which waits for all.
            loop.set_default_executor(ThreadPoolExecutor(1))
        logger.info("Worker stopped after %d messages.", self.handled)

    def stop(self) -> None:
        """Take nothing new; called again, it changes nothing."""
        self.restart = None
        if not self.stopping.is_set():
            logger.info("Worker stops: it finishes what it holds.")
            self.stopping.set()

    def replace(self, reason: str) -> None:
        """Stop, and have this process start anew: some of it cannot be mended from inside."""
        if not self.stopping.is_set():
            logger.warning("The worker starts anew: %s", reason)
            self.restart = reason
            self.stopping.set()

    def replace_soon(self, reason: str) -> None:
        """The same, from another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.replace, reason)

    def count(self, handled: int) -> None:
        """Note that messages were handled."""
        if handled:
            self.handled += handled
            self.last_handled = time.time()

    def about(self) -> dict[str, Any]:
        """What the heartbeat tells; times in seconds since 1970."""
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "channels": self.channels,
            "in_flight": sum(len(slot.in_flight) for slot in self._slots),
            "handled": self.handled,
            "last_handled": self.last_handled,
            "started": self._started,
            "version": __version__,
            "trouble": {slot.channel: slot.trouble for slot in self._slots if slot.trouble},
        }

    def in_flight(self) -> list[str]:
        """The channels of which it holds messages."""
        return list(dict.fromkeys(slot.channel for slot in self._slots if slot.in_flight))

    def _heartbeats(self) -> list[Heartbeat]:
        """One for each broker host, so that a silent one does not silence the others."""
        by_clock: dict[SteadyClock, list[tuple[str, Host]]] = {}
        for channel in self.channels:
            base_and_host = self.layer.stream(channel).base, self.layer.host_of(channel)
            by_clock.setdefault(self.layer.clock_of(channel), []).append(base_and_host)
        return [Heartbeat(self.id, found, self.about, clock) for clock, found in by_clock.items()]

    async def _first_beat(self, heartbeat: Heartbeat) -> None:
        tries = 0
        while not await asyncio.to_thread(heartbeat.beat) and not self.stopping.is_set():
            tries += 1
            self.outage.begun("the broker does not answer.")
            await asyncio.wait(
                [asyncio.ensure_future(self.stopping.wait())],
                timeout=min(5.0, outage.backoff(tries)),
            )
        self.outage.ended()

    async def _work(self) -> None:
        self._slots = [slot for channel in self.channels for slot in self._slots_of(channel)]
        tasks = [
            asyncio.ensure_future(
                self._supervise(f"The slot {slot.name} of {slot.channel}", slot.run)
            )
            for slot in self._slots
        ]
        beside = [
            asyncio.ensure_future(self._supervise(getattr(act, "__name__", str(act)), act))
            for act in (self._extend_leases, self._release_waiting, *self._companions)
        ]
        logger.info("Worker %s listens on %s.", self.id, ", ".join(self.channels))
        await self.stopping.wait()
        _, late = await asyncio.wait(tasks, timeout=min(_STOP_GRACE, conf.drain_timeout))
        for slot, task in zip(self._slots, tasks, strict=True):
            if task in late and not slot.in_flight:
                # All it waits for is a broker that is silent.
                task.cancel()
        if late:
            _, late = await asyncio.wait(late, timeout=max(0, conf.drain_timeout - _STOP_GRACE))
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=_STOP_GRACE)
        for task in beside:
            task.cancel()
        await asyncio.wait(beside, timeout=_STOP_GRACE)

    def _slots_of(self, channel: str) -> list[Slot]:
        """Its slots, and one that helps in a backlog: while one waits for the database or the
        broker, the other works on."""
        backlog = Backlog()
        slots = [Slot(self, channel, number, backlog) for number in range(self.concurrency)]
        return [*slots, Slot(self, channel, self.concurrency, backlog, helps=True)]

    async def _supervise(self, name: str, act: Callable[[], Awaitable[None]]) -> None:
        """Run something, and run it again when it dies of something nobody foresaw."""
        deaths = 0
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                await act()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                logger.exception("%s was cancelled from within; it starts again.", name)
            except Exception:
                deaths = 1 if time.monotonic() - began > 60 else deaths + 1
                logger.exception("%s died; it starts again.", name)
                stop = asyncio.ensure_future(self.stopping.wait())
                await asyncio.wait([stop], timeout=outage.backoff(deaths))
                stop.cancel()

    async def _extend_leases(self) -> None:
        """Keep hold of what takes longer than the visibility timeout while this process lives."""
        while True:
            await asyncio.sleep(conf.visibility_timeout / 3)
            # Together, so that a host that is silent does not keep the others waiting.
            await asyncio.gather(*(self._extend_lease(slot) for slot in self._slots))

    async def _release_waiting(self) -> None:
        """Keep no message waiting behind a slow handler that another worker could take."""
        while True:
            releases = [asyncio.ensure_future(slot.release_waiting()) for slot in self._slots]
            await asyncio.sleep(_LOOK_EVERY)
            # One whose broker is silent goes on beside the next look.
            await asyncio.gather(*(release for release in releases if release.done()))

    async def _extend_lease(self, slot: Slot) -> None:
        try:
            await slot.extend_lease()
        except BrokerUnavailable as error:
            self.outage.begun(str(error))

    async def _leave(self) -> None:
        try:
            for channel in self.channels:
                await self.layer.stream(channel).retire(self.id)
        except BrokerUnavailable as error:
            logger.debug("The broker forgets this worker by itself: %s", error)
        await self.layer.close()


async def _end_tasks() -> bool:
    """Cancel what still runs on this loop; returns whether all of it ended."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        _, left = await asyncio.wait(left, timeout=_STOP_GRACE)
    return not left
