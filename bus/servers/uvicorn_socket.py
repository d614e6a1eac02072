"""What Bus does to a WebSocket of uvicorn past ASGI: writes ready frames, and ends what lingers.

ASGI's `send` encodes each text for each socket anew, which is most of a delivery's cost. Our own
`DirectWebSocket` has methods for all of this; uvicorn's protocol object has the transport and says
when it is full or closing, and that is all that is used of it here. Under any other server, or with
compression, `direct_writer` finds nothing and `send` is used.

Read: uvicorn 0.54.0 (websockets_sansio_impl.py).
Relies on:
    uvicorn.protocols.websockets.websockets_sansio_impl.WebSocketsSansIOProtocol:
        transport, writable, close_sent, handshake_complete, conn, request, response, scope,
        `self.queue.get()`, `self.queue.put_nowait(`, `self.queue.empty()`
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bus.servers.receive_queue import ReceiveQueue

# Writes bytes now and returns True; False where the peer is behind, or the socket is closing.
DirectWrite = Callable[[bytes], bool]

# What a kernel keeps of a socket's input; it doubles this for its own needs.
_READ_BYTES = 32_768
# Between a close frame and the end of the connection, in seconds.
_LAST_WORD = 1.0

try:
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    from bus.servers.direct_websocket import DirectWebSocket
except ImportError:  # another server, or an uvicorn that has it elsewhere
    WebSocketsSansIOProtocol = DirectWebSocket = None  # type: ignore[assignment, misc]


def direct_writer(send: Any) -> DirectWrite | None:
    """The way past an ASGI `send`, once the socket is accepted; None where there is none."""
    protocol = _protocol_of(send)
    if protocol is None:
        return None
    if _is_direct(protocol):
        return protocol.write_frames  # type: ignore[no-any-return]
    try:
        if protocol.conn.extensions:
            return None
        transport, is_writable = protocol.transport, protocol.writable.is_set
        is_closing, write = transport.is_closing, transport.write
        _ = protocol.close_sent, protocol.handshake_complete
    except AttributeError:
        return None

    def write_now(data: bytes) -> bool:
        if not is_writable() or protocol.close_sent or is_closing():
            return False
        write(data)
        return True

    return write_now


def bound_reads(send: Any) -> None:
    """Have one read bring less: all its frames are taken apart before anybody else's turn."""
    with suppress(AttributeError, OSError):
        found = _protocol_of(send).transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _READ_BYTES)


def release_handshake(send: Any) -> None:
    """Let go of what the server keeps of the handshake, once it is done: a fourth of what a quiet
    socket takes, and as much as a head may have where a client sent many long headers."""
    with suppress(AttributeError):
        protocol = _protocol_of(send)
        if _is_direct(protocol):
            protocol.release_handshake()
            return
        protocol.request.headers.clear()
        protocol.response.headers.clear()
        # The list that all copies of the scope share.
        protocol.scope["headers"].clear()
        protocol.queue = ReceiveQueue(protocol.queue)


def abort_unread(send: Any, after: float) -> None:
    """End the connection of a peer that does not read what is left for it, after so many seconds.

    A transport that is closed waits for that, for ever; it is nothing where nothing is left.
    """
    with suppress(AttributeError):
        transport = _protocol_of(send).transport
        if transport.get_write_buffer_size() > 0:
            asyncio.get_running_loop().call_later(after, transport.abort)


def stop_reading(send: Any) -> None:
    """After the close frame, read no more of a peer that does not stop; uvicorn would for 10 s."""
    with suppress(AttributeError):
        transport = _protocol_of(send).transport
        transport.pause_reading()
        # It may still read why.
        asyncio.get_running_loop().call_later(_LAST_WORD, transport.abort)


def _is_direct(protocol: Any) -> bool:
    """Whether a protocol object is ours, which stands in for uvicorn's."""
    return DirectWebSocket is not None and isinstance(protocol, DirectWebSocket)


def _protocol_of(send: Any) -> Any:
    """The server's protocol object behind an ASGI `send`: uvicorn's or ours, or None."""
    protocol = getattr(send, "__self__", None)
    if _is_direct(protocol):
        return protocol
    if WebSocketsSansIOProtocol is None or not isinstance(protocol, WebSocketsSansIOProtocol):
        return None
    return protocol
