"""What the broker did not bring is read from the database and told, unasked."""

import time

import pytest
import redis
from django.utils import timezone
from pytest_django import Settings

from bus.consumers.web_process import current
from bus.database import threads
from bus.messaging import default_layer, publisher
from bus.models import Message, Room
from bus.posting import catch_up, events
from bus.posting.settle import post
from bus.protocol import channel_names
from tests.support.web_server import serving, session

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


async def stored(room: Room, *bodies: str) -> list[Message]:
    """Messages that are committed, and that nobody was told."""
    rows = []
    for body in bodies:
        row = Message(
            room=room, author_key="gabc", author_name="guest", client_id=f"c{room.head}", body=body,
            created_at=timezone.now(),
        )  # fmt: skip
        post(row, room, timezone.now())
        await row.asave()
        rows.append(row)
    await room.asave()
    return rows


async def tell(room: Room, *rows: Message) -> None:
    event_batches = events.EventBatches()
    for row in rows:
        event_batches.posted(row, room.name)
    await publisher.publish(event_batches.rooms)


async def test_a_last_message_that_was_lost_comes_within_seconds(settings: Settings) -> None:
    settings.BUS_POSITION_CHECK = 0.1
    lobby = await Room.objects.acreate(name="lobby", access="open")
    async with serving() as server, session(server) as one:
        await one.do("room.join", room="lobby")
        first, _ = await stored(lobby, "told", "lost")
        await tell(lobby, first)
        assert [(await one.event("message.posted"))["seq"] for _ in range(2)] == [1, 2]
        assert (current().hub.counts.repaired, current().hub.counts.gaps) == (1, 0)


def flood(client: redis.Redis, name: str) -> None:
    """Publish more than the broker keeps for who does not read, until it cuts the listener off."""
    end = time.monotonic() + 30
    while client.publish(name, b"\xc0" * 100_000):
        assert time.monotonic() < end, "a process that reads nothing is heard all the same"


async def test_what_a_process_was_too_slow_to_read_comes_once_it_reads_again(
    settings: Settings, broker: str
) -> None:
    # Not found by the look at all positions, which comes later.
    settings.BUS_POSITION_CHECK = 600
    lobby = await Room.objects.acreate(name="lobby", access="open")
    name = default_layer.get().group_locator()(channel_names.room_group(lobby.pk))[0]
    limit = "client-output-buffer-limit"
    with redis.Redis.from_url(broker) as client:
        before = client.config_get(limit)[limit]
        client.config_set(limit, "pubsub 1mb 1mb 0")
        try:
            async with serving() as server, session(server) as one:
                await one.do("room.join", room="lobby")
                rows = await stored(lobby, *("x" * 1000 for _ in range(10)))
                # Nothing of this process runs meanwhile.
                flood(client, name)
                for row in rows[:5]:
                    await tell(lobby, row)
                heard = [(await one.event("message.posted"))["seq"] for _ in range(10)]
                assert heard == list(range(1, 11))
        finally:
            client.config_set(limit, before)


async def test_one_that_was_lost_between_others_comes_in_its_place() -> None:
    lobby = await Room.objects.acreate(name="lobby", access="open")
    async with serving() as server, session(server) as one:
        await one.do("room.join", room="lobby")
        first, _, third, fourth = await stored(lobby, "1", "lost", "3", "4")
        await tell(lobby, first)
        await tell(lobby, third)
        await tell(lobby, fourth)
        heard = [await one.event("message.posted") for _ in range(4)]
        assert [(event["seq"], event["data"]["body"]) for event in heard] == [
            (1, "1"), (2, "lost"), (3, "3"), (4, "4"),
        ]  # fmt: skip


async def test_two_that_overtook_each_other_come_in_order_without_the_database() -> None:
    lobby = await Room.objects.acreate(name="lobby", access="open")
    async with serving() as server, session(server) as one:
        await one.do("room.join", room="lobby")
        first, second, third = await stored(lobby, "1", "2", "3")
        await tell(lobby, third)
        await tell(lobby, second)
        await tell(lobby, first)
        assert [(await one.event("message.posted"))["seq"] for _ in range(3)] == [1, 2, 3]
        assert current().hub.counts.repaired == 0


async def test_every_seq_has_an_event_and_none_a_text_that_was_taken_back() -> None:
    lobby = await Room.objects.acreate(name="lobby", access="open")
    _, edited, removed = await stored(lobby, "kept", "first words", "a secret")
    # Edited at 4 and at 6, removed at 5: of the edit at 4 nothing is left.
    edited.body, edited.edited_at, edited.changed = "last words", timezone.now(), 6
    removed.removed_at, removed.changed = timezone.now(), 5
    await edited.asave()
    await removed.asave()
    lobby.head = 6
    await lobby.asave()

    event_batch = await threads.run(catch_up.events_since, lobby.pk, 0)
    assert event_batch is not None
    assert [seq for seq, _ in event_batch.events] == [1, 2, 3, 4, 5, 6]
    assert not any(b"secret" in frame or b"first words" in frame for _, frame in event_batch.events)
    later = await threads.run(catch_up.events_since, lobby.pk, 3)
    assert later is not None
    assert [seq for seq, _ in later.events if seq and seq > 3] == [4, 5, 6]
    assert (await threads.run(catch_up.heads, [lobby.pk, 0])) == {lobby.pk: 6, 0: None}
