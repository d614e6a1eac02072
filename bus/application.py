"""The ASGI application: what comes by HTTP, by WebSocket, and through named channels."""

from __future__ import annotations

import io
from typing import Any

from channels.routing import ProtocolTypeRouter
from django.core.handlers.asgi import ASGIHandler, ASGIRequest

from bus import routing, unavailable
from bus.api import middleware
from bus.consumers import web_process
from bus.consumers.identity import Identity
from bus.consumers.lifespan import lifespan
from bus.consumers.origin import OriginGuard
from bus.database import limits
from bus.database.connection_limit import ConnectionLimit
from bus.database.requests import BoundedRequests
from bus.http.body_limit import BodyLimit
from bus.http.security_headers import SecurityHeaders
from bus.servers import shutdown

# What asks whether all is well does not wait with what may be the matter; the first of them asks
# for nothing but an answer.
_LIMITS: dict[str, ConnectionLimit | None] = {"/livez": None, "/readyz": limits.probes}


def build(http: ASGIHandler) -> ProtocolTypeRouter:
    """Route each protocol, with what bounds it around; Django is set up before."""

    async def refuse(scope: dict[str, Any], send: Any) -> None:
        await http.send_response(unavailable.answer(ASGIRequest(scope, io.BytesIO())), send)

    requests = BoundedRequests(http, _limit_of, refuse)
    return ProtocolTypeRouter(
        {
            "http": SecurityHeaders(BodyLimit(requests, middleware.body_limit, middleware.wording)),
            "websocket": shutdown.DaphneDrain(
                OriginGuard(Identity(routing.websocket)),
                lambda: web_process.current().connections,
                lambda: web_process.current().close(),
            ),
            "channel": routing.channels,
            "lifespan": lifespan,
        }
    )


def _limit_of(scope: dict[str, Any]) -> ConnectionLimit | None:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return _LIMITS.get(path, limits.requests)
