"""Whole HTTP answers to what is not passed on: a status, one line, and the end."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from bus.http import security_headers

# What is said beside the status' own words.
_REASONS = {
    400: "This is not HTTP.",
    408: "The request did not come in time.",
    414: "The address is too long.",
    431: "The headers are too large, or too many.",
    503: "Too many connections are open. Come back in a moment.",
}


def refusal(status: int, defaults: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """The bytes of a refusal; `defaults` are the server's own headers."""
    body = f"{_REASONS[status]}\n".encode()
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
    lines += [name + b": " + value for name, value in defaults]
    given = {
        **security_headers.headers(),
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    if status == 503:
        given["Retry-After"] = "5"
    lines += [f"{name}: {value}".encode("latin-1") for name, value in given.items()]
    return b"\r\n".join([*lines, b"", body])
