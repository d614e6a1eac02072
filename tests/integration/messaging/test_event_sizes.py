"""What would be too large as an event is refused at the door; what is taken reaches its room."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import transaction
from django.test import override_settings

from bus.broker import BusChannelLayer
from bus.broker.operations.dead_letters import DeadLetters
from bus.chat import api_keys
from bus.messaging import default_layer, outbox
from bus.models import QueuedSend, Room
from bus.protocol.channel_messages import EventRequested
from bus.protocol.channel_names import room_group
from bus.protocol.errors import TooLong
from tests.support.api_caller import Caller, accepted, refused
from tests.support.web_server import working

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

LIMIT = 262_144
ROOM = "가" * 64
EVENT = {"rooms": [ROOM], "name": "order.paid"}
# Texts that JSON spells longer than msgpack does, and one that it does not.
LETTERS = {"plain": "x", "quotes": '"', "control": "\x01", "hangul": "가"}


@pytest_asyncio.fixture
async def layer(broker: str) -> AsyncIterator[BusChannelLayer]:
    yield default_layer.get()
    await default_layer.close()


@pytest_asyncio.fixture
async def backend(layer: BusChannelLayer) -> Caller:
    return Caller(*await sync_to_async(api_keys.create)("ci"))


def event(payload: Any, kind: str = "event.requested") -> dict[str, Any]:
    where = {"users": [1]} if kind == "notification.requested" else {"rooms": [ROOM]}
    return {"type": kind, "data": {**where, "name": "order.paid", "payload": payload}}


@pytest.mark.parametrize("kind", ["event.requested", "notification.requested"])
@pytest.mark.parametrize("letter", LETTERS)
async def test_too_large_as_an_event_is_refused_at_every_door(
    backend: Caller, kind: str, letter: str
) -> None:
    text = LETTERS[letter]
    size = {"plain": 1, "quotes": 2, "control": 6, "hangul": 3}[letter]
    payload = text * ((LIMIT - 100) // size)
    answer = await backend.post("channels/broadcast/messages", event(payload, kind))
    assert refused(answer, "too_long")["field"] == "payload"
    answer = await backend.post("channels/broadcast/batch", [event(payload, kind)])
    assert answer.json()[0]["error"]["code"] == "too_long"
    with pytest.raises(TooLong):
        EventRequested(rooms=[ROOM], name="x", payload=payload)

    def store() -> None:
        message = {"type": kind, **event(payload, kind)["data"]}
        with transaction.atomic(), pytest.raises(TooLong):
            outbox.send_on_commit("broadcast", message)
        assert not QueuedSend.objects.exists()

    await sync_to_async(store)()


@pytest.mark.parametrize("letter", LETTERS)
async def test_the_largest_that_is_taken_reaches_its_room(
    layer: BusChannelLayer, backend: Caller, letter: str
) -> None:
    room = await Room.objects.acreate(name=ROOM, access="open")
    inbox = await layer.new_channel("x")
    await layer.group_add(room_group(room.pk), inbox)
    text = LETTERS[letter]
    low, high = 1, LIMIT
    while high - low > 1:
        middle = (low + high) // 2
        try:
            EventRequested(rooms=[ROOM], name="order.paid", payload=text * middle)
        except TooLong:
            high = middle
        else:
            low = middle
    assert low > LIMIT // 7
    accepted(await backend.post("channels/broadcast/messages", event(text * low)))
    async with working("broadcast"):
        told = await asyncio.wait_for(layer.receive(inbox), 10)
    assert len(told["events"]) == 1
    assert (await layer.stream("broadcast").stats(9)).dead == 0


async def test_the_longest_announcement_is_taken_and_told(
    layer: BusChannelLayer, backend: Caller
) -> None:
    room = await Room.objects.acreate(name=ROOM, access="open")
    inbox = await layer.new_channel("x")
    await layer.group_add(room_group(room.pk), inbox)
    data = {"rooms": [ROOM], "body": "가" * 2000}
    with override_settings(BUS_MESSAGE_SIZE_LIMIT=16_384):
        body = {"type": "announcement.requested", "data": data}
        accepted(await backend.post("channels/broadcast/messages", body))
        async with working("broadcast"):
            told = await asyncio.wait_for(layer.receive(inbox), 10)
        assert len(told["plain"]) == 1
    with override_settings(BUS_MESSAGE_SIZE_LIMIT=12_288):
        answer = await backend.post("channels/broadcast/messages", body)
        assert refused(answer, "too_long")["field"] == "body"


async def test_past_the_doors_it_is_one_dead_letter_and_the_others_are_told(
    layer: BusChannelLayer,
) -> None:
    room = await Room.objects.acreate(name="lobby", access="open")
    inbox = await layer.new_channel("x")
    await layer.group_add(room_group(room.pk), inbox)
    message = {"type": "event.requested", "rooms": ["lobby"], "name": "x"}
    await layer.send("broadcast", {**message, "payload": 1}, ordering_key="k")
    await layer.send("broadcast", {**message, "payload": "\x01" * 60_000}, ordering_key="k")
    await layer.send("broadcast", {**message, "payload": 2}, ordering_key="k")
    letters = DeadLetters(layer, "broadcast")
    async with working("broadcast"):
        told = await asyncio.wait_for(layer.receive(inbox), 10)
        assert len(told["events"]) == 2
        stats = await layer.stream("broadcast").stats(9)
        while stats.dead == 0:
            stats = await layer.stream("broadcast").stats(9)
    (letter,) = await letters.newest()
    assert "BUS_MESSAGE_SIZE_LIMIT" in letter.error
    assert letter.attempts == 1
