"""Which WebSockets of uvicorn's are ours from the head on, and how they get there.

Those whose handshake is as usual, under `--ws …:BoundedWebSocket`, unless the setting says no, or
this uvicorn is not one that was read. All others go on as uvicorn has it.

Read: uvicorn 0.54.0 (httptools_impl.py, websockets_sansio_impl.py, flow_control.py).
Relies on:
    uvicorn.protocols.http.httptools_impl.HttpToolsProtocol:
        config, server_state, app_state, transport, flow, cycle, scope, headers, url, server,
        client, scheme, root_path, asgi_version, connections
    uvicorn.protocols.http.httptools_impl.HttpToolsProtocol.handle_websocket_upgrade:
        `self.connections.discard(self)`, `self.transport.set_protocol(protocol)`
    uvicorn.protocols.http.flow_control.FlowControl: write_paused
    uvicorn.config.Config:
        ws_protocol_class, ws_per_message_deflate, ws_ping_interval, ws_ping_timeout
    uvicorn.protocols.websockets.websockets_sansio_impl.WebSocketsSansIOProtocol.handle_connect:
        `"spec_version": "2.4"`, `self.root_path + unquote(raw_path)`, `self.app_state.copy()`
"""

from __future__ import annotations

import asyncio
import logging
from functools import cache, lru_cache
from urllib.parse import unquote

from bus.conf import conf
from bus.conf.extras import brought_by
from bus.servers.direct_websocket import DirectWebSocket
from bus.servers.open_websocket import Message
from bus.servers.uvicorn_websocket import BoundedWebSocket
from bus.servers.websocket_handshake import read_handshake
from bus.servers.websocket_keepalive import Keepalive

with brought_by("server"):
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

logger = logging.getLogger(__name__)

# The release whose insides were read, up to its last number.
_READ = "0.54."


def hand_over(http: HttpToolsProtocol) -> bool:
    """Make a WebSocket of a connection whose head asks for one; False where uvicorn has to."""
    config = http.config
    kind = config.ws_protocol_class
    if (
        not conf.direct_websockets
        or not (isinstance(kind, type) and issubclass(kind, BoundedWebSocket))
        or not _is_known(uvicorn.__version__)
        or http.scope["method"] != "GET"
        or http.scope["http_version"] != "1.1"
        # An answer is under way.
        or not (http.cycle is None or http.cycle.response_complete)
    ):
        return False
    handshake = read_handshake(http.headers, compression=config.ws_per_message_deflate)
    if handshake is None:
        return False
    raw_path, _, query = http.url.partition(b"?")
    path = raw_path.decode("ascii")
    scope: Message = {
        "type": "websocket",
        "asgi": {"version": http.asgi_version, "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if http.scheme == "https" else "ws",
        "server": http.server,
        "client": http.client,
        "root_path": http.root_path,
        "path": http.root_path + (unquote(path) if "%" in path else path),
        "raw_path": http.root_path.encode("ascii") + raw_path,
        "query_string": query,
        "headers": http.headers,
        "subprotocols": handshake.subprotocols,
        "state": http.app_state.copy(),
        "extensions": {"websocket.http.response": {}},
    }
    http.connections.discard(http)
    websocket = DirectWebSocket(
        http.transport, config, http.server_state, scope, handshake, _keepalive_of(http)
    )
    if http.flow.write_paused:
        websocket.pause_writing()
    http.transport.set_protocol(websocket)
    return True


def _keepalive_of(http: HttpToolsProtocol) -> Keepalive | None:
    """What pings the sockets of a server; None where nobody is pinged."""
    interval, timeout = http.config.ws_ping_interval, http.config.ws_ping_timeout
    if not interval or interval < 0:
        return None
    return _keepalive(asyncio.get_running_loop(), interval, timeout)


@lru_cache(1)
def _keepalive(
    loop: asyncio.AbstractEventLoop, interval: float, timeout: float | None
) -> Keepalive:
    """That of the server; each socket keeps the one that it has."""
    return Keepalive(loop, interval, timeout)


@cache
def _is_known(version: str) -> bool:
    """Whether this uvicorn's insides are those that were read; says once where they are not."""
    known = version.startswith(_READ)
    if not known:
        logger.warning(
            "uvicorn %s is not one that Bus knows well enough to read its WebSockets itself "
            "(%sx is); uvicorn does, which takes more time and memory for each.",
            version,
            _READ,
        )
    return known
