"""The ASGI application: pages and API, WebSockets, named channels, and the end of the process."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import os
from typing import Any

from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Sets Django up, which the imports below rely on.
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from bus import routing, servers, unavailable  # noqa: E402
from bus.api import middleware  # noqa: E402
from bus.chat import name_policy  # noqa: E402
from bus.consumers import access_watcher, guest_sightings, read_marks  # noqa: E402
from bus.consumers.connections import connections  # noqa: E402
from bus.consumers.identity import Identity  # noqa: E402
from bus.consumers.origin import OriginGuard  # noqa: E402
from bus.database import limits  # noqa: E402
from bus.database.connection_limit import ConnectionLimit  # noqa: E402
from bus.database.requests import BoundedRequests  # noqa: E402
from bus.http.body_limit import BodyLimit  # noqa: E402
from bus.http.security_headers import SecurityHeaders  # noqa: E402
from bus.messaging import default_layer, operations  # noqa: E402
from bus.protocol.errors import Unavailable  # noqa: E402
from bus.realtime import hub  # noqa: E402
from bus.servers import shutdown  # noqa: E402

logger = logging.getLogger(__name__)

# How long the end of a process may wait for the broker, in seconds.
_CLOSE_TIMEOUT = 5.0
# How long its start may, in seconds.
_LOOK_TIMEOUT = 2.0

# Allocations between two collections of garbage, by generation: with thousands of sockets each
# collection takes long and finds next to nothing.
_GC_THRESHOLDS = (20_000, 20, 100)

# What asks whether all is well does not wait with what may be the matter; the first of them asks
# for nothing but an answer.
_LIMITS: dict[str, ConnectionLimit | None] = {"/livez": None, "/readyz": limits.probes}


def _limit_of(scope: dict[str, Any]) -> ConnectionLimit | None:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return _LIMITS.get(path, limits.requests)


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Close what this process opened before it ends, where the server tells of the end."""
    await receive()
    servers.warn_of_missing_bounds()
    await _look_at_broker()
    shutdown.drain_on_signals(connections)
    name_policy.prepare()
    # What is imported is not looked through again for garbage, and sockets are no garbage.
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await close()
    await send({"type": "lifespan.shutdown.complete"})


async def _look_at_broker() -> None:
    """Say loudly what the broker is set to that would lose messages, or be of no use."""
    try:
        async with asyncio.timeout(_LOOK_TIMEOUT):
            found = await operations.broker_faults()
    except (Unavailable, TimeoutError) as error:
        # It is waited for.
        logger.error("%s", str(error) or "The broker does not answer.")
        return
    for fault in found:
        logger.error("%s", fault.text)


async def close() -> None:
    """Close what this process opened."""
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT):
            await access_watcher.close()
            await read_marks.close()
            await guest_sightings.close()
            await hub.close()
            await default_layer.close()
    except Exception as error:
        # What is left in the broker expires.
        logger.warning("The connections to the broker were not closed in time: %r", error)


async def _refuse(scope: dict[str, Any], send: Any) -> None:
    await http.send_response(unavailable.answer(ASGIRequest(scope, io.BytesIO())), send)


application = ProtocolTypeRouter(
    {
        "http": SecurityHeaders(
            BodyLimit(
                BoundedRequests(http, _limit_of, _refuse), middleware.body_limit, middleware.wording
            )
        ),
        "websocket": shutdown.DaphneDrain(
            OriginGuard(Identity(routing.websocket)), connections, close
        ),
        "channel": routing.channels,
        "lifespan": lifespan,
    }
)
