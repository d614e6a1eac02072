"""The uvicorn that runs this process, and a warning where none bounds what it should.

Read: uvicorn 0.54.0 (server.py, config.py).
Relies on:
    uvicorn.server.Server: handle_exit, servers
    uvicorn.server.Server.capture_signals: `signal.signal(sig, self.handle_exit)`
    uvicorn.config.Config: http_protocol_class, ws_protocol_class
"""

from __future__ import annotations

import logging

from bus.servers import stop_signals

try:
    import uvicorn
except ImportError:  # another server
    uvicorn = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)


def running_uvicorn() -> uvicorn.Server | None:
    """The uvicorn whose signal handlers are set, if there is one."""
    if uvicorn is None or not stop_signals.is_main_thread():
        return None
    owners = (handler.owner for handler in stop_signals.handlers())
    return next((owner for owner in owners if isinstance(owner, uvicorn.Server)), None)


def stop_listening(server: uvicorn.Server) -> None:
    """Take no new connections; those that are open stay."""
    for listener in getattr(server, "servers", ()):
        listener.close()


def missing_bounds(server: uvicorn.Server | None) -> list[str]:
    """The options of a server that would bound what peers can make it do by itself."""
    if server is None:
        return ["a server that docs/servers.md names"]
    from bus.servers.uvicorn_http import BoundedHttp
    from bus.servers.uvicorn_websocket import BoundedWebSocket

    wanted = {
        "--http": (server.config.http_protocol_class, BoundedHttp),
        "--ws": (server.config.ws_protocol_class, BoundedWebSocket),
    }
    return [
        f"{option} {bounded.__module__}:{bounded.__name__}"
        for option, (found, bounded) in wanted.items()
        if not (isinstance(found, type) and issubclass(found, bounded))
    ]


def warn_of_missing_bounds() -> None:
    """Say at the start that anybody can fill this process' memory, where that is so."""
    missing = missing_bounds(running_uvicorn())
    if stop_signals.is_main_thread() and missing:
        logger.warning(
            "This web server does not bound heads, half requests, nor what it answers to pings by "
            "itself: a stranger can take its memory. Run it as the Procfile does, with %s.",
            " and ".join(missing),
        )
