"""A real web server in this process, and clients that speak to it."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import uvicorn
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.routing import get_default_application
from django.contrib.auth.models import User
from django.test import Client as Browser
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bus.broker.worker.worker import Worker
from bus.servers.uvicorn_http import BoundedHttp
from bus.servers.uvicorn_websocket import BoundedWebSocket
from tests.support.wait import PATIENCE, until_async

Item = dict[str, Any]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The test's own process keeps its signals.
        yield


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[uvicorn.Server]:
    """Serve the project with uvicorn on a free port, as the Procfile does."""
    settings = {
        "http": BoundedHttp, "ws": BoundedWebSocket, "lifespan": "on", "log_level": "warning",
        "ws_per_message_deflate": False, "proxy_headers": False, **options,
    }  # fmt: skip
    application = get_default_application()
    config = uvicorn.Config(application, port=0, timeout_graceful_shutdown=5, **settings)
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    await until_async(lambda: server.started or task.done())
    try:
        yield server
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, PATIENCE)


@contextlib.asynccontextmanager
async def working(*channels: str) -> AsyncIterator[Worker]:
    """Run the worker of these channels in this process."""
    worker = Worker(get_default_application(), channels, get_channel_layer())
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(worker.main())
    try:
        yield worker
    finally:
        worker.stop()
        await asyncio.wait_for(task, PATIENCE)
        for number in (2, 15):
            loop.remove_signal_handler(number)


def address(server: uvicorn.Server, path: str) -> str:
    """Where the server answers."""
    port = server.servers[0].sockets[0].getsockname()[1]
    return f"ws://127.0.0.1:{port}{path}"


class Client:
    """A raw client of the session protocol: it checks what everyone may rely on."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.started: Item = {}
        # Everything received and not yet asked for, in order.
        self.inbox: list[Item] = []
        self._ref = 0

    async def receive(self) -> Item:
        """The next object, of whichever frame."""
        while not self.inbox:
            frame = json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE))
            self.inbox += frame if isinstance(frame, list) else [frame]
        return self.inbox.pop(0)

    async def until(self, fits: Callable[[Item], bool]) -> Item:
        """The next object that fits; others stay for later."""
        passed: list[Item] = []
        while not fits(item := await self.receive()):
            passed.append(item)
        self.inbox = passed + self.inbox
        return item

    async def event(self, kind: str) -> Item:
        """The next event of a type."""
        return await self.until(lambda item: item["type"] == kind)

    async def send(self, *items: Item) -> None:
        """Send objects in one frame."""
        await self.socket.send(json.dumps(items[0] if len(items) == 1 else items))

    async def ask(self, kind: str, **data: Any) -> Item:
        """Send a command and return its whole reply."""
        self._ref += 1
        ref = str(self._ref)
        await self.send({"ref": ref, "type": kind, "data": data})
        reply = await self.until(lambda item: item["type"] == "reply" and item["ref"] == ref)
        assert reply["ok"] is ("error" not in reply)
        return reply

    async def do(self, kind: str, **data: Any) -> Item:
        """Send a command that succeeds; the data of its reply."""
        reply = await self.ask(kind, **data)
        assert reply["ok"], reply
        return reply["data"]

    async def refused(self, kind: str, **data: Any) -> Item:
        """Send a command that is refused; the error."""
        reply = await self.ask(kind, **data)
        assert not reply["ok"], reply
        return reply["error"]

    async def say(self, room: str, body: str, client_id: str | None = None) -> Item:
        """Send a message; the data of the reply."""
        return await self.do(
            "message.send", room=room, body=body, client_id=client_id or uuid.uuid4().hex
        )


async def signed_in(user: User) -> Browser:
    """A browser in which a user is signed in."""
    browser = Browser()
    await sync_to_async(browser.force_login)(user)
    return browser


def headers_of(browser: Browser) -> dict[str, str]:
    """The headers by which a browser shows its cookies."""
    return {"Cookie": "; ".join(f"{k}={v.value}" for k, v in browser.cookies.items())}


async def cookies_of(user: User) -> dict[str, str]:
    """The headers by which a browser shows who is signed in."""
    return headers_of(await signed_in(user))


@contextlib.asynccontextmanager
async def session(server: uvicorn.Server, **options: Any) -> AsyncIterator[Client]:
    """Open a session; its first frame is taken."""
    options.setdefault("subprotocols", ["bus.v1"])
    async with connect(address(server, "/ws/"), max_size=None, **options) as socket:
        client = Client(socket)
        client.started = await client.receive()
        assert client.started["type"] == "session.started"
        yield client


async def close_code(socket: ClientConnection) -> int:
    """Read until the server closes; the code it closed with."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await socket.recv()
            except ConnectionClosed:
                assert socket.close_code is not None
                return socket.close_code
