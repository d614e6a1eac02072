"""A storm of returning clients: each gets what it missed, and the database is hardly asked."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from pytest_django import Settings

from bus.consumers import database, repair
from bus.models import Room
from bus.realtime.bundle import Bundle
from bus.realtime.hub import Hub, hub
from bus.realtime.recent import Snapshot
from bus.services import history
from tests.eventually import becomes
from tests.integration.live import serving, session
from tests.integration.test_repair import stored, tell

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


class Ear:
    """A listener."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def push(self, bundle: Bundle) -> None:
        self.heard += bundle.frames

    def fail(self) -> None:
        raise AssertionError("nobody is sent away")


class CountingReader(repair.Reader):
    """The database, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def heads(self, rooms: Sequence[int]) -> dict[int, int]:
        self.asked += 1
        return await super().heads(rooms)

    async def recent(self, room: int, span: int) -> Snapshot:
        self.asked += 1
        return await super().recent(room, span)


async def test_ten_thousand_who_come_back_at_once_ask_the_database_once() -> None:
    lobby = await Room.objects.acreate(name="lobby", access="open")
    await stored(lobby, *(f"body {n}" for n in range(20)))
    reader = CountingReader()
    one = Hub(source=reader)
    ears = [Ear() for _ in range(10_000)]

    async def back(number: int, ear: Ear) -> list[int]:
        seat = await one.join_room(lobby.pk, ear)
        since = number % 20
        caught = await one.catch_up(seat, since, None)
        assert caught is not None
        assert caught.recovered
        seat.release(caught.head)
        return [since, *(message["seq"] for message in json.loads(caught.messages))]

    try:
        for seqs in await asyncio.gather(*(back(n, ear) for n, ear in enumerate(ears))):
            assert seqs == [*range(seqs[0], 21)]
        # The room's position, and its newest messages; of both one query.
        assert reader.asked == 2
        await tell(lobby, *(await stored(lobby, "after")))
        await becomes(lambda: all(ear.heard for ear in ears))
        assert {len(ear.heard) for ear in ears} == {1}
    finally:
        await one.close()


async def test_a_join_says_the_same_with_the_cache_as_without(settings: Settings) -> None:
    lobby = await Room.objects.acreate(name="lobby", access="open")
    rows = await stored(lobby, "one", "two", "three")
    async with serving() as server, session(server) as client:

        async def joined(**data: Any) -> Any:
            reply = await client.do("room.join", room="lobby", **data)
            reply.pop("presence")
            return reply

        asked: list[dict[str, Any]] = [
            {}, {"since": 0}, {"since": 2}, {"since": 3}, {"since": 99}, {"limit": 1},
        ]  # fmt: skip
        with_cache = [await joined(**data) for data in asked]
        assert hub()._topics[f"room.{lobby.pk}"].recent.loaded  # type: ignore[attr-defined]
        hub()._topics[f"room.{lobby.pk}"].recent.drop()  # type: ignore[attr-defined]
        settings.BUS_RECOVERY_CACHE = 0
        assert [await joined(**data) for data in asked] == with_cache
        assert [m["body"] for m in with_cache[0]["messages"]] == ["one", "two", "three"]
        assert with_cache[4]["recovered"] is False
    recovered = await database.run(history.recover, lobby, 0, None)
    assert [message.id for message in recovered.messages] == [str(row.pk) for row in rows]


async def test_the_rooms_asked_for_longest_ago_make_room(settings: Settings) -> None:
    reader = CountingReader()
    one = Hub(source=reader)
    try:
        for number in range(3):
            room = await Room.objects.acreate(name=f"room{number}", access="open")
            await stored(room, "x" * 1000)
            seat = await one.join_room(room.pk, Ear())
            await one.catch_up(seat, None, None)
        topics = [one._topics[group] for group in sorted(one._topics)]
        settings.BUS_RECOVERY_CACHE = 4000
        one._recovery.make_room(topics)  # type: ignore[arg-type]
        assert [topic.recent.loaded for topic in topics] == [False, True, True]  # type: ignore[attr-defined]
    finally:
        await one.close()
