"""A storm of returning clients: each gets what it missed, and the database is hardly asked."""

import asyncio
import json
from collections import Counter
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from bus.chat import history
from bus.chat.visitors import Visitor
from bus.consumers.web_process import current
from bus.database import threads
from bus.messaging import publisher
from bus.models import Room
from bus.posting import catch_up, events, removal
from bus.realtime.hub import Hub
from bus.realtime.prepared_frames import PreparedFrames
from bus.review import reports, reviews
from tests.integration.realtime.test_gap_repair import stored, tell
from tests.support.wait import until_async
from tests.support.web_server import serving, session

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


class Ear:
    """A listener."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def push(self, prepared: PreparedFrames) -> None:
        self.heard += prepared.frames

    def fail(self) -> None:
        raise AssertionError("nobody is sent away")


async def test_ten_thousand_who_come_back_at_once_ask_the_database_once(
    database: Counter[str],
) -> None:
    lobby = await Room.objects.acreate(name="lobby", access="open")
    await stored(lobby, *(f"body {n}" for n in range(20)))
    one = Hub()
    ears = [Ear() for _ in range(10_000)]

    async def back(number: int, ear: Ear) -> list[int]:
        subscription = await one.join_room(lobby.pk, ear)
        since = number % 20
        found = await one.recover(subscription, since, None)
        assert found.recovered
        subscription.release(found.head)
        return [since, *(message["seq"] for message in json.loads(found.messages))]

    try:
        for seqs in await asyncio.gather(*(back(n, ear) for n, ear in enumerate(ears))):
            assert seqs == [*range(seqs[0], 21)]
        assert database == {"heads": 1, "snapshots": 1}
        await tell(lobby, *(await stored(lobby, "after")))
        await until_async(lambda: all(ear.heard for ear in ears))
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
        assert current().hub._topics[f"room.{lobby.pk}"].recent.loaded  # type: ignore[attr-defined]
        current().hub._topics[f"room.{lobby.pk}"].recent.drop()  # type: ignore[attr-defined]
        settings.BUS_RECOVERY_CACHE = 0
        assert [await joined(**data) for data in asked] == with_cache
        assert [m["body"] for m in with_cache[0]["messages"]] == ["one", "two", "three"]
        assert with_cache[4]["recovered"] is False
    recovered = await threads.run(catch_up.recover, lobby.pk, 0, None)
    assert [message.id for message in recovered.messages] == [str(row.pk) for row in rows]


async def test_ten_thousand_ask_once_however_much_was_edited_and_removed(
    database: Counter[str],
) -> None:
    lobby = await Room.objects.acreate(name="lobby", access="open")
    rows = await stored(lobby, *(f"body {n}" for n in range(160)))
    # Of the last 500 changes none is a posting.
    lobby.head = rows[-1].changed = 700
    rows[-1].edited_at = timezone.now()
    await lobby.asave()
    await rows[-1].asave()
    one = Hub()

    async def back(number: int) -> int:
        subscription = await one.join_room(lobby.pk, Ear())
        found = await one.recover(subscription, 650 if number % 2 else None, None)
        return len(json.loads(found.messages))

    try:
        assert await asyncio.gather(*map(back, range(10_000))) == [50, 1] * 5000
        assert database == {"heads": 1, "snapshots": 1}
        # An old one is removed: all of them together read once more.
        rows[0].removed_at, rows[0].changed, lobby.head = timezone.now(), 701, 701
        await rows[0].asave()
        await lobby.asave()
        event_batches = events.EventBatches()
        event_batches.changed(rows[0], lobby.name)
        await publisher.publish(event_batches.rooms)
        await until_async(lambda: one.position(lobby.pk) == 701)
        assert await asyncio.gather(*map(back, range(10_000))) == [50, 2] * 5000
        assert database == {"heads": 1, "snapshots": 2}
    finally:
        await one.close()


async def test_a_removal_that_was_not_heard_is_in_no_answer(settings: Settings) -> None:
    settings.BUS_RIGHTS_AGE = 0
    lobby = await Room.objects.acreate(name="lobby", access="open")
    (row,) = await stored(lobby, "a secret")
    async with serving() as server, session(server) as one, session(server) as two:
        joined = await one.do("room.join", room="lobby")
        assert joined["messages"][0]["body"] == "a secret"
        # Committed elsewhere; its event is lost, and nobody has noticed yet.
        removal.take_out(row, lobby, timezone.now(), "moderator")
        await row.asave()
        await lobby.asave()
        for since in ({}, {"since": 0}, {"since": 1}):
            joined = await two.do("room.join", room="lobby", **since)
            assert (joined["seq"], joined["messages"][0]["body"]) == (2, "")


@pytest.mark.parametrize("cache", [0, 67_108_864])
async def test_what_is_removed_during_a_join_is_not_in_its_reply(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, cache: int
) -> None:
    settings.BUS_RECOVERY_CACHE = cache
    lobby = await Room.objects.acreate(name="lobby", access="open")
    row, _ = await stored(lobby, "a secret", "good morning")
    async with serving() as server, session(server) as witness, session(server) as one:
        await witness.do("room.join", room="lobby")
        enter, run = current().hub.presence.enter, threads.run

        async def remove() -> None:
            removal.take_out(row, lobby, timezone.now(), "moderator")
            await row.asave()
            await lobby.asave()
            event_batches = events.EventBatches()
            event_batches.changed(row, lobby.name)
            await publisher.publish(event_batches.rooms)
            await witness.event("message.removed")

        async def while_it_enters(*args: Any) -> Any:
            await remove()
            return await enter(*args)

        async def after_the_reading(function: Any, *args: Any) -> Any:
            found = await run(function, *args)
            if function is catch_up.recover:
                await remove()
            return found

        if cache:
            monkeypatch.setattr(current().hub.presence, "enter", while_it_enters)
        else:
            monkeypatch.setattr(threads, "run", after_the_reading)
        joined = await one.do("room.join", room="lobby")
        assert [message["body"] for message in joined["messages"]] == ["", "good morning"]
        assert joined["messages"][0]["removed"]
        if not cache:
            assert (await one.event("message.removed"))["seq"] == 3


async def test_while_a_room_is_repaired_its_old_state_is_told_to_nobody() -> None:
    lobby = await Room.objects.acreate(name="lobby", access="open")
    (row,) = await stored(lobby, "a secret")
    one = Hub()
    try:
        subscription = await one.join_room(lobby.pk, Ear())
        await one.recover(subscription, None, None)
        removal.take_out(row, lobby, timezone.now(), "moderator")
        await row.asave()
        await lobby.asave()
        one._topics[f"room.{lobby.pk}"].pause()  # type: ignore[attr-defined]
        found = await one.recover(subscription, None, None)
        assert (found.head, b"secret" in found.messages) == (2, False)
    finally:
        await one.close()


async def hears(ear: Ear, kind: str) -> dict[str, Any]:
    """The newest event of a type, once it is there."""
    await until_async(lambda: any(json.loads(frame)["type"] == kind for frame in ear.heard))
    return [e for e in map(json.loads, ear.heard) if e["type"] == kind][-1]["data"]


async def test_a_hidden_message_comes_out_of_nothing_until_it_is_shown_again() -> None:
    """Three reports hide it, a moderator shows it, takes that back, and rejects it."""
    lobby = await Room.objects.acreate(name="lobby", access="open")
    (row,) = await stored(lobby, "what was said")
    moderator = await User.objects.acreate(username="mod")
    people = [
        await User.objects.acreate(username=f"m{n}", date_joined="2020-01-01T00:00Z")
        for n in range(3)
    ]
    one, ear, texts = Hub(), Ear(), list[list[bool]]()

    async def told(event_batches: events.EventBatches) -> None:
        """Publish, and note by which ways the words come out, once the room has heard of it."""
        await publisher.publish(event_batches.rooms)
        head = (await Room.objects.aget(pk=lobby.pk)).head
        await until_async(lambda: one.position(lobby.pk) == head)
        ways: list[Any] = []
        for since in (None, 0, head - 1):
            found = await one.recover(subscription, since, None)
            assert found.head == head
            ways.append(found.messages)
            ways.append(await threads.run(catch_up.recover, lobby.pk, since, None))
        ways.append(await threads.run(history.page, lobby, None, 0, 50))
        ways.append(await threads.run(catch_up.events_since, lobby.pk, 0))
        texts.append([b"what was said" in repr(way).encode() for way in ways])

    async def decided(step: Any, *args: Any, **kwargs: Any) -> None:
        decision = await threads.run(partial(step, *args, **kwargs))
        await told(await threads.run(events.of_domain_events, decision.domain_events))

    try:
        subscription = await one.join_room(lobby.pk, ear)
        subscription.release(1)
        await told(events.EventBatches())
        for person in people:
            visitor = Visitor(f"u{person.pk}", person.pk, person.username, person.pk)
            review = await threads.run(reports.file, lobby, str(row.pk), visitor, "rude")
            if review is not None:
                found = review
                told_of_it = await threads.run(events.of_report, review)
        await told(told_of_it)
        await decided(reviews.decide, found.pk, approve=True, by=moderator)
        await decided(reviews.undo, found.pk, by=moderator)
        await decided(reviews.decide, found.pk, approve=False, by=moderator)
        assert [set(ways) for ways in texts] == [{True}, {False}, {True}, {False}, {False}]
        assert (await hears(ear, "message.edited"))["body"] == "what was said"
    finally:
        await one.close()


async def test_the_rooms_asked_for_longest_ago_make_room(settings: Settings) -> None:
    one = Hub()
    try:
        for number in range(3):
            room = await Room.objects.acreate(name=f"room{number}", access="open")
            await stored(room, "x" * 1000)
            subscription = await one.join_room(room.pk, Ear())
            await one.recover(subscription, None, None)
        # By number: as texts, `room.10` comes before `room.9`.
        topics = sorted(one._topics.values(), key=lambda topic: topic.room)  # type: ignore[attr-defined]
        settings.BUS_RECOVERY_CACHE = 6000
        one._recovery_cache.make_room(topics)  # type: ignore[arg-type]
        assert [topic.recent.loaded for topic in topics] == [False, True, True]  # type: ignore[attr-defined]
    finally:
        await one.close()
