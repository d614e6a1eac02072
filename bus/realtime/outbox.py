"""The outbox of one socket: bounded, joined into few frames, and never in anybody's way."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from bus.conf import conf
from bus.errors import CLOSE_TOO_SLOW

logger = logging.getLogger(__name__)

# What is joined into one frame, in bytes; a larger one would hold up a slow line for long.
_FRAME_LIMIT = 262_144

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Outbox:
    """What one socket has to say, in order; one writer sends it as fast as the peer reads."""

    def __init__(self, send: Send, *, joined: bool) -> None:
        """`joined` puts what waits into one array; else each goes in a frame of its own."""
        self._send = send
        self._joined = joined
        # Frames, and whether each is a reply.
        self._waiting: deque[tuple[bytes, bool]] = deque()
        # What waits, in bytes: events, and replies.
        self._events = 0
        self._replies = 0
        # What the socket is closed with once everything is written.
        self._code: int | None = None
        # Set when the peer is too slow, at once; the close code follows when it reads again.
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._work: asyncio.Future[None] | None = None
        self._relief: asyncio.Future[None] | None = None

    def push(self, frames: list[bytes]) -> None:
        """Say something, without ever waiting; a peer too far behind is closed with 4408."""
        if self._code is not None:
            return
        for frame in frames:
            self._waiting.append((frame, False))
            self._events += len(frame)
        if self._events > conf.outbox_limit:
            self.fail()
        else:
            self._wake()

    def reply(self, frame: bytes) -> None:
        """Answer a command; the answer may be larger than the limit, see `relieved`."""
        if self._code is None:
            self._waiting.append((frame, True))
            self._replies += len(frame)
            self._wake()

    async def relieved(self) -> None:
        """Wait until the answers given are no burden, before the next command is taken."""
        while self._replies > _FRAME_LIMIT and not self.failed.done():
            self._relief = asyncio.get_running_loop().create_future()
            await self._relief

    def fail(self) -> None:
        """Drop what waits and close with 4408: come back and recover."""
        if not self.failed.done():
            self.failed.set_result(None)
            self._waiting.clear()
            self._events = self._replies = 0
            self.finish(CLOSE_TOO_SLOW)
            self._relieve()

    def finish(self, code: int) -> None:
        """Take nothing more; write what waits, then close with this code."""
        if self._code is None:
            self._code = code
            self._wake()

    async def run(self) -> None:
        """Write until finished or until the peer is gone."""
        try:
            while self._waiting or self._code is None:
                if not self._waiting:
                    self._work = asyncio.get_running_loop().create_future()
                    await self._work
                    continue
                await self._write(self._take())
            # No time limit: whoever runs this sets one for the end.
            await self._send({"type": "websocket.close", "code": self._code})
        except Exception as error:
            # Servers raise what they like when the peer is gone.
            logger.debug("A socket is gone: %r", error)

    async def _write(self, frame: bytes) -> None:
        try:
            async with asyncio.timeout(conf.send_timeout):
                await self._send({"type": "websocket.send", "text": frame.decode()})
        except TimeoutError:
            self.fail()

    def _take(self) -> bytes:
        """The next frame: as many as fit, one at least."""
        batch = [self._pop()]
        if self._joined:
            size = len(batch[0])
            while self._waiting and (size := size + len(self._waiting[0][0]) + 1) < _FRAME_LIMIT:
                batch.append(self._pop())
        return batch[0] if len(batch) == 1 else b"[" + b",".join(batch) + b"]"

    def _pop(self) -> bytes:
        frame, is_reply = self._waiting.popleft()
        if is_reply:
            self._replies -= len(frame)
            self._relieve()
        else:
            self._events -= len(frame)
        return frame

    def _wake(self) -> None:
        if self._work is not None and not self._work.done():
            self._work.set_result(None)

    def _relieve(self) -> None:
        if self._relief is not None and not self._relief.done():
            self._relief.set_result(None)
