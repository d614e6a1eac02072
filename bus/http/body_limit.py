"""The bodies of HTTP requests: bounded in size and in time, before anybody keeps them.

Django writes the whole body of any request to disk before its first middleware runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bus.conf import conf

# What a body may be slower than for as long as BUS_REQUEST_TIMEOUT alone, in bytes a second.
_SLOWEST = 16_384
# What is still read of who was refused, so that they read why, in seconds and bytes.
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 1_048_576

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Scope = dict[str, Any]
# What a refusal says, by the request, the status and the limit: its type and its text.
Wording = Callable[[Scope, int, int], tuple[str, bytes]]


class BodyLimit:
    """ASGI middleware: 413 to a body that is too large, 408 to one that does not come."""

    def __init__(
        self,
        application: Callable[..., Awaitable[None]],
        limit: Callable[[Scope], int],
        wording: Wording,
    ) -> None:
        """`limit` is that of a request, in bytes."""
        self._application = application
        self._limit = limit
        self._wording = wording

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        body = _Body(receive, send, self._limit(scope))
        body.measure(scope)
        if not body.refusal:
            await self._application(scope, body.receive, body.send)
        if body.refusal and not body.answered:
            kind, text = self._wording(scope, body.refusal, body.limit)
            await body.refuse(kind, text)


class _Body:
    """The body of one request, on its way in."""

    __slots__ = ("_began", "_receive", "_send", "_size", "_whole", "answered", "limit", "refusal")

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive = receive
        self._send = send
        self.limit = limit
        # The status of a refusal.
        self.refusal = 0
        # Whether the application has begun to answer.
        self.answered = False
        self._size = 0
        self._whole = False
        self._began = asyncio.get_running_loop().time()

    def measure(self, scope: Scope) -> None:
        """Refuse what is too large by its own word."""
        for name, value in scope["headers"]:
            if name == b"content-length" and not (value.isdigit() and int(value) <= self.limit):
                self.refusal = 413

    async def receive(self) -> Event:
        """The next piece, while it is within the bounds; then the peer is gone, as it were."""
        if self._whole:
            return await self._receive()
        if self.refusal:
            return {"type": "http.disconnect"}
        try:
            async with asyncio.timeout_at(
                self._began + conf.request_timeout + self._size / _SLOWEST
            ):
                event = await self._receive()
        except TimeoutError:
            self.refusal = 408
            return {"type": "http.disconnect"}
        self._take(event)
        return {"type": "http.disconnect"} if self.refusal else event

    async def send(self, event: Event) -> None:
        """Pass a piece of the answer on."""
        self.answered = True
        await self._send(event)

    async def refuse(self, kind: str, text: bytes) -> None:
        """Answer, and read a little of what still comes: one that is cut off reads nothing."""
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", str(len(text)).encode()),
            (b"connection", b"close"),
        ]
        start = {"type": "http.response.start", "status": self.refusal, "headers": headers}
        await self._send(start)
        await self._send({"type": "http.response.body", "body": text, "more_body": True})
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                await self._throw_away()
        except TimeoutError:
            pass
        await self._send({"type": "http.response.body"})

    def _take(self, event: Event) -> None:
        self._size += len(event.get("body", b""))
        self._whole = not event.get("more_body", False)
        if self._size > self.limit:
            self.refusal = 413

    async def _throw_away(self) -> None:
        left = _LINGER_BYTES
        while not self._whole and left > 0:
            event = await self._receive()
            self._whole = not event.get("more_body", False)
            left -= len(event.get("body", b""))
