"""One run of the application for one channel: asking for the next message acknowledges the last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from asgiref.sync import sync_to_async

from bus.broker.delivery import Delivery

Application = Callable[[dict[str, Any], Callable[..., Any], Callable[..., Any]], Awaitable[None]]

# What a consumer sends before its first `receive()` to get lists; {"size": most messages}, and
# {"parallel": True} where a second run of it may have another list beside its own.
BATCH_ACCEPT = "bus.batch.accept"
# What it gets then: {"deliveries": [Delivery, ...]}.
BATCH = "bus.batch"
_STOP_TIMEOUT = 2.0
# What it sends for those of the list that failed; {"failures": {position: exception}}.
BATCH_FAILED = "bus.batch.failed"


class ConsumerRun:
    """One run of the application, fed one delivery, or one list of them, at a time."""

    def __init__(self, application: Application, channel: str) -> None:
        scope = {"type": "channel", "channel": channel, "extensions": {BATCH: {}}}
        self.batch_size = 0
        self.parallel = False
        self._loop = asyncio.get_running_loop()
        self._failures: dict[int, Exception] = {}
        # Set while the application waits in receive(); the answer to its call.
        self._asked: asyncio.Future[dict[str, Any]] | None = None
        # Set by receive(), or by the end of the run: what was delivered is over.
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._run: asyncio.Future[None] = asyncio.ensure_future(
            _run(application, scope, self._receive, self._send)
        )
        self._run.add_done_callback(self._ended)

    @property
    def alive(self) -> bool:
        """Whether the application still runs."""
        return not self._run.done()

    @property
    def waiting(self) -> bool:
        """Whether it waits for a message; if not, it is busy, stuck or over."""
        return self.alive and self._asked is not None and not self._asked.done()

    async def start(self) -> None:
        """Wait until the application asks for its first message; raises what it raised."""
        await self._over

    async def deliver(self, delivery: Delivery, timeout: float) -> None:
        """Hand over one message and wait until it is handled; raises what the handler raised."""
        await self._hand_over(delivery.message, timeout)

    async def deliver_batch(
        self, deliveries: Sequence[Delivery], timeout: float
    ) -> dict[int, Exception]:
        """Hand over a list and wait until it is handled; returns the failed, by position."""
        self._failures = {}
        await self._hand_over({"type": BATCH, "deliveries": list(deliveries)}, timeout)
        return self._failures

    async def stop(self) -> bool:
        """End the run, whatever it is doing; returns False where it does not end."""
        self._run.cancel()
        await asyncio.wait([self._run], timeout=_STOP_TIMEOUT)
        return self._run.done()

    async def stop_thread_too(self) -> bool:
        """The same; returns False, too, where its handler goes on in the thread of sync handlers.

        Cancelling ends the wait for a thread, never what the thread does.
        """
        was_over = self._run.done()
        return await self.stop() and (was_over or await _thread_is_free())

    async def _hand_over(self, message: dict[str, Any], timeout: float) -> None:
        if self._asked is None or not self.waiting:
            raise RuntimeError("the application is not waiting for a message")
        over = self._over = self._loop.create_future()
        self._asked.set_result(message)
        # A timer and a future: `asyncio.timeout` costs more than a small handler.
        timer = self._loop.call_later(timeout, _expire, over)
        try:
            await over
        finally:
            timer.cancel()

    async def _receive(self) -> dict[str, Any]:
        self._asked = self._loop.create_future()
        if not self._over.done():
            self._over.set_result(None)
        return await self._asked

    async def _send(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == BATCH_ACCEPT:
            self.batch_size = int(message["size"])
            self.parallel = bool(message.get("parallel"))
        elif kind == BATCH_FAILED:
            self._failures.update(message["failures"])
        else:
            raise ValueError(f"A channel's application may not send {kind!r}")

    def _ended(self, run: asyncio.Future[None]) -> None:
        error: BaseException | None
        if run.cancelled():
            # By itself: who stops a run does not wait for what it handles.
            error = RuntimeError("the handler was cancelled from within")
        else:
            error = run.exception()
            if error is None and self.batch_size:
                # A single message is handled by an application that ends; of a list nobody knows.
                error = RuntimeError("the application ended with a list in its hands")
        if self._over.done():
            return
        if error is not None:
            self._over.set_exception(error)
        else:
            self._over.set_result(None)


async def _run(application: Application, *args: Any) -> None:
    """Run the application; a handler that wants to end the process fails like any other."""
    try:
        await application(*args)
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"the handler raised {error!r}") from error


async def _thread_is_free() -> bool:
    """Whether the thread of sync handlers, and one of the loop's own threads, take work."""
    loop = asyncio.get_running_loop()
    probes = [asyncio.ensure_future(sync_to_async(int)()), loop.run_in_executor(None, int)]
    _, stuck = await asyncio.wait(probes, timeout=_STOP_TIMEOUT)
    for probe in stuck:
        probe.cancel()
    return not stuck


def _expire(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_exception(TimeoutError())
