"""An open WebSocket between its transport and its application: frames in, frames out, and its end.

It has the bounds of `BoundedWebSocket`: of pings, pongs and pieces a number, of messages a size,
and what the peer does not read is not answered.

Read: uvicorn 0.54.0 (server.py).
Relies on:
    uvicorn.server: logger
"""

from __future__ import annotations

import asyncio
from typing import Any

from bus.conf.extras import brought_by
from bus.protocol.errors import CLOSE_BAD_FRAME, CLOSE_RESTART, CLOSE_TOO_MANY
from bus.servers import websocket_frames as frames
from bus.servers.receive_queue import ReceiveQueue
from bus.servers.websocket_keepalive import Keepalive
from bus.servers.websocket_parser import (
    BAD_DATA,
    BINARY,
    CLOSE,
    FAULT,
    PING,
    PONG,
    TEXT,
    FrameParser,
)
from bus.token_bucket import TokenBucket

with brought_by("server"):
    from uvicorn.server import logger

# What a peer may say before it is let in; no browser says a word.
EARLY_LIMIT = 16_384
# Between the last word and the end of the connection, in seconds.
LAST_WORD = 1.0
# How long the peer has to answer our close frame, in seconds, as uvicorn has it.
_CLOSE_TIMEOUT = 10.0
# What may wait for the application before no more is read: messages, and bytes.
_AHEAD_COUNT = 8
_AHEAD_BYTES = 16_384
_KEEPALIVE_FAILED = 1011

Message = dict[str, Any]


class OpenWebSocket(asyncio.Protocol):
    """One WebSocket; before it is accepted, what comes waits."""

    __slots__ = (
        "_ahead", "_bucket", "_close_timer", "_drained", "_early", "_keepalive", "_parser",
        "_paused", "accepted", "close_sent", "ended", "received", "transport",
    )  # fmt: skip

    # Frames a second that never come to the application, on average, and at once.
    frame_rate = 100.0
    frame_burst = 500

    def __init__(
        self, transport: Any, parser: FrameParser, keepalive: Keepalive | None = None
    ) -> None:
        self.transport = transport
        self._parser = parser
        self._keepalive = keepalive
        # What the application is to hear.
        self.received = ReceiveQueue()
        # Whether the handshake is answered; whether we said goodbye, or the peer or the server did.
        self.accepted = self.close_sent = self.ended = False
        self._close_timer: asyncio.TimerHandle | None = None
        # What came before the answer to the handshake.
        self._early = b""
        # Set once the peer reads again; None while it does.
        self._drained: asyncio.Event | None = None
        # Bytes that came since the application had taken all; whether reading has stopped.
        self._ahead = 0
        self._paused = False
        # Most sockets never say anything that needs one.
        self._bucket: TokenBucket | None = None

    # ── The transport ────────────────────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        """Hand the application what is whole, and keep the rest."""
        if not self.accepted:
            self._early += data
            if len(self._early) > EARLY_LIMIT:
                self.transport.abort()
            return
        if not self.transport.is_closing():
            self._hear(data)
        if self.transport.is_closing():
            # It waits for a peer that does not read, for ever.
            self._abort_later()

    def pause_writing(self) -> None:
        """The peer does not read."""
        if self._drained is None:
            self._drained = asyncio.Event()

    def resume_writing(self) -> None:
        """It reads again."""
        if self._drained is not None:
            self._drained.set()
            self._drained = None

    async def drained(self) -> None:
        """Wait while the peer does not read."""
        if self._drained is not None:
            await self._drained.wait()

    # ── What the application says ────────────────────────────────────────────────────────────────

    def write_frames(self, data: bytes) -> bool:
        """Write ready frames now; False where the peer is behind, or the socket is closing."""
        transport = self.transport
        if self._drained is not None or self.close_sent or transport.is_closing():
            return False
        transport.write(data)
        return True

    def open(self) -> None:
        """The handshake is answered; take what was said too early."""
        self.accepted = True
        if self._keepalive is not None:
            self._keepalive.add(self)
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, and wait for the peer's; raises ValueError, see `close_frame`."""
        if self.transport.is_closing():
            return
        goodbye = frames.close_frame(code, reason)
        self.disconnect(code, reason=reason)
        self.transport.write(goodbye)
        self.close_sent = True
        self._stop_pings()
        self._resume()
        loop = asyncio.get_running_loop()
        self._close_timer = loop.call_later(_CLOSE_TIMEOUT, self.transport.close)

    def hang_up(self) -> None:
        """Say that the process ends, and wait for nothing."""
        self._stop_pings()
        if not self.close_sent and not self.ended:
            self.ended = True
            self.disconnect(CLOSE_RESTART)
            self.transport.write(frames.close_frame(CLOSE_RESTART))
        self._forget_close_timer()
        self.transport.close()

    @property
    def waits_for_goodbye(self) -> bool:
        """Whether the peer has time to answer our close frame."""
        return self._close_timer is not None

    def lose(self) -> None:
        """The connection is gone: nothing drains any more, and nobody may wait for that."""
        self._stop_pings()
        self._forget_close_timer()
        self.resume_writing()

    def disconnect(self, code: int, **more: str) -> None:
        """Have the application hear of the end."""
        self.received.put_nowait({"type": "websocket.disconnect", "code": code, **more})

    # ── What the peer says ───────────────────────────────────────────────────────────────────────

    def _hear(self, data: bytes) -> None:
        received = self.received
        waiting = not received.empty()
        for kind, value in self._parser.feed(data):
            if kind == TEXT and not self.close_sent:
                received.put_nowait({"type": "websocket.receive", "text": value})
            elif not self._take(kind, value):
                return
        # Nothing is asked of the kernel for what the application takes at once.
        self._ahead = self._ahead + len(data) if waiting else len(data)
        if received and (self._ahead > _AHEAD_BYTES or len(received) > _AHEAD_COUNT):
            self._pause()

    def _take(self, kind: int, value: Any) -> bool:
        """Take what is no whole text of an open socket; False where nothing more is heard."""
        if kind == CLOSE:
            self._take_close(*value)
            return False
        if kind == FAULT:
            self._fail(*value)
            return False
        if kind == BINARY and not self.close_sent:
            self.received.put_nowait({"type": "websocket.receive", "bytes": value})
        elif not self._count():
            return False
        elif kind == PING and self._drained is None:
            # Unless the last answers are not read yet: only the last ping needs one.
            self.transport.write(frames.pong_frame(value))
        elif kind == PONG and self._keepalive is not None:
            self._keepalive.answered(self, value)
        return True

    def _take_close(self, code: int, reason: str, payload: bytes) -> None:
        if self.close_sent:
            # It answers ours.
            if self._close_timer is not None:
                self._forget_close_timer()
                self.transport.close()
            return
        self.disconnect(code, reason=reason)
        self.ended = True
        self.transport.write(frames.echoed_close(payload))
        self.transport.close()

    def _fail(self, code: int, reason: str) -> None:
        """The peer broke the rules, or a bound."""
        if code == CLOSE_BAD_FRAME:
            self._end(code)
            return
        if code == BAD_DATA and not reason:
            logger.error("Invalid UTF-8 sequence received from client.")
        self.disconnect(code, reason=reason)
        self._write_last(code, reason)
        self.transport.close()

    def _count(self) -> bool:
        """Whether one more frame that the application does not hear of is no burden."""
        if self._bucket is None:
            self._bucket = TokenBucket(self.frame_rate, self.frame_burst)
        if not self._bucket.take():
            return True
        self._end(CLOSE_TOO_MANY)
        return False

    def _end(self, code: int) -> None:
        """Say why, hear nothing more, and be gone in a moment."""
        self._parser.ended = True
        self.disconnect(code)
        if self.close_sent or self._drained is not None:
            self.transport.abort()
            return
        self._write_last(code, "")
        # It may still read why.
        self._paused, self.received.on_empty = False, None
        self.transport.pause_reading()
        loop = asyncio.get_running_loop()
        self._close_timer = loop.call_later(LAST_WORD, self.transport.abort)

    def _write_last(self, code: int, reason: str) -> None:
        """Say goodbye, unless that is said."""
        self._stop_pings()
        if not self.close_sent:
            self.close_sent = True
            self.transport.write(frames.close_frame(code, reason))

    # ── Pings of ours, and pauses ────────────────────────────────────────────────────────────────

    def ping(self, payload: bytes) -> None:
        """Ask whether the peer is there."""
        if not self.transport.is_closing():
            self.transport.write(frames.ping_frame(payload))

    def expire(self) -> None:
        """The peer answered no ping: close, and do not wait for it to read that."""
        if not self.transport.is_closing():
            self._write_last(_KEEPALIVE_FAILED, "keepalive ping timeout")
            self.transport.close()
            self._abort_later()

    def _pause(self) -> None:
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.received.on_empty = self._resume
            self.transport.pause_reading()

    def _resume(self) -> None:
        if self._paused:
            self._paused, self.received.on_empty = False, None
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def _stop_pings(self) -> None:
        if self._keepalive is not None:
            self._keepalive.remove(self)

    def _forget_close_timer(self) -> None:
        if self._close_timer is not None:
            self._close_timer.cancel()
            self._close_timer = None

    def _abort_later(self) -> None:
        asyncio.get_running_loop().call_later(LAST_WORD, self.transport.abort)
