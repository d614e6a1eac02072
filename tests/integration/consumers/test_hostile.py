"""What clients may send, by mistake or on purpose, and clocks that jump."""

import asyncio
import datetime as dt
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from django.utils import timezone
from pytest_django import Settings

from bus.consumers.socket import Socket
from bus.consumers.web_process import current
from bus.messaging import publisher
from bus.messaging.event_batch import EventBatch
from bus.messaging.presence_store import PresenceStore
from bus.models import Room
from bus.protocol.events import EventPublished
from tests.integration.realtime.test_gap_repair import stored
from tests.support.wait import until_async
from tests.support.web_server import Client, close_code, serving, session, working

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


@pytest_asyncio.fixture
async def worker(broker: str) -> AsyncIterator[None]:
    async with working("moderation"):
        yield


@pytest.mark.parametrize("cache", [0, 67_108_864])
async def test_a_since_that_cannot_be_brings_the_newest_page(
    server: uvicorn.Server, settings: Settings, cache: int
) -> None:
    settings.BUS_RECOVERY_LIMIT, settings.BUS_RECOVERY_CACHE = 3, cache
    small = await Room.objects.acreate(name="small", access="open")
    large = await Room.objects.acreate(name="large", access="open")
    await stored(small, "1", "2")
    await stored(large, *"123456789")
    async with session(server) as one:
        # From the future, negative, of another room, older than what is repeated, and absurd.
        for room, since in [
            ("small", 3), ("small", -1), ("small", 9), ("large", 5), ("large", -(2**70)),
            ("large", 2**70),
        ]:  # fmt: skip
            joined = await one.do("room.join", room=room, since=since, limit=2)
            head = {"small": 2, "large": 9}[room]
            seqs = [message["seq"] for message in joined["messages"]]
            assert (joined["recovered"], joined["seq"], seqs) == (False, head, [head - 1, head])
        assert (await one.do("room.join", room="large", since=6))["recovered"] is True


async def test_joins_of_a_thousand_rooms_end_at_the_limit(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_JOIN_LIMIT = 20
    async with session(server) as one:
        said: list[str] = []
        for start in (0, 250):
            joins: list[dict[str, Any]] = [
                {"ref": str(n), "type": "room.join", "data": {"room": f"r{n}"}}
                for n in range(start, start + 250)
            ]
            await one.send(*joins)
            for _ in range(250):
                reply = await one.event("reply")
                said.append("ok" if reply["ok"] else reply["error"]["code"])
                if said[-1] == "rate_limited":
                    assert reply["error"]["retry_after"] > 0
        assert said[:20] == ["ok"] * 20
        assert set(said[20:]) == {"forbidden", "rate_limited"}
        assert len(current().hub._topics) <= 21  # and the author's own group
        # Refused rooms were not made.
        assert await Room.objects.acount() == 20
        # And as many again, faster than anybody may.
        await one.send(*2 * joins)
        assert await close_code(one.socket) == 4429


Send = Callable[[Client, str], Awaitable[None]]


async def in_fragments(one: Client, text: str) -> None:
    await one.socket.send([text[at : at + 3] for at in range(0, len(text), 3)])


async def between_pings(one: Client, text: str) -> None:
    pongs = [await one.socket.ping() for _ in range(50)]
    await one.socket.send(text)
    for pong in pongs:
        await asyncio.wait_for(pong, 10)


@pytest.mark.parametrize("way", [in_fragments, between_pings])
@pytest.mark.parametrize("deflate", [False, True])
async def test_a_frame_in_fragments_between_pings_or_compressed_is_a_frame(
    way: Send, deflate: bool
) -> None:
    async with serving(ws_per_message_deflate=deflate) as server, session(server) as one:
        assert bool(one.socket.protocol.extensions) is deflate
        command = {"ref": "안녕", "type": "room.join", "data": {"room": "자유방"}}
        await way(one, json.dumps(command, ensure_ascii=False))
        assert (await one.event("reply"))["ref"] == "안녕"
        room = await Room.objects.aget(name="자유방")
        event = EventBatch(events=[(1, b'{"type":"x","pad":"' + b"x" * 100_000 + b'"}')])
        await publisher.publish({room.pk: event})
        assert len((await one.event("x"))["pad"]) == 100_000


async def test_a_small_frame_that_is_large_when_unpacked_is_too_large() -> None:
    async with serving(ws_per_message_deflate=True) as server, session(server) as one:
        await one.socket.send(json.dumps({"type": "session.ping", "pad": "x" * 5_000_000}))
        assert await close_code(one.socket) == 4400


async def test_a_compressed_frame_that_was_not_agreed_on_closes(server: uvicorn.Server) -> None:
    async with session(server) as one:
        # FIN, RSV1 and text, masked, of two bytes.
        one.socket.transport.write(b"\xc1\x82\0\0\0\0{}")
        assert await close_code(one.socket) == 1002


@pytest.mark.usefixtures("worker")
async def test_clocks_that_jump_change_nothing(
    server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Room.objects.acreate(name="lobby", access="open")
    clock, now = time.time, timezone.now
    async with session(server) as one, session(server) as two:
        for client in (one, two):
            await client.do("room.join", room="lobby")
        for seq, jump in enumerate([86_400, -86_400, 0, 3_600], 1):
            monkeypatch.setattr(time, "time", lambda jump=jump: clock() + jump)
            monkeypatch.setattr(
                timezone, "now", lambda jump=jump: now() + dt.timedelta(seconds=jump)
            )
            await one.say("lobby", f"message {seq}")
            assert (await two.event("message.posted"))["seq"] == seq
            assert (await one.event("message.settled"))["data"]["status"] == "posted"
        joined = await two.do("room.join", room="lobby", since=1)
        assert [message["seq"] for message in joined["messages"]] == [2, 3, 4]
        assert joined["presence"]["count"] == 2


async def test_of_a_crowd_the_count_alone_is_told(
    server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PresenceStore, "named_people", 1)
    async with session(server) as one, session(server) as two:
        await one.do("room.join", room="lobby")
        first = (await one.event("presence.changed"))["data"]
        assert (first["count"], len(first["joined"])) == (1, 1)
        await two.do("room.join", room="lobby")
        assert (await one.event("presence.changed"))["data"] == {
            "count": 2, "joined": [], "left": [],
        }  # fmt: skip


async def test_when_a_crowd_is_none_any_more_everybody_is_named(
    server: uvicorn.Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BUS_PRESENCE_GRACE = 0.1
    monkeypatch.setattr(PresenceStore, "named_people", 2)
    async with session(server) as one, session(server) as two:
        names = [client.started["data"]["user"]["name"] for client in (one, two)]
        for client in (one, two):
            await client.do("room.join", room="lobby")
        await one.until(lambda item: item["type"] == "presence.changed" and count_of(item) == 2)
        async with session(server) as three:
            await three.do("room.join", room="lobby")
            crowd = (await one.event("presence.changed"))["data"]
            assert crowd == {"count": 3, "joined": [], "left": []}
        few = (await one.event("presence.changed"))["data"]
        assert few["count"] == 2
        assert sorted(member["name"] for member in few["members"]) == sorted(names)


def count_of(item: dict[str, Any]) -> int:
    found: int = item["data"]["count"]
    return found


async def test_a_peer_that_stopped_reading_is_cut_off(
    server: uvicorn.Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BUS_SEND_TIMEOUT = 0.2
    monkeypatch.setattr(Socket, "close_grace", 0.2)
    lobby = await Room.objects.acreate(name="lobby", access="open")
    async with session(server, ping_interval=None, close_timeout=0.1) as deaf:
        await deaf.do("room.join", room="lobby")
        deaf.socket.transport.pause_reading()
        (kept,) = server.server_state.connections
        told = EventPublished(name="said", payload="x" * 60_000, source="test", id="1")
        frame = told.frame("lobby")

        def is_stuck() -> bool:
            current().hub.deliver_locally(lobby.pk, frame)
            return not current().connections

        await until_async(is_stuck)
        # Neither does the server keep it, nor what it has for it.
        await until_async(lambda: not server.server_state.connections)
        assert kept.transport.is_closing()


async def test_who_reloads_the_page_never_left_and_those_who_come_together_are_one_event(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_PRESENCE_GRACE = 10.0
    async with session(server) as one:
        await one.do("room.join", room="lobby")
        assert (await one.event("presence.changed"))["data"]["count"] == 1
        tokens = []
        for _ in range(2):
            async with session(server) as two, session(server) as three:
                for client in (two, three):
                    await client.do("room.join", room="lobby")
                    tokens.append(client.started["data"]["token"])
                together = (await one.event("presence.changed"))["data"]
                assert len(together["joined"]) == 2
                assert together["left"] == []
        # Those who went are within their grace, and come back as who they were.
        async with session(server) as back:
            await back.do("session.authenticate", token=tokens[0])
            joined = await back.do("room.join", room="lobby")
            assert joined["presence"]["count"] == 5
        await until_async(lambda: current().hub.presence.here(hub_room()) == 1)
        await one.do("session.ping")
        assert not [item for item in one.inbox if item["type"] == "presence.changed"]


def hub_room() -> int:
    """The only room that this process has."""
    (room,) = current().hub.presence._rooms
    return room
