"""Writes ready WebSocket frames to a socket, past ASGI where the server is uvicorn.

ASGI's `send` encodes each text for each socket anew, which is most of a delivery's cost. uvicorn's
protocol object has the transport and says when it is full or closing, and that is all that is used
here. Under any other server, or with compression, `wire_of` finds nothing and `send` is used.

Daphne's `send` never waits and it knows no close code below 3000 but 1000: what it keeps for a peer
that stopped reading is measured at its transport, and 4408 stands for 1012.

Read: uvicorn 0.54.0 (websockets_sansio_impl.py), daphne 4.2.3 (server.py, ws_protocol.py).
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from bus.protocol.errors import CLOSE_RESTART, CLOSE_TOO_SLOW

# Writes bytes now and returns True; False where the peer is behind, or the socket is closing.
Wire = Callable[[bytes], bool]

# What is joined into one array, in bytes; a larger frame would hold up a slow line for long.
FRAME_LIMIT = 262_144
# What a kernel keeps of a socket's input; it doubles this for its own needs.
_READ_BYTES = 32_768
# Between a close frame and the end of the connection, in seconds.
_LAST_WORD = 1.0

try:
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
except ImportError:  # another server, or an uvicorn that has it elsewhere
    WebSocketsSansIOProtocol = None  # type: ignore[assignment, misc]


def text_frame(payload: bytes) -> bytes:
    """A whole text frame, as a server sends it."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def joined(frames: list[bytes]) -> list[bytes]:
    """The payloads of as few frames as may be: arrays of up to FRAME_LIMIT bytes."""
    if len(frames) == 1:
        return frames
    payloads: list[bytes] = []
    start = size = 0
    for at, frame in enumerate(frames):
        if size and size + len(frame) + 1 > FRAME_LIMIT:
            payloads.append(_array(frames[start:at]))
            start, size = at, 0
        size += len(frame) + 1
    if start < len(frames):
        payloads.append(_array(frames[start:]))
    return payloads


def _array(frames: list[bytes]) -> bytes:
    return frames[0] if len(frames) == 1 else b"[" + b",".join(frames) + b"]"


def wire_of(send: Any) -> Wire | None:
    """The way past an ASGI `send`, once the socket is accepted; None where there is none."""
    protocol = _protocol_of(send)
    if protocol is None:
        return None
    try:
        if protocol.conn.extensions:
            return None
        transport, is_writable = protocol.transport, protocol.writable.is_set
        is_closing, write = transport.is_closing, transport.write
        _ = protocol.close_sent, protocol.handshake_complete
    except AttributeError:
        return None

    def put(data: bytes) -> bool:
        if not is_writable() or protocol.close_sent or is_closing():
            return False
        write(data)
        return True

    return put


def bound_reads(send: Any) -> None:
    """Have one read bring less: all its frames are taken apart before anybody else's turn."""
    with suppress(AttributeError, OSError):
        found = _protocol_of(send).transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _READ_BYTES)


def lighten(send: Any) -> None:
    """Let go of what the server keeps of the handshake, once it is done: a fourth of what a quiet
    socket takes, and as much as a head may have where a client sent many long headers."""
    with suppress(AttributeError):
        protocol = _protocol_of(send)
        protocol.request.headers.clear()
        protocol.response.headers.clear()
        # The list that all copies of the scope share.
        protocol.scope["headers"].clear()
        protocol.queue = Arrivals(protocol.queue)


class Arrivals:
    """What a socket said and nobody took yet; an asyncio.Queue of one reader, without its locks."""

    __slots__ = ("_events", "_reader")

    def __init__(self, before: asyncio.Queue[Any]) -> None:
        """`before` is the queue that it stands in for; nobody reads that one now."""
        self._events: deque[Any] | None = None
        self._reader: asyncio.Future[None] | None = None
        while not before.empty():
            self.put_nowait(before.get_nowait())

    def put_nowait(self, event: Any) -> None:
        """Add one."""
        if self._events is None:
            self._events = deque()
        self._events.append(event)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._events is None

    async def get(self) -> Any:
        """The next one; waits for it."""
        while self._events is None:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        event = self._events.popleft()
        if not self._events:
            self._events = None
        return event


def cut_off(send: Any, after: float) -> None:
    """End the connection of a peer that does not read what is left for it, after so many seconds.

    A transport that is closed waits for that, for ever; it is nothing where nothing is left.
    """
    with suppress(AttributeError):
        transport = _protocol_of(send).transport
        if transport.get_write_buffer_size() > 0:
            asyncio.get_running_loop().call_later(after, transport.abort)


def hang_up(send: Any) -> None:
    """After the close frame, read no more of a peer that does not stop; uvicorn would for 10 s."""
    with suppress(AttributeError):
        transport = _protocol_of(send).transport
        transport.pause_reading()
        # It may still read why.
        asyncio.get_running_loop().call_later(_LAST_WORD, transport.abort)


def backlog_of(send: Any) -> Callable[[], int] | None:
    """What the server keeps for a peer, in bytes, where its `send` does not wait for the peer."""
    if not is_daphne(send):
        return None
    try:
        transport = send.args[0].transport
        _ = len(transport.dataBuffer) + transport._tempDataLen
    except (AttributeError, IndexError, TypeError):
        return None

    def backlog() -> int:
        kept: int = len(transport.dataBuffer) + transport._tempDataLen
        return kept

    return backlog


def close_code(send: Any, code: int) -> int:
    """The code that the server can close with for one that means the same: come back."""
    return CLOSE_TOO_SLOW if code == CLOSE_RESTART and is_daphne(send) else code


def is_daphne(send: Any) -> bool:
    """Whether an ASGI `send` is Daphne's."""
    if not isinstance(send, partial):
        return False
    server = getattr(send.func, "__self__", None)
    return type(server).__module__ == "daphne.server"


def _protocol_of(send: Any) -> Any:
    """uvicorn's protocol object behind an ASGI `send`, or None."""
    protocol = getattr(send, "__self__", None)
    if WebSocketsSansIOProtocol is None or not isinstance(protocol, WebSocketsSansIOProtocol):
        return None
    return protocol
