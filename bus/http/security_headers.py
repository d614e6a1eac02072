"""The headers of all our responses: what a page may load, and that no type is guessed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from django.conf import settings

from bus.conf import conf

logger = logging.getLogger(__name__)

CSP = "Content-Security-Policy"

Headers = list[tuple[bytes, bytes]]


def headers() -> dict[str, str]:
    """Those that a response has which brings none of its own."""
    found = {"X-Content-Type-Options": "nosniff"}
    if conf.content_security_policy:
        found[CSP] = conf.content_security_policy
    return found


def with_drawn_images(policy: str) -> str:
    """A policy that also allows images which are in the page itself, as `data:` URLs."""
    if "img-src" in policy:
        return policy.replace("img-src ", "img-src data: ", 1)
    return f"{policy}; img-src 'self' data:"


class SecurityHeaders:
    """ASGI middleware, around all that answers HTTP: no response is without the headers.

    A middleware of Django's would miss what Django refuses before any of them.
    """

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one request; an error that nobody caught is an answer with the headers, too."""
        answer = _Answer(send)
        try:
            await self._application(scope, receive, answer.send)
        except Exception:
            if answer.started:
                raise
            logger.exception("A request to %s failed.", scope["path"])
            await answer.fail()


class _Answer:
    """One response on its way out."""

    __slots__ = ("_send", "started")

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._send = send
        self.started = False

    async def send(self, event: dict[str, Any]) -> None:
        """Pass an event on."""
        if event["type"] == "http.response.start":
            self.started = True
            event = {**event, "headers": _with_ours(event["status"], event.get("headers", ()))}
        await self._send(event)

    async def fail(self) -> None:
        """Answer with 500."""
        text = [(b"content-type", b"text/plain"), (b"content-length", b"21")]
        await self.send({"type": "http.response.start", "status": 500, "headers": text})
        await self.send({"type": "http.response.body", "body": b"Internal Server Error"})


def _with_ours(status: int, given: Iterable[tuple[bytes, bytes]]) -> Headers:
    """A response's headers, and ours that it lacks; save the policy on Django's own traceback
    page, which is all inline."""
    found = list(given)
    known = {name.lower() for name, _ in found}
    for name, value in headers().items():
        raw_name = name.lower().encode()
        if raw_name not in known and not (settings.DEBUG and status == 500 and name == CSP):
            found.append((raw_name, value.encode("latin-1")))
    return found
