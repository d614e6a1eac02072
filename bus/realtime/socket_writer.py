"""The writer of one socket: bounded, joined into few frames, and never in anybody's way."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from bus.conf import conf
from bus.protocol.errors import CLOSE_BAD_FRAME, CLOSE_TOO_MANY, CLOSE_TOO_SLOW
from bus.realtime.prepared_frames import PreparedFrames
from bus.servers.daphne import backlog_of, close_code
from bus.servers.uvicorn_socket import (
    DirectWrite,
    abort_unread,
    bound_reads,
    direct_writer,
    release_handshake,
    stop_reading,
)
from bus.servers.websocket_frames import FRAME_LIMIT, text_frame

logger = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]


class SocketWriter:
    """Writes frames to one socket, in order, as fast as the peer reads.

    While the peer keeps up, and the server has a way for it, frames are written at once. What
    cannot be written waits for a task, which lives as long as something waits.
    """

    __slots__ = (
        "_close_code", "_direct", "_event_bytes", "_gone", "_joined", "_loop", "_on_end",
        "_replies_fit", "_reply_bytes", "_send", "_server_backlog", "_task", "_waiting", "failed",
    )  # fmt: skip

    def __init__(
        self, send: Send, *, joined: bool, on_end: Callable[[], object] = lambda: None
    ) -> None:
        """`joined` puts what waits into one array; else each goes in a frame of its own.

        `on_end` is called once the peer is too slow, or gone.
        """
        self._send = send
        self._joined = joined
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        # Writes at once, where the server has a way for that.
        self._direct: DirectWrite | None = None
        # What the server keeps by itself, where its `send` never waits.
        self._server_backlog: Callable[[], int] | None = None
        # Frames, and whether each is a reply; none for most sockets at most times.
        self._waiting: deque[tuple[bytes, bool]] | None = None
        # What waits, in bytes: events, and replies.
        self._event_bytes = 0
        self._reply_bytes = 0
        # What the socket is closed with once everything is written.
        self._close_code: int | None = None
        # Whether the peer is too slow; the close code follows when it reads again.
        self.failed = False
        self._gone = False
        self._task: asyncio.Task[None] | None = None
        self._replies_fit: asyncio.Future[None] | None = None

    def open(self) -> None:
        """The socket is accepted: from now on frames may be written at once."""
        self._direct = direct_writer(self._send)
        self._server_backlog = backlog_of(self._send)
        bound_reads(self._send)
        release_handshake(self._send)

    def push(self, prepared: PreparedFrames) -> None:
        """Write frames, without ever waiting; a peer too far behind is closed with 4408."""
        if self._close_code is not None:
            return
        if self._task is None and self._direct is not None:
            ready = prepared.joined if self._joined else prepared.separate
            if self._direct(ready):
                return
        self._event_bytes += prepared.size
        self._queue().extend([(frame, False) for frame in prepared.frames])
        kept = 0 if self._server_backlog is None else self._server_backlog()
        if self._event_bytes + kept > conf.outbox_limit:
            self.fail()
        else:
            self._write_later()

    def reply(self, frame: bytes) -> None:
        """Answer a command; the answer may be larger than the limit, see `until_replies_fit`."""
        if self._close_code is not None:
            return
        if self._task is None and self._direct is not None and self._direct(text_frame(frame)):
            return
        self._queue().append((frame, True))
        self._reply_bytes += len(frame)
        self._write_later()

    async def until_replies_fit(self) -> None:
        """Wait until few replies are unwritten, before the next command is taken."""
        while self._reply_bytes > FRAME_LIMIT and not self.failed and not self._gone:
            self._replies_fit = self._loop.create_future()
            await self._replies_fit

    def fail(self) -> None:
        """Drop what waits and close with 4408: come back and recover."""
        if not self.failed:
            self.failed = True
            self._waiting = None
            self._event_bytes = self._reply_bytes = 0
            self.finish(CLOSE_TOO_SLOW)
            self._resume_commands()
            self._on_end()

    def finish(self, code: int) -> None:
        """Take nothing more; write what waits, then close with this code."""
        if self._close_code is None:
            self._close_code = code
            self._write_later()

    async def written(self) -> None:
        """Wait until nothing waits: all is written, and after `finish` the close, too."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def abandon(self, grace: float) -> None:
        """Write nothing more; a peer that does not read is cut off after a grace, in seconds."""
        if self._task is not None:
            self._task.cancel()
        abort_unread(self._send, grace)

    def _write_later(self) -> None:
        if self._task is None and not self._gone:
            self._task = self._loop.create_task(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                await self._write(self._take(self._waiting))
            if self._close_code is not None:
                # No time limit: whoever waits for this sets one for the end.
                code = close_code(self._send, self._close_code)
                await self._send({"type": "websocket.close", "code": code})
                self._gone = True
                if self._close_code in (CLOSE_BAD_FRAME, CLOSE_TOO_MANY):
                    stop_reading(self._send)
        except Exception as error:
            # Servers raise what they like when the peer is gone.
            logger.debug("A socket is gone: %r", error)
            self._gone = True
            self._waiting = None
            self._resume_commands()
            self._on_end()
        finally:
            self._task = None
            if not self._waiting:
                self._waiting = None

    async def _write(self, frame: bytes) -> None:
        try:
            async with asyncio.timeout(conf.send_timeout):
                await self._send({"type": "websocket.send", "text": frame.decode()})
        except TimeoutError:
            self.fail()

    def _queue(self) -> deque[tuple[bytes, bool]]:
        if self._waiting is None:
            self._waiting = deque()
        return self._waiting

    def _take(self, waiting: deque[tuple[bytes, bool]]) -> bytes:
        """The next frame: as many as fit, one at least."""
        batch = [self._pop(waiting)]
        if self._joined:
            size = len(batch[0])
            while waiting and (size := size + len(waiting[0][0]) + 1) < FRAME_LIMIT:
                batch.append(self._pop(waiting))
        return batch[0] if len(batch) == 1 else b"[" + b",".join(batch) + b"]"

    def _pop(self, waiting: deque[tuple[bytes, bool]]) -> bytes:
        frame, is_reply = waiting.popleft()
        if is_reply:
            self._reply_bytes -= len(frame)
            self._resume_commands()
        else:
            self._event_bytes -= len(frame)
        return frame

    def _resume_commands(self) -> None:
        if self._replies_fit is not None and not self._replies_fit.done():
            self._replies_fit.set_result(None)
