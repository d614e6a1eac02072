"""The ASGI application: pages and API, WebSockets, named channels, and the end of the process."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bus.settings")
# Sets Django up, which the imports below rely on.
http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402

from bus import publisher, routing  # noqa: E402
from bus.consumers import database, repair  # noqa: E402
from bus.consumers.origin import OriginGuard  # noqa: E402
from bus.realtime import hub  # noqa: E402

logger = logging.getLogger(__name__)

# How long the end of a process may wait for the broker, in seconds.
_CLOSE_TIMEOUT = 5.0

hub.repair_with(repair.missed)


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Close what this process opened before it ends, where the server tells of the end."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT):
            await hub.close()
            await publisher.close()
    except Exception as error:
        # What is left in the broker expires.
        logger.warning("The connections to the broker were not closed in time: %r", error)
    database.close()
    await send({"type": "lifespan.shutdown.complete"})


application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": OriginGuard(AuthMiddlewareStack(routing.websocket)),
        "channel": routing.channels,
        "lifespan": lifespan,
    }
)
