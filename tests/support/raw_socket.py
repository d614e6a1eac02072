"""A peer that keeps to no protocol: bytes on a socket, and frames that no client would send."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

TEXT, BINARY, CLOSE, PING, PONG, CONT = 1, 2, 8, 9, 10, 0
# The most that a test gives a peer that is never cut off, in bytes.
PATIENCE = 64 * 1024 * 1024


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A frame as a client sends it; of any opcode and payload."""
    head = bytes([opcode | 0x80 * fin])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65_536:
        head += bytes([0x80 | 126]) + len(payload).to_bytes(2, "big")
    else:
        head += bytes([0x80 | 127]) + len(payload).to_bytes(8, "big")
    # A mask of zeros leaves the payload as it is.
    return head + bytes(4) + payload


def handshake(path: str, **headers: str) -> bytes:
    """The head that asks for a WebSocket."""
    given = {
        "Host": "127.0.0.1", "Connection": "Upgrade", "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13",
    }  # fmt: skip
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    """A TCP connection to where a URL leads."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as peer:
        yield peer


@contextmanager
def opened(url: str) -> Iterator[socket.socket]:
    """A WebSocket, after its handshake."""
    with connected(url) as peer:
        peer.sendall(handshake(urlsplit(url).path))
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += peer.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        yield peer


def flood(peer: socket.socket, data: bytes, limit: int = PATIENCE) -> int:
    """Send this again and again and read nothing, until cut off; how many bytes it took."""
    sent = 0
    block = data * max(1, 65_536 // len(data))
    try:
        while sent < limit:
            sent += peer.send(block)
    except TimeoutError:
        # It is held up, and kept.
        pass
    except OSError:
        return sent
    raise AssertionError(f"not cut off after {sent} bytes")


def read_all(peer: socket.socket) -> bytes:
    """What is there to read until the end of the connection, however it ends."""
    found = b""
    try:
        while data := peer.recv(65_536):
            found += data
    except (ConnectionError, ssl.SSLError):
        pass
    return found
