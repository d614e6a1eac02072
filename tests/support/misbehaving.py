"""Handlers that note what they do, and that raise, hang, kill their process or take long."""

import asyncio
import ctypes
import json
import os
import signal
import threading
import time
from contextlib import suppress
from typing import Any

from channels.consumer import AsyncConsumer, SyncConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter

from bus.broker import Delivery
from bus.workers.base import BatchConsumer, Failures

Message = dict[str, Any]


def note(what: str, message: Message) -> None:
    """Append one line to the test's record: what was done to which message, by whom, and when."""
    # One clock for all processes of a machine.
    told = {"what": what, "pid": os.getpid(), "at": time.monotonic()}
    line = json.dumps({**told, "key": message["key"], "n": message["n"]}) + "\n"
    # One write with O_APPEND is never torn apart by another process's.
    record = os.open(os.environ["CHAOS_RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(record, line.encode())
    finally:
        os.close(record)


def die() -> None:
    """End this process as the kernel does when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


class Jobs(AsyncConsumer):
    """A stock consumer on the event loop."""

    async def job_note(self, message: Message) -> None:
        """Note it."""
        note("done", message)

    async def job_raise(self, message: Message) -> None:
        """Fail each time."""
        note("raise", message)
        raise RuntimeError("poisoned")

    async def job_hang(self, message: Message) -> None:
        """Never return."""
        note("hang", message)
        await asyncio.Event().wait()

    async def job_block(self, message: Message) -> None:
        """Never return, and leave a thread that nothing can end."""
        note("block", message)
        await asyncio.to_thread(threading.Event().wait)

    async def job_standstill(self, message: Message) -> None:
        """Never return, and let nothing else run on the event loop either."""
        note("standstill", message)
        while True:
            time.sleep(0.5)  # noqa: ASYNC251 - what this is about

    async def job_deadlock(self, message: Message) -> None:
        """The same, in C, where no signal interrupts it and no signal handler of Python's runs."""
        note("deadlock", message)
        c, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(256)
        c.pthread_mutex_init(mutex, None)
        while True:
            c.pthread_mutex_lock(mutex)

    async def job_stubborn(self, message: Message) -> None:
        """Never return, whatever is asked of it."""
        note("stubborn", message)
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)

    async def job_kill(self, message: Message) -> None:
        """Take the process along."""
        note("kill", message)
        die()

    async def job_slowkill(self, message: Message) -> None:
        """Work a little, then take the process along."""
        note("kill", message)
        await asyncio.sleep(0.1)
        die()

    async def job_work(self, message: Message) -> None:
        """Take `seconds`, and note the start and the end."""
        note("start", message)
        await asyncio.sleep(message["seconds"])
        note("end", message)


class SyncJobs(SyncConsumer):
    """A stock consumer in a thread."""

    def job_note(self, message: Message) -> None:
        """Note it."""
        note("done", message)

    def job_hang(self, message: Message) -> None:
        """Never return; nothing can end a thread."""
        note("hang", message)
        threading.Event().wait()


class Batches(BatchConsumer):
    """Takes lists; fails those that say so, and dies of those that say so."""

    async def _parse_and_handle(self, deliveries: Any) -> Failures:
        # These messages are not of our protocol.
        return await self.handle([(delivery, None) for delivery in deliveries])

    async def handle(self, batch: Any) -> Failures:
        """Note what is good, in order."""
        failures: Failures = {}
        for position, (delivery, _) in enumerate(batch):
            self._take(position, delivery, failures)
        return failures

    def _take(self, position: int, delivery: Delivery, failures: Failures) -> None:
        message = delivery.message
        if message["type"] == "job.kill":
            note("kill", message)
            die()
        elif message["type"] == "job.raise":
            note("raise", message)
            failures[position] = RuntimeError("poisoned")
        else:
            note("done", message)


class Lists(BatchConsumer):
    """Two at a time in a backlog, each message of a list after the other."""

    parallel = True

    async def _parse_and_handle(self, deliveries: Any) -> Failures:
        return await self.handle([(delivery, None) for delivery in deliveries])

    async def handle(self, batch: Any) -> Failures:
        """Take `seconds` for each, and note the start and the end."""
        for delivery, _ in batch:
            note("start", delivery.message)
            await asyncio.sleep(delivery.message["seconds"])
            note("end", delivery.message)
        return {}


application = ProtocolTypeRouter(
    {
        "channel": ChannelNameRouter(
            {
                "jobs": Jobs.as_asgi(),
                "syncjobs": SyncJobs.as_asgi(),
                "batches": Batches.as_asgi(),
                "lists": Lists.as_asgi(),
            }
        )
    }
)
