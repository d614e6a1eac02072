"""uvicorn's WebSocket protocol, with an end to what a peer can make the server itself do.

Channels counts what comes to the application. Pings, pongs, close frames and pieces of messages
never do: the server answers or keeps them, without a look at how many there are, nor at whether the
peer reads its answers.

Read: uvicorn 0.54.0 (websockets_sansio_impl.py), websockets 17.4 (protocol.py, server.py).
Relies on:
    uvicorn.protocols.websockets.websockets_sansio_impl.WebSocketsSansIOProtocol:
        conn, queue, writable, transport, close_sent, close_timer, read_paused, default_headers,
        handshake_initiated, handshake_complete, start_keepalive, stop_keepalive,
        keepalive_timeout, handle_ping, handle_pong, handle_cont, handle_text, handle_bytes
    websockets.protocol.Protocol: reader, current_size, data_to_send, send_close
    websockets.server.ServerProtocol: handshake_exc, available_extensions, reject
    websockets.streams.StreamReader: buffer
"""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.frames import Frame
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from bus.conf import conf
from bus.conf.extras import brought_by
from bus.http import security_headers
from bus.protocol.errors import CLOSE_BAD_FRAME, CLOSE_TOO_MANY
from bus.servers.open_websocket import EARLY_LIMIT, LAST_WORD, OpenWebSocket
from bus.servers.refusal import refusal
from bus.token_bucket import TokenBucket

with brought_by("server"):
    from uvicorn.config import Config
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
    from uvicorn.server import ServerState

# What is taken apart before the next look at the bounds: some 700 of the smallest frames.
_SLICE = 4096
# The largest header of a frame.
_FRAME_HEADER = 14
# What may be unread of a control frame between two pieces of a message, in bytes.
_CONTROL_LIMIT = 125


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket: what only the server sees has a rate and a size, and so have its answers."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = _Handshake(
            extensions=self.conn.available_extensions,
            max_size=config.ws_max_size,
            logger=self.logger,
        )
        # Most sockets never say anything that needs one.
        self._bucket: TokenBucket | None = None
        # What came before the socket was accepted.
        self._early = b""
        # Whether it crossed a bound, and is about to be cut off.
        self._ended = False

    def data_received(self, data: bytes) -> None:
        """Take what came apart, a slice at a time, until a bound is crossed."""
        if self.handshake_initiated and not self.handshake_complete:
            self._wait_with(data)
            return
        for start in range(0, len(data), _SLICE):
            if self._ended or self.transport.is_closing():
                break
            super().data_received(data[start : start + _SLICE])
            self._look_at_bounds()
        if self.transport.is_closing():
            # It waits for a peer that does not read, for ever.
            self.loop.call_later(LAST_WORD, self.transport.abort)

    def start_keepalive(self) -> None:
        """The socket is accepted: hear what was said too early."""
        super().start_keepalive()
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def handle_ping(self) -> None:
        """Answer, unless the last answers are not read yet: only the last ping needs one."""
        if self._count() and self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_pong(self, event: Frame) -> None:
        """Take an answer to our ping, or one to nothing."""
        if self._count():
            super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """Take a piece of a message."""
        if self._count():
            super().handle_cont(event)

    def handle_text(self, event: Frame) -> None:
        """Take a message, or the first piece of one."""
        if (event.fin and not self.close_sent) or self._count():
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Take a binary message, or the first piece of one."""
        if (event.fin and not self.close_sent) or self._count():
            super().handle_bytes(event)

    def keepalive_timeout(self) -> None:
        """The peer answered no ping: close, and do not wait for it to read that."""
        super().keepalive_timeout()
        self.loop.call_later(LAST_WORD, self.transport.abort)

    def _wait_with(self, data: bytes) -> None:
        self._early += data
        if len(self._early) > EARLY_LIMIT:
            self.transport.abort()

    def _look_at_bounds(self) -> None:
        """Refuse a handshake that nobody can read, and a message that is too large already."""
        if self.conn.state is State.CONNECTING:
            if self.conn.handshake_exc is not None and not self.handshake_initiated:
                self._refuse()
            return
        # websockets keeps the pieces until the message is whole, uvicorn once more.
        unread = len(self.conn.reader.buffer) + (self.conn.current_size or 0)
        if (
            unread > conf.frame_limit + _FRAME_HEADER + _CONTROL_LIMIT
            and self.conn.state is State.OPEN
        ):
            self._end(CLOSE_BAD_FRAME)

    def _count(self) -> bool:
        """Whether one more frame is no burden; else the socket is at its end."""
        if self._ended or self.transport.is_closing():
            return False
        if self._bucket is None:
            self._bucket = TokenBucket(OpenWebSocket.frame_rate, OpenWebSocket.frame_burst)
        if not self._bucket.take():
            return True
        self._end(CLOSE_TOO_MANY)
        return False

    def _end(self, code: int) -> None:
        """Say why, hear nothing more, and be gone in a moment."""
        self._ended = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code})
        self.stop_keepalive()
        self.conn.data_to_send()
        if self.close_sent or not self.writable.is_set() or self.conn.state is not State.OPEN:
            self.transport.abort()
            return
        self.conn.send_close(code)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        # It may still read why; and `receive` would have it heard again.
        self.read_paused = False
        self.transport.pause_reading()
        self.close_timer = self.loop.call_later(LAST_WORD, self.transport.abort)

    def _refuse(self) -> None:
        """Answer a handshake that could not be read; uvicorn would leave it open, and silent."""
        answer = b"".join(self.conn.data_to_send())
        self.transport.write(answer or refusal(400, self.default_headers))
        self.handshake_complete = self.close_sent = True
        self.transport.close()


class _Handshake(ServerProtocol):
    """websockets' half of the connection; what it refuses has the headers of all our answers."""

    def reject(self, status: Any, text: str) -> Response:
        """The response to a handshake that is refused."""
        response = super().reject(status, text)
        response.headers.update(security_headers.headers())
        return response
