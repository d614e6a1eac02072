"""People talk alike where Bus reads their sockets itself and where uvicorn does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from pytest_django import Settings
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bus.servers.direct_websocket import DirectWebSocket
from bus.servers.receive_queue import ReceiveQueue
from bus.servers.uvicorn_websocket import BoundedWebSocket
from tests.support.raw_http import ask
from tests.support.raw_socket import handshake
from tests.support.wait import PATIENCE, until_async
from tests.support.web_server import address, close_code, serving, session, working

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


@pytest_asyncio.fixture(params=[True, False], ids=["ours", "uvicorn's"])
async def reader(
    request: pytest.FixtureRequest, settings: Settings
) -> AsyncIterator[tuple[uvicorn.Server, type]]:
    """A server, and what reads its sockets."""
    settings.BUS_DIRECT_WEBSOCKETS = request.param
    settings.BUS_OPEN_ROOMS = True
    async with serving() as server:
        yield server, DirectWebSocket if request.param else BoundedWebSocket


def sockets_of(server: uvicorn.Server) -> list[object]:
    """The protocols of those who are there."""
    return list(server.server_state.connections)


async def test_two_people_talk_and_leave(reader: tuple[uvicorn.Server, type]) -> None:
    server, kind = reader
    async with working("moderation"), session(server) as one, session(server) as other:
        assert [type(each) for each in sockets_of(server)] == [kind, kind]
        for person in (one, other):
            await person.do("room.join", room="lobby")
        await one.say("lobby", "hello there")
        for person in (one, other):
            assert (await person.event("message.posted"))["data"]["body"] == "hello there"
        # In three pieces, and with a word between them that is nobody's but the server's.
        command = json.dumps({"ref": "x", "type": "session.ping", "data": {}})
        await other.socket.send([command[:5], command[5:9], command[9:]])
        await asyncio.wait_for(await other.socket.ping(), PATIENCE)
        assert (await other.until(lambda item: item.get("ref") == "x"))["ok"]
    await until_async(lambda: not sockets_of(server))
    assert not server.server_state.tasks


@pytest.mark.parametrize(
    ("frame", "code"), [("x" * 70_000, 4400), ("x" * 2_000_000, 4400), ("{", 4400), (b"x", 4400)]
)
async def test_what_is_no_frame_of_ours_ends_with_its_code(
    reader: tuple[uvicorn.Server, type], frame: str | bytes, code: int
) -> None:
    async with session(reader[0]) as one:
        try:
            await one.socket.send(frame)
        except ConnectionClosed:
            assert len(frame) > 65_536
        assert await close_code(one.socket) == code


async def test_a_foreign_page_is_refused_in_our_words(reader: tuple[uvicorn.Server, type]) -> None:
    answer = await ask(reader[0], handshake("/ws/", Origin="https://elsewhere.example"))
    assert answer.status == 403
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-length"] == "0"
    assert not sockets_of(reader[0])


async def test_nothing_is_kept_of_a_long_handshake(reader: tuple[uvicorn.Server, type]) -> None:
    server, _ = reader
    headers = {f"X-{number}": "x" * 500 for number in range(50)}
    async with session(server, additional_headers=headers) as one:
        await one.do("room.join", room="lobby")
        (protocol,) = server.server_state.connections
        kept = [protocol.scope["headers"]]
        if isinstance(protocol, BoundedWebSocket):
            kept += [protocol.request.headers, protocol.response.headers]
            queue: Any = protocol.queue
        else:
            assert isinstance(protocol, DirectWebSocket)
            queue = protocol.received
        assert not any(kept)
        # Nor of the queue, which many sockets would have and hardly ever use.
        assert isinstance(queue, ReceiveQueue)
        assert queue.empty()


async def test_who_is_there_when_the_server_ends_is_told_to_come_back(
    settings: Settings, reader: tuple[uvicorn.Server, type]
) -> None:
    server, _ = reader
    async with connect(address(server, "/ws/"), subprotocols=["bus.v1"]) as socket:  # type: ignore[list-item]
        await socket.recv()
        server.should_exit = True
        assert await close_code(socket) == 1012


@pytest.mark.parametrize("direct", [True, False])
async def test_who_answers_no_ping_is_let_go(settings: Settings, direct: bool) -> None:
    settings.BUS_DIRECT_WEBSOCKETS = direct
    quick = {"ws_ping_interval": 0.2, "ws_ping_timeout": 0.2}
    async with serving(**quick) as server, session(server) as one:
        one.socket.transport.pause_reading()
        await until_async(lambda: not sockets_of(server))
        one.socket.transport.resume_reading()
        assert await close_code(one.socket) in (1006, 1011)
