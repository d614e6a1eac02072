"""bus.client: the connection comes back when it should, and not when it should not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bus.client import Bus, Rejected, connect
from bus.client.backoff import Backoff
from bus.client.connection import Waits
from tests.support.fake_server import Scripted, scripted
from tests.support.wait import until_async

pytestmark = pytest.mark.asyncio


def client(server: Scripted, **options: Any) -> Bus:
    return Bus(server.url, random=lambda: 0.0, **options)


async def test_delays_double_with_full_jitter_until_it_was_up_for_a_while() -> None:
    backoff = Backoff(lambda: 1.0)
    assert [backoff.next(1.0) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 20, 20]
    assert backoff.next(4.9) == 20
    assert backoff.next(5.0) == 0.5
    assert backoff.next(crowded=True) == 16
    assert Backoff(lambda: 0.1).next() == 0.05


@pytest.mark.parametrize("code", [1012, 1013, 4408, 1000, 1011])
async def test_it_comes_back(code: int) -> None:
    async with scripted() as server:
        opening = asyncio.ensure_future(client(server).__aenter__())
        peer = await server.peer()
        bus = await opening
        states: list[str] = []
        bus.on("state", states.append)
        await peer.socket.close(code)
        await server.peer()
        await until_async(lambda: bus.state == "online")
        assert states == ["offline", "connecting", "online"]
        await bus.close()
        assert bus.state == "closed"


@pytest.mark.parametrize(
    ("code", "reason"), [(4401, "unauthenticated"), (4403, "forbidden"), (4409, "replaced")]
)
async def test_it_stays_away(code: int, reason: str) -> None:
    async with scripted() as server:
        opening = asyncio.ensure_future(client(server).__aenter__())
        peer = await server.silent_peer()
        await peer.socket.close(code)
        with pytest.raises(Rejected) as caught:
            await opening
        assert caught.value.code == reason
        assert len(server.peers) == 1


async def test_it_waits_for_a_server_that_is_not_there_yet() -> None:
    async with scripted() as server:
        port = server.port
    bus = connect(f"ws://127.0.0.1:{port}/ws/")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), bus:
            pytest.fail("nobody is there")
    assert bus.state == "closed"


async def test_a_server_that_is_about_to_stop_says_when_to_come_back() -> None:
    async with scripted() as server:
        opening = asyncio.ensure_future(client(server).__aenter__())
        peer = await server.peer()
        bus = await opening
        loop = asyncio.get_running_loop()
        began = loop.time()
        closing = {"type": "session.closing", "data": {"reconnect_in": 0.3, "reason": "restart"}}
        await peer.say(closing)
        await peer.socket.close(1012)
        peer = await server.peer()
        assert loop.time() - began >= 0.3
        await until_async(lambda: bus.state == "online")
        began = loop.time()
        await peer.say(closing)  # and it does not close at all
        await server.peer()
        assert 0.3 <= loop.time() - began < 5
        await bus.close()


async def test_a_silent_server_is_left() -> None:
    async with scripted() as server:
        opening = asyncio.ensure_future(client(server, waits=Waits(answer=0.5)).__aenter__())
        peer = await server.peer(heartbeat=0.1)
        bus = await opening
        await peer.reply(await peer.next("session.ping"), server_time="now")
        await peer.next("session.ping")  # and no answer
        await server.peer()
        await until_async(lambda: bus.state == "online")
        await bus.close()


async def test_a_token_is_shown_first() -> None:
    async with scripted() as server:
        opening = asyncio.ensure_future(client(server, token="t").__aenter__())
        peer = await server.peer(user={"id": "g1", "name": "guest", "guest": True})
        proof = await peer.next("session.authenticate")
        assert proof["data"] == {"token": "t"}
        await peer.reply(proof, user={"id": 7, "name": "mina", "guest": False})
        bus = await opening
        assert bus.session["user"]["name"] == "mina"
        await bus.close()


async def test_a_token_that_is_refused_ends_it() -> None:
    async with scripted() as server:
        opening = asyncio.ensure_future(client(server, token="old").__aenter__())
        peer = await server.peer()
        await peer.refuse(await peer.next("session.authenticate"), "unauthenticated")
        with pytest.raises(Rejected) as caught:
            await opening
        assert caught.value.code == "unauthenticated"


async def test_a_guest_stays_the_same_guest() -> None:
    async with scripted() as server:
        opening = asyncio.ensure_future(client(server).__aenter__())
        guest = {"id": "g1", "name": "g1", "guest": True}
        peer = await server.peer(user=guest, token="proof of g1")
        bus = await opening
        peer.socket.transport.abort()
        peer = await server.peer(user={"id": "g2", "name": "g2", "guest": True}, token="of g2")
        proof = await peer.next("session.authenticate")
        assert proof["data"] == {"token": "proof of g1"}
        await peer.reply(proof, user=guest)
        await until_async(lambda: bus.state == "online")
        assert bus.session["user"]["id"] == "g1"
        await bus.close()


async def test_what_has_no_room_is_told_by_the_bus() -> None:
    async with scripted() as server:
        opening = asyncio.ensure_future(client(server).__aenter__())
        peer = await server.peer()
        bus = await opening
        told: list[str] = []
        bus.on("notification", lambda event: told.append(event["name"]))
        bus.on("from.the.future", lambda event: 1 / 0)  # stops nobody else
        await peer.say(
            {"type": "from.the.future", "data": {}},
            {"type": "event.published", "data": {"name": "build.finished", "payload": None}},
        )
        await until_async(lambda: told == ["build.finished"])
        await bus.close()
