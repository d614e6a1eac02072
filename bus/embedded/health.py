"""What the web process of `manage.py up` answers to `up` itself, before the project is asked."""

from __future__ import annotations

import io
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.utils.crypto import constant_time_compare

from bus import unavailable
from bus.api import health
from bus.conf import conf
from bus.database import limits
from bus.database.requests import BoundedRequests
from bus.embedded.ready import PROBE
from bus.http.response import send_response
from bus.http.static_files import Application


def probed(application: Application) -> Application:
    """The application, and at PROBE our readiness, for who shows BUS_PROBE_SECRET there.

    The project may have a probe of its own at that path, or middleware that redirects or refuses.
    """

    async def answer(scope: dict[str, Any], _receive: Any, send: Any) -> None:
        await send_response(await health.readyz(_request(scope)), send)

    async def refuse(scope: dict[str, Any], send: Any) -> None:
        await send_response(unavailable.answer(_request(scope)), send)

    probe = BoundedRequests(answer, limits.probes, refuse)

    # Servers take a coroutine function for what is ASGI 3.
    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        ours = scope["type"] == "http" and scope["path"] == PROBE and _knows_secret(scope)
        await (probe if ours else application)(scope, receive, send)

    return serve


def _request(scope: dict[str, Any]) -> ASGIRequest:
    return ASGIRequest(scope, io.BytesIO())


def _knows_secret(scope: dict[str, Any]) -> bool:
    shown = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    return bool(conf.probe_secret) and constant_time_compare(shown, f"Bearer {conf.probe_secret}")
