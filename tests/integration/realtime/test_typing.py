"""Typing: the room hears of it, at most once a second, from all processes, and not for ever."""

import asyncio
import time
from typing import Any

import pytest
import uvicorn

from bus.consumers.web_process import current
from bus.messaging import publisher
from bus.models import Room, Sanction
from bus.protocol.objects import Author
from bus.realtime.typing import TypingKeeper
from tests.support.wait import until_async
from tests.support.web_server import Client, session

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


async def members(client: Client) -> list[object]:
    """The ids of who types, as the client hears next."""
    event = await client.event("typing.changed")
    assert event["room"] == "lobby"
    return [member["id"] for member in event["data"]["members"]]


def id_of(client: Client) -> object:
    return client.started["data"]["user"]["id"]


async def test_a_room_hears_who_types_until_they_send(moderated_server: uvicorn.Server) -> None:
    async with (
        session(moderated_server) as one,
        session(moderated_server) as two,
        session(moderated_server) as three,
    ):
        for client in (one, two, three):
            await client.do("room.join", room="lobby")
        before = time.monotonic()
        assert await one.do("typing.start", room="lobby") == {}
        assert await members(three) == [id_of(one)]
        await two.do("typing.start", room="lobby")
        # Together at most one event a second.
        assert await members(three) == [id_of(one), id_of(two)]
        assert time.monotonic() - before >= 0.9
        await one.say("lobby", "here it is")
        assert await members(three) == [id_of(two)]
        await two.do("room.leave", room="lobby")
        assert await members(three) == []
    await until_async(lambda: not current().hub.typing._rooms)


async def test_typing_ends_by_itself(moderated_server: uvicorn.Server) -> None:
    current().hub.typing.expiry = 0.3
    async with session(moderated_server) as one, session(moderated_server) as two:
        for client in (one, two):
            await client.do("room.join", room="lobby")
        await one.do("typing.start", room="lobby")
        assert await members(two) == [id_of(one)]
        assert await members(two) == []
    await until_async(lambda: not current().hub.typing._rooms)


async def test_who_may_not_write_does_not_type(moderated_server: uvicorn.Server) -> None:
    async with session(moderated_server) as one:
        error = await one.refused("typing.start", room="lobby")
        assert error["code"] == "not_member"
        await one.do("room.join", room="lobby")
        lobby = await Room.objects.aget(name="lobby")
        await Sanction.objects.acreate(room=lobby, author_key=id_of(one), kind="mute")
        await one.event("member.changed")
        assert (await one.refused("typing.start", room="lobby"))["code"] == "muted"


class Told:
    """Two processes' keepers, joined as the broker joins them."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, audience: int = 2, gathering: float = 1.0
    ) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.messages: list[dict[str, Any]] = []
        self.keepers = [self._keeper(number, audience, gathering) for number in range(2)]
        monkeypatch.setattr(publisher, "publish_typing", self.tell)

    def _keeper(self, number: int, audience: int, gathering: float) -> TypingKeeper:
        return TypingKeeper(
            lambda room, frame: self.frames.append((number, frame)),
            lambda room: audience,
            gathering=gathering,
        )

    async def tell(self, room: int, name: str, started: object, stopped: object) -> None:
        message = {"room": room, "name": name, "started": started, "stopped": stopped}
        self.messages.append(message)
        for keeper in self.keepers:
            keeper.receive(message)


async def test_processes_agree_on_who_types(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch, gathering=0.05)
    one, two = told.keepers
    one.start(1, "lobby", "u1", Author(id=1, name="mina"))
    two.start(1, "lobby", "u2", Author(id=2, name="jun"))
    both = b'[{"id":1,"name":"mina"},{"id":2,"name":"jun"}]'
    await until_async(lambda: {at for at, frame in told.frames if both in frame} == {0, 1})
    one.close()
    two.close()


async def test_who_has_another_name_is_shown_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the old name was shown a moment ago, and where it waited to be published."""
    told = Told(monkeypatch, gathering=0.05)
    one, two = told.keepers
    one.start(1, "lobby", "u1", Author(id=1, name="mina"))
    await until_async(lambda: len(told.frames) == 2)
    one.start(1, "lobby", "u2", Author(id=2, name="jun"))
    for keeper in told.keepers:
        keeper.forget(["u1", "u2"])
    one.start(1, "lobby", "u1", Author(id=1, name="wilma"))
    renamed = b'"members":[{"id":1,"name":"wilma"}]'
    await until_async(lambda: {at for at, frame in told.frames if renamed in frame} == {0, 1})
    assert not any(b"jun" in frame for _, frame in told.frames)
    one.close()
    two.close()


async def test_typing_on_and_on_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch)
    one, two = told.keepers
    for _ in range(1000):
        one.start(1, "lobby", "u1", Author(id=1, name="mina"))
    await until_async(lambda: told.frames)
    await asyncio.sleep(0)
    assert len(told.messages) == 1
    one.close()
    two.close()


async def test_large_rooms_are_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch, audience=101)
    told.keepers[0].start(1, "lobby", "u1", Author(id=1, name="mina"))
    assert not told.keepers[0]._news
    assert not told.messages
