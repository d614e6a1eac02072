"""Channels' own test client works on our consumers, as users' tests will use it."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from channels.testing import WebsocketCommunicator

from bus.consumers.socket import Socket
from bus.consumers.web_process import current
from config.asgi import application
from tests.support.wait import until_async

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


@pytest_asyncio.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    yield
    await current().close()


async def test_plain_chat() -> None:
    socket = WebsocketCommunicator(application, "/ws/chat/%EC%9E%90%EC%9C%A0%EB%B0%A9/")
    assert await socket.connect() == (True, None)
    await socket.send_json_to({"nothing": 1})
    assert (await socket.receive_json_from())["code"] == "invalid"
    await socket.disconnect()


async def test_a_session() -> None:
    socket = WebsocketCommunicator(application, "/ws/", subprotocols=["bus.v1"])
    assert await socket.connect() == (True, "bus.v1")
    assert (await socket.receive_json_from())["type"] == "session.started"
    await socket.send_json_to({"ref": "1", "type": "room.join", "data": {"room": "lobby"}})
    assert (await socket.receive_json_from())["data"]["seq"] == 0
    await socket.disconnect()
    await until_async(lambda: not current().hub._topics and not current().hub.presence._rooms)


@pytest.fixture
def new_consumers() -> Callable[[], list[Socket]]:
    """The consumers that are alive and were not when the test began."""

    def alive() -> list[Socket]:
        gc.collect()
        return [found for found in gc.get_objects() if isinstance(found, Socket)]

    others = {id(found) for found in alive()}
    return lambda: [found for found in alive() if id(found) not in others]


async def test_a_cancelled_session_leaves_nothing_behind(
    new_consumers: Callable[[], list[Socket]],
) -> None:
    sockets = [WebsocketCommunicator(application, "/ws/") for _ in range(20)]
    for number, socket in enumerate(sockets):
        await socket.connect()
        await socket.send_to(
            json.dumps({"ref": "1", "type": "room.join", "data": {"room": f"r{number % 3}"}})
        )
        # Each at another moment of its join.
        for _ in range(number * 7):
            await asyncio.sleep(0)
        socket.stop()
    del sockets, socket
    await until_async(lambda: not current().hub._topics and not current().hub.presence._rooms)
    # The guard may be looking at it just now.
    await until_async(lambda: not new_consumers())


@pytest.mark.parametrize("path", ["/ws/", "/ws/chat/lobby/"])
async def test_what_was_refused_keeps_nothing_alive(
    path: str, new_consumers: Callable[[], list[Socket]]
) -> None:
    socket = WebsocketCommunicator(application, path)
    await socket.connect()
    for refused in (
        {"ref": "1", "type": "room.join", "data": {"room": "a b"}},
        {"ref": "2", "type": "room.join", "data": {"room": "lobby", "since": "1"}},
        {"message": "\0"},
        {"message": "x" * 3000},
    ):
        await socket.send_json_to(refused)
    await socket.disconnect()
    del socket
    # The guard may be looking at it just now.
    await until_async(lambda: not new_consumers())
