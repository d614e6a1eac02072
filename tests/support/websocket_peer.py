"""One connection to our uvicorn, without a socket: the peer, the application, and all between."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from pytest_django.fixtures import Settings
from uvicorn.server import ServerState
from websockets.exceptions import InvalidHeaderValue, ProtocolError

from bus.servers.direct_websocket import DirectWebSocket
from bus.servers.uvicorn_http import BoundedHttp
from bus.servers.uvicorn_websocket import BoundedWebSocket
from tests.support.fake_transport import FakeTransport
from tests.support.raw_socket import handshake
from tests.support.wait import until_async

Messages = list[dict[str, Any]]
Step = bytes | dict[str, Any] | str
# A subprotocol, and what a browser sends beside it.
HEAD = handshake(
    "/ws/%ED%95%9C?a=b%20c", Origin="http://127.0.0.1", Sec_WebSocket_Protocol="bus.v1, other",
    Cookie="a=b", User_Agent="Mozilla/5.0", X_Twice="1",
)  # fmt: skip
ACCEPT = {
    "type": "websocket.accept", "subprotocol": "bus.v1", "headers": [(b"Set-Cookie", b"c=d")],
}  # fmt: skip

# What each raises where a close code or a header is impossible.
_WORDS = {ProtocolError: "impossible", InvalidHeaderValue: "impossible", ValueError: "impossible"}


class Peer:
    """One connection to a server: what the application hears, and the peer."""

    def __init__(self, *, accept: bool = True, head: bytes = HEAD, **options: Any) -> None:
        self.heard: Messages = []
        self.scope: dict[str, Any] = {}
        self.send: Callable[[Any], Awaitable[None]]
        self.left = asyncio.Event()
        self.said: list[str] = []
        self.result: object = None
        settings: dict[str, Any] = {
            "http": BoundedHttp, "ws": BoundedWebSocket, "log_config": None, "lifespan": "off",
            "ws_max_size": 100_000, "ws_per_message_deflate": False, "interface": "asgi3",
            **options,
        }  # fmt: skip
        self.config = uvicorn.Config(self._serve, **settings)
        self.config.load()
        self.state = ServerState()
        self.state.default_headers = [(b"date", b"Sat, 28 Nov 2026 10:24:52 GMT")]
        self.transport = FakeTransport()
        http = BoundedHttp(self.config, self.state, {"kept": 1})
        self.transport.set_protocol(http)
        http.connection_made(self.transport)
        self._accept = accept
        self.transport.receive(head)

    async def _serve(self, scope: dict[str, Any], receive: Any, send: Any) -> object:
        self.scope, self.send = scope, send
        self.heard.append(await receive())
        if self._accept:
            await send(ACCEPT)
            while self.heard[-1]["type"] != "websocket.disconnect":
                self.heard.append(await receive())
        await self.left.wait()
        return self.result

    async def do(self, *steps: Step) -> None:
        """Bytes of the peer, messages of the application, or `leave`, `shutdown`, `lost`."""
        for step in steps:
            await settle()
            if isinstance(step, bytes):
                if not self.transport.is_closing():
                    self.transport.receive(step)
            elif isinstance(step, dict):
                try:
                    await self.send(step)
                except Exception as error:
                    self.said.append(_WORDS.get(type(error), type(error).__name__))
            elif step == "leave":
                self.left.set()
            elif step == "shutdown":
                self.transport.get_protocol().shutdown()
            else:
                self.transport.abort()
        await settle()

    def seen(self) -> tuple[object, ...]:
        """All that can be seen from outside, but for the time."""
        written = re.sub(rb"[Dd]ate: [^\r]*", b"Date", self.transport.written)
        scope = {key: value for key, value in self.scope.items() if key != "state"}
        ends = [event["code"] for event in self.heard if event["type"] == "websocket.disconnect"]
        return (
            _sorted_head(written), self.heard, ends, self.said, scope, self.transport.is_closing(),
        )  # fmt: skip

    async def end(self) -> None:
        """Be gone, and leave nothing behind."""
        self.left.set()
        self.transport.abort()
        await until_async(lambda: not self.state.tasks and not self.state.connections)


def _sorted_head(data: bytes) -> tuple[object, ...]:
    """An answer whose headers may come in any order, and what follows."""
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return first, sorted(line.lower() for line in lines), rest


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def both(settings: Settings, *steps: Step, **options: Any) -> tuple[Peer, Peer]:
    """The same with our reading and uvicorn's."""
    peers = []
    for direct in (True, False):
        settings.BUS_DIRECT_WEBSOCKETS = direct
        peer = Peer(**options)
        assert isinstance(peer.transport.get_protocol(), DirectWebSocket) is direct
        await peer.do(*steps)
        peers.append(peer)
    return peers[0], peers[1]
