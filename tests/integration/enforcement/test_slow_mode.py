"""Slow mode: what an author waits between messages, edits of messages counting as messages do."""

import datetime as dt

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.utils import timezone

from bus.chat.visitors import Visitor
from bus.enforcement import room_policies
from bus.models import Member, Message, Room
from bus.posting import edit as edits
from bus.protocol.errors import SlowMode
from tests.support.factories import (
    GUEST_VISITOR,
    posted,
    room,
    settle,
    visitor,
)
from tests.support.web_server import session

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


def older(row: Message, seconds: float) -> None:
    """Have it written, and changed, some seconds before."""
    before = dt.timedelta(seconds=seconds)
    row.created_at -= before
    if row.edited_at is not None:
        row.edited_at -= before
    row.save(update_fields=["created_at", "edited_at"])


def edit(place: Room, row: Message, body: str, by: Visitor = GUEST_VISITOR) -> edits.Change:
    return edits.edit(place.pk, str(row.pk), by, body)


def test_an_edit_waits_as_a_message_does() -> None:
    place = room(slow_mode=30)
    row = posted(place)
    with pytest.raises(SlowMode) as refusal:
        edit(place, row, "good evening")
    assert 25 < (refusal.value.retry_after or 0) <= 30
    older(row, 31)
    assert edit(place, row, "good evening").row.body == "good evening"
    with pytest.raises(SlowMode):
        edit(place, row, "good night")
    # The same words again are the same edit, which was made.
    assert edit(place, row, "good evening").row.body == "good evening"
    # It counts for messages in all processes: the worker asks the database.
    assert [s.row.reason for s in settle(place, "and a message") if s.row] == ["slow_mode"]
    row.refresh_from_db()
    older(row, 31)
    assert [s.row.status for s in settle(place, "and a message") if s.row] == ["posted"]


def test_an_edit_of_an_old_message_counts_for_another() -> None:
    place = room(slow_mode=30)
    first = posted(place)
    older(first, 100)
    second = posted(place, "another")
    older(second, 50)
    edit(place, first, "changed")
    with pytest.raises(SlowMode):
        edit(place, second, "changed too")


def test_moderators_do_not_wait() -> None:
    place, mod = room(slow_mode=30), visitor("mod")
    Member.objects.create(room=place, user_id=mod.user_id, role="moderator")
    row = posted(place, author=mod.author)
    for body in ("one", "two", "three"):
        assert edit(place, row, body, mod).row.body == body


@pytest.mark.asyncio
async def test_sixty_edits_in_a_slow_room_are_one(moderated_server: uvicorn.Server) -> None:
    place = await Room.objects.acreate(name="lobby", access="open", slow_mode=60)
    async with session(moderated_server) as one:
        await one.do("room.join", room="lobby")
        await one.say("lobby", "hello")
        id = (await one.event("message.settled"))["data"]["id"]
        error = await one.refused("message.edit", room="lobby", id=id, body="hello 0")
        assert (error["code"], 50 < error["retry_after"] <= 60) == ("slow_mode", True)
        await Message.objects.aupdate(created_at=timezone.now() - dt.timedelta(seconds=90))
        cookie = {"Cookie": one.socket.response.headers["set-cookie"].split(";")[0]}
        # A reconnect makes nobody faster: in another session nothing is known but by the database.
        async with session(moderated_server, additional_headers=cookie) as again:
            await again.do("room.join", room="lobby")
            made = 0
            for number in range(60):
                reply = await again.ask("message.edit", room="lobby", id=id, body=f"hello {number}")
                made += reply["ok"]
                if not reply["ok"]:
                    assert reply["error"]["code"] in ("slow_mode", "rate_limited")
            assert made == 1
            # The same one is answered, though nothing is changed.
            assert await again.do("message.edit", room="lobby", id=id, body="hello 0") == {"seq": 2}
            error = await again.refused(
                "message.send", room="lobby", body="and on", client_id="next"
            )
            assert error["code"] == "slow_mode"
    assert (await Room.objects.aget(pk=place.pk)).head == 2


@pytest.mark.asyncio
async def test_edits_count_as_flooding_and_are_remembered(moderated_server: uvicorn.Server) -> None:
    place = await Room.objects.acreate(name="lobby", access="open")
    parts = {"flood_messages": 4, "flood_seconds": 60}
    await sync_to_async(room_policies.change)(place.pk, by=None, parts=parts)
    async with session(moderated_server) as one:
        await one.do("room.join", room="lobby")
        await one.say("lobby", "hello there")
        id = (await one.event("message.settled"))["data"]["id"]
        for body in ("first words", "second try", "third go"):
            await one.do("message.edit", room="lobby", id=id, body=body)
        error = await one.refused("message.edit", room="lobby", id=id, body="fourth time")
        assert error["reason"]["code"] == "flood"
        await one.say("lobby", "a new message")
        assert (await one.event("message.settled"))["data"]["reason"]["code"] == "flood"
