"""The usual handshake of a WebSocket, read from a head that is parsed already, and its answer.

What a browser sends is read here at a tenth of the cost. All else (extensions that the server
offers, something twice, something missing) is nothing to this: it takes the way of uvicorn and
websockets, with their answers.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

from bus.http import security_headers

# RFC 6455, 4.2.2.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
_TOKENS = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[-!#$%&'*+.^_`|~0-9A-Za-z]+)*")
_CONNECTION = frozenset((b"upgrade", b"keep-alive, upgrade"))
# What may come once.
_READ = frozenset(
    b"connection upgrade origin sec-websocket-key sec-websocket-version sec-websocket-protocol "
    b"sec-websocket-extensions".split()
)
_BODY = frozenset((b"content-length", b"transfer-encoding"))
# What may stand in the value of a header: nothing that would end it.
_VALUE = re.compile(rb"[\x09\x20-\x7e\x80-\xff]*")

_STATUSES = frozenset(HTTPStatus)

Headers = Iterable[tuple[bytes, bytes]]


class Handshake(NamedTuple):
    """What a client asks for."""

    # Of this handshake alone: the answer proves that it was read.
    key: bytes
    subprotocols: list[str]


def read_handshake(headers: Headers, *, compression: bool) -> Handshake | None:
    """The handshake in a head, whose names are in small letters; None where it is not as usual.

    With `compression` a client that offers it is not, for the server may agree.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _READ:
            if name in found:
                return None
            found[name] = value
        elif name in _BODY:
            return None
        if value[-1:].isspace():
            # It is no part of the value, and httptools has left it there.
            return None
    key = found.get(b"sec-websocket-key", b"")
    offered = found.get(b"sec-websocket-protocol")
    if (
        found.get(b"upgrade", b"").lower() != b"websocket"
        or found.get(b"connection", b"").lower() not in _CONNECTION
        or found.get(b"sec-websocket-version") != b"13"
        or not _KEY.fullmatch(key)
        or (offered is not None and not _TOKENS.fullmatch(offered))
        or (compression and b"sec-websocket-extensions" in found)
    ):
        return None
    if offered is None:
        return Handshake(key, [])
    return Handshake(key, [part.strip() for part in offered.decode("ascii").split(",")])


def acceptance(key: bytes, headers: Headers, subprotocol: str | None) -> bytes:
    """The answer that opens the socket; raises ValueError for a header that would break it."""
    accepted = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    lines = [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: ",
        accepted,
    ]
    for name, value in headers:
        if not _VALUE.fullmatch(value):
            raise ValueError(f"The value of a header has control characters: {value!r}.")
        lines += b"\r\n", name.lower(), b": ", value
    if subprotocol:
        chosen = subprotocol.encode("latin-1")
        if not _VALUE.fullmatch(chosen):
            raise ValueError(f"The subprotocol has control characters: {subprotocol!r}.")
        lines += b"\r\nSec-WebSocket-Protocol: ", chosen
    lines.append(b"\r\n\r\n")
    return b"".join(lines)


def rejection(status: int, text: str) -> bytes:
    """The answer to a handshake that is refused, as websockets has it, with our headers."""
    body = text.encode()
    headers = [
        ("Date", formatdate(usegmt=True)),
        ("Connection", "close"),
        ("Content-Length", str(len(body))),
        ("Content-Type", "text/plain; charset=utf-8"),
        *security_headers.headers().items(),
    ]
    return _response(status, headers, body)


def http_response(status: int, headers: Headers, body: bytes) -> bytes:
    """The answer that an application gives in place of a socket; raises ValueError for a header
    that would break it."""
    given = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    names = {name.lower() for name, _ in given}
    defaults = {
        "Date": formatdate(usegmt=True),
        "Connection": "close",
        "Content-Length": str(len(body)),
        "Content-Type": "text/plain; charset=utf-8",
    }
    given += [(name, value) for name, value in defaults.items() if name.lower() not in names]
    return _response(status, given, body)


def _response(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    phrase = HTTPStatus(status).phrase if status in _STATUSES else ""
    lines = [f"HTTP/1.1 {status} {phrase}".encode("ascii")]
    for name, value in headers:
        line = f"{name}: {value}".encode("latin-1")
        if not _VALUE.fullmatch(line):
            raise ValueError(f"The header {name!r} has control characters: {value!r}.")
        lines.append(line)
    return b"\r\n".join([*lines, b"", body])
