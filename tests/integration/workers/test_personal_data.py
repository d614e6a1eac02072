"""Personal data through the worker: what is stored of it, where, and for how long."""

import json
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.core import serializers

from bus import models
from bus.broker.operations.handled_log import HandledLog
from bus.enforcement import review_serializer, room_policies
from bus.messaging import default_layer, operations
from bus.models import Label, Message, Review, Room
from bus.protocol import channel_names
from bus.review import expiry, reviews
from bus.workers import moderation
from tests.integration.workers.test_workers import Listener, submit, working
from tests.support.wait import until_async as until

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]

SECRET = "010-2345-6789"
STARS = "*" * len(SECRET)


@pytest.fixture
def lobby(transactional_db: None) -> Room:
    return Room.objects.create(name="lobby", access="open")


@pytest.fixture(autouse=True)
def kept_for_a_replay(settings: Any) -> None:
    settings.BUS_RETENTION = "3600"


async def said(place: Room, body: str, **personal: str) -> dict[str, Any]:
    """What the author is told of a message under this policy."""
    parts = {"personal": personal, "model": None}
    await sync_to_async(room_policies.change)(place.pk, by=None, parts=parts)
    async with Listener.on(channel_names.author_group("gabc")) as heard, working():
        await submit(body, "c1")
        await until(lambda: bool(heard.of("message.settled")))
    (event,) = heard.of("message.settled")
    return dict(event["data"])


def in_database(text: str) -> list[str]:
    """Every row, of whatever table, that holds this."""
    kinds = [getattr(models, name) for name in models.__all__]
    tables = [kind for kind in kinds if hasattr(kind, "objects")]
    rows = [row for table in tables for row in table.objects.all()]
    return [
        f"{row._meta.model_name}.{name}"
        for row in rows
        for name, value in serializers.serialize("python", [row])[0]["fields"].items()
        if text in json.dumps(value, default=str, ensure_ascii=False)
    ]


def in_broker(url: str, text: str) -> list[bytes]:
    """Every key of the broker that holds this."""
    with redis.Redis.from_url(url) as client:
        held = {
            key: client.xrange(key) if client.type(key) == b"stream" else client.dump(key)
            for key in client.scan_iter()
        }
    return [key for key, value in held.items() if text in repr(value)]


async def test_what_is_masked_is_stored_nowhere(lobby: Room, broker: str) -> None:
    told = await said(lobby, f"call me at {SECRET}", phone="mask")
    assert told["status"] == "posted"
    row = await Message.objects.aget()
    assert row.body == f"call me at {STARS}"
    assert await sync_to_async(in_database)(SECRET) == []
    stretch = await HandledLog(default_layer.get(), "moderation").stretch(0, 10**14)
    assert len(stretch.positions) == 1
    assert in_broker(broker, "2345") == []
    assert in_broker(broker, STARS) != []


async def test_what_is_rejected_for_something_else_is_masked_too(lobby: Room) -> None:
    told = await said(lobby, f"fuck you, call {SECRET}", phone="hold")
    assert told["status"] == "rejected"
    assert await sync_to_async(in_database)(SECRET) == []


async def test_what_is_held_lies_in_its_row_alone(lobby: Room, broker: str) -> None:
    told = await said(lobby, f"call me at {SECRET}", phone="hold")
    assert (told["status"], told["reason"]["code"]) == ("held", "personal")
    assert told["reason"]["message"] == "It has personal data or a secret."
    assert await sync_to_async(in_database)(SECRET) == ["message.body"]
    assert in_broker(broker, "2345") == []
    review = await Review.objects.select_related("message__room").aget()
    shown = await sync_to_async(review_serializer.of)(review)
    assert shown.body == f"call me at {STARS}"
    assert [(hit.kind, hit.start, hit.matched) for hit in shown.hits] == [("phone", 11, STARS)]
    assert SECRET not in str(review.message)


async def test_what_is_held_is_never_posted_first(lobby: Room) -> None:
    await sync_to_async(room_policies.change)(lobby.pk, by=None, ways={"mode": "after"})
    async with Listener.on(channel_names.room_group(lobby.pk)) as heard:
        told = await said(lobby, f"call me at {SECRET}", phone="hold")
    assert (told["status"], heard.events) == ("held", [])


async def test_approved_it_stands_and_rejected_it_is_wiped(lobby: Room) -> None:
    await said(lobby, f"call me at {SECRET}", phone="hold")
    review = await Review.objects.aget()
    mod = await sync_to_async(User.objects.create_user)("mod")
    await sync_to_async(reviews.decide)(review.pk, approve=False, by=mod)
    assert await sync_to_async(in_database)(SECRET) == []
    assert (await Label.objects.aget()).text == f"call me at {STARS}"
    # Taken back, there are but stars to decide about.
    await sync_to_async(reviews.undo)(review.pk, by=mod)
    await sync_to_async(reviews.decide)(review.pk, approve=True, by=mod)
    row = await Message.objects.aget()
    assert (row.status, row.body) == ("posted", f"call me at {STARS}")


async def test_approved_it_is_posted_as_it_was_written(lobby: Room) -> None:
    await said(lobby, f"call me at {SECRET}", phone="hold")
    review = await Review.objects.aget()
    await sync_to_async(reviews.decide)(review.pk, approve=True, by=None)
    assert (await Message.objects.aget()).body == f"call me at {SECRET}"
    assert await sync_to_async(in_database)(SECRET) == ["message.body"]


async def test_nobody_looked_and_it_is_posted_starred(lobby: Room) -> None:
    ways = {"held_expires": "post"}
    await sync_to_async(room_policies.change)(lobby.pk, by=None, ways=ways)
    await said(lobby, f"call me at {SECRET}", phone="hold")
    await Review.objects.aupdate(expires_at="2020-01-01T00:00:00Z")
    await sync_to_async(expiry.expire_due)()
    assert (await Message.objects.aget()).body == f"call me at {STARS}"
    assert await sync_to_async(in_database)(SECRET) == []


async def test_a_dead_letter_holds_none(
    lobby: Room, broker: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def broken(*_args: object) -> None:
        raise ValueError("a handler that fails")

    settings.BUS_MAX_ATTEMPTS = 1
    monkeypatch.setattr(moderation, "judge_many", broken)
    parts = {"personal": {"phone": "mask"}}
    await sync_to_async(room_policies.change)(lobby.pk, by=None, parts=parts)
    letters = operations.dead_letters("moderation")
    async with working():
        await submit(f"call me at {SECRET}", "c1")

        async def is_there() -> bool:
            return bool(await letters.newest())

        await until(is_there)
    (letter,) = await letters.newest()
    assert letter.message is not None
    assert letter.message["body"] == f"call me at {STARS}"
    assert in_broker(broker, "2345") == []


async def test_what_is_too_long_is_stored_and_shown_without(lobby: Room, broker: str) -> None:
    await sync_to_async(room_policies.change)(lobby.pk, by=None, ways={"mode": "after"})
    async with Listener.on(channel_names.room_group(lobby.pk)) as heard:
        told = await said(lobby, f"call me at {SECRET} " + "soon " * 500, phone="mask")
    assert (told["status"], told["reason"]["code"], heard.events) == ("rejected", "too_long", [])
    assert (await Message.objects.aget()).body.startswith(f"call me at {STARS} soon")
    assert await sync_to_async(in_database)(SECRET) == []
    assert in_broker(broker, "2345") == []


async def test_approved_and_taken_back_it_is_wiped_when_it_is_rejected(lobby: Room) -> None:
    await said(lobby, f"call me at {SECRET}", phone="hold")
    review = await Review.objects.aget()
    mod = await sync_to_async(User.objects.create_user)("mod")
    await sync_to_async(reviews.decide)(review.pk, approve=True, by=mod)
    await sync_to_async(reviews.undo)(review.pk, by=mod)
    assert await sync_to_async(in_database)(SECRET) == ["message.body"]
    await sync_to_async(reviews.decide)(review.pk, approve=False, by=mod)
    assert await sync_to_async(in_database)(SECRET) == []


async def test_a_dead_letter_that_no_schema_takes_holds_none(
    broker: str, transactional_db: None
) -> None:
    letters = operations.dead_letters("moderation")
    text = f"call me at {SECRET} " + "soon " * 500
    async with working():
        message = {"type": "message.submitted", "room": "lobby", "body": text}
        await default_layer.get().send("moderation", message)

        async def is_there() -> bool:
            return bool(await letters.newest())

        await until(is_there)
    (letter,) = await letters.newest()
    assert letter.message is not None
    assert letter.message["body"] == text.replace(SECRET, STARS)
    assert in_broker(broker, "2345") == []
