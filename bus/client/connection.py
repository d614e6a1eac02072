"""One WebSocket: commands out, replies and events in."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bus.client.constants import CLOSE_BAD_FRAME, CLOSE_RESTART
from bus.client.errors import Rejected, TooLong, Unanswered
from bus.client.frames import (
    Data,
    Item,
    command,
    is_too_long,
    items_of,
)

logger = logging.getLogger(__name__)

ANSWER = 10.0  # s until a command counts as unanswered
PROBE = 5.0  # s to wait for a reply before asking whether anybody is there


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a client waits, in seconds: see ANSWER and PROBE."""

    answer: float = ANSWER
    probe: float = PROBE


class Connection:
    """A session's socket, from its first frame to its end."""

    def __init__(
        self, socket: ClientConnection, take: Callable[[Item], None], waits: Waits
    ) -> None:
        self.waits = waits
        self._socket = socket
        self._take = take
        # How long a message and a frame may be, as the session's first frame says.
        self.limits: Data = {}
        self._replies: dict[str, asyncio.Future[Data]] = {}
        self._refs = itertools.count(1)
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._probing: asyncio.Task[None] | None = None
        self._over: asyncio.Future[int] = self._loop.create_future()

    async def run(self, heartbeat: float) -> int:
        """Read until the connection ends, or nobody is there any more; the close code."""
        tasks = [
            self._loop.create_task(self._read()),
            self._loop.create_task(self._beat(heartbeat)),
        ]
        try:
            return await self._over
        finally:
            for task in [*tasks, *filter(None, [self._probing])]:
                task.cancel()
            self._refuse_waiting()
            self.abort()

    async def first(self) -> Item:
        """The first frame; raises ConnectionClosed when there is none."""
        first, *more = items_of(await self._socket.recv())
        for item in more:
            self._loop.call_soon(self._handle, item)
        return first

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._over.done()

    async def command(self, type: str, data: Data, wait: float | None = None) -> Data:
        """Ask; the reply's data, or Rejected."""
        ref = str(next(self._refs))
        frame = command(ref, type, data)
        if is_too_long(frame, data, self.limits):
            raise TooLong
        reply: asyncio.Future[Data] = self._loop.create_future()
        self._replies[ref] = reply
        try:
            async with asyncio.timeout(self.waits.answer if wait is None else wait):
                await self._socket.send(frame)
                return await reply
        except (TimeoutError, ConnectionClosed):
            raise Unanswered from None
        finally:
            del self._replies[ref]

    def probe(self, wait: float | None = None) -> None:
        """Ask whether anybody is there, and end the connection when nobody is."""
        if self._probing is None or self._probing.done():
            self._probing = self._loop.create_task(
                self._probe(self.waits.probe if wait is None else wait)
            )

    def end(self, code: int) -> None:
        """End it, as if the server had closed with that code."""
        if not self._over.done():
            self._over.set_result(code)

    def abort(self) -> None:
        """Drop the socket; a dead peer would not answer a closing handshake."""
        self._socket.transport.abort()

    def leave_in(self, seconds: float) -> None:
        """End it then, because the server asked; unless it closes first."""
        self._loop.call_later(seconds, self.end, CLOSE_RESTART)

    def _refuse_waiting(self) -> None:
        code = self._over.result() if self.over and not self._over.cancelled() else None
        waiting = [reply for reply in self._replies.values() if not reply.done()]
        for reply in waiting:
            # Of what has no answer, the first is what the server could not take.
            poison = code == CLOSE_BAD_FRAME and reply is waiting[0]
            reply.set_exception(TooLong() if poison else Unanswered())
            reply.exception()  # whoever asked may be gone, too

    async def _probe(self, wait: float) -> None:
        asked = self._loop.time()
        try:
            await self.command("session.ping", {}, wait)
        except Rejected:
            if self._heard <= asked:
                self.end(1006)

    async def _beat(self, heartbeat: float) -> None:
        while True:
            idle = self._loop.time() - self._heard
            if idle >= heartbeat:
                self.probe(self.waits.answer)
                idle = 0
            await asyncio.sleep(heartbeat - idle)

    async def _read(self) -> None:
        try:
            while True:
                text = await self._socket.recv()
                self._heard = self._loop.time()
                for item in items_of(text):
                    self._handle(item)
        except ConnectionClosed as closed:
            self.end(closed.rcvd.code if closed.rcvd else 1006)
        except Exception:
            logger.exception("The server said what this client cannot read; it connects again.")
            self.end(1006)

    def _handle(self, item: Item) -> None:
        if item.type != "reply":
            self._take(item)
            return
        reply = self._replies.get(item.ref or "")
        if reply is None or reply.done():
            return
        if item.ok:
            reply.set_result(item.data)
        else:
            reply.set_exception(Rejected.from_wire(item.error))
