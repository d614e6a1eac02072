"""The server that runs this process, and a warning where it does not bound what it should.

Read: uvicorn 0.54.0 (server.py), for the signal handlers by which it is found.
"""

from __future__ import annotations

import logging
import signal
import threading

try:
    import uvicorn
except ImportError:  # another server
    uvicorn = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def is_main_thread() -> bool:
    """Whether signals are heard here: a server in another thread has none."""
    return threading.current_thread() is threading.main_thread()


def running_uvicorn() -> uvicorn.Server | None:
    """The uvicorn whose signal handlers are set, if there is one."""
    if uvicorn is None or not is_main_thread():
        return None
    for number in SIGNALS:
        server = getattr(signal.getsignal(number), "__self__", None)
        if isinstance(server, uvicorn.Server):
            return server
    return None


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
    if is_main_thread() and missing:
        logger.warning(
            "This web server does not bound heads, half requests, nor what it answers to pings by "
            "itself: a stranger can take its memory. Run it as the Procfile does, with %s.",
            " and ".join(missing),
        )
