"""Newcomers wait before they write, where a room asks them to, in every process."""

import datetime as dt
import json

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.utils import timezone
from websockets.asyncio.client import connect

from bus.chat import admission_data, newcomers
from bus.chat.room_access import RoomAccess
from bus.chat.visitors import Visitor
from bus.enforcement import room_policies
from bus.models import Arrival, Member, Message, Room
from bus.protocol.errors import SlowMode
from bus.protocol.objects import Author
from tests.support.factories import (
    GUEST,
    GUEST_VISITOR,
    room,
    settle,
    visitor,
)
from tests.support.web_server import address, session

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


def earlier(seconds: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(seconds=seconds)


def enter(place: Room, by: Visitor) -> RoomAccess:
    asked = place.name, frozenset({by.key})
    facts = admission_data.read([asked])[asked]
    assert isinstance(facts, admission_data.AdmissionData)
    return facts.rights(by).admit()


def outcomes(place: Room, author: Author = GUEST) -> list[str]:
    return [s.row.reason for s in settle(place, "good morning", author=author) if s.row]


def test_a_guest_waits_from_the_first_time_that_the_room_saw_them() -> None:
    place = room(newcomer_wait=60)
    entry = enter(place, GUEST_VISITOR)
    with pytest.raises(SlowMode) as refusal:
        entry.check_write()
    assert (refusal.value.code, 55 < (refusal.value.retry_after or 0) <= 60) == ("slow_mode", True)
    assert "newcomers" in refusal.value.text
    assert entry.you.writes_from is not None
    assert entry.info.newcomer_wait == 60
    # The worker looks again, whoever sent it.
    assert outcomes(place) == ["newcomer"]
    # Again later: it is the first time that counts.
    assert enter(place, GUEST_VISITOR).writes_from == entry.writes_from
    Arrival.objects.update(at=earlier(61))
    entry = enter(place, GUEST_VISITOR)
    entry.check_write()
    assert entry.you.writes_from is None
    assert outcomes(place) == [""]


def test_who_wrote_before_is_no_newcomer_and_who_only_just_did_is() -> None:
    place = room()
    settle(place, "long ago")
    Message.objects.update(created_at=earlier(100))
    room_policies.change(place.pk, by=None, newcomer_wait=60)
    place.refresh_from_db()
    enter(place, GUEST_VISITOR).check_write()
    Message.objects.update(created_at=earlier(10))
    with pytest.raises(SlowMode):
        enter(place, GUEST_VISITOR).check_write()


def test_members_wait_from_when_they_joined_and_moderators_do_not() -> None:
    place = room(newcomer_wait=60)
    new, old, mod = visitor("new"), visitor("old"), visitor("mod")
    for by, role in ((new, "member"), (old, "member"), (mod, "moderator")):
        Member.objects.create(room=place, user_id=by.user_id, role=role)
    Member.objects.filter(user=old.user_id).update(joined_at=earlier(61))
    with pytest.raises(SlowMode):
        enter(place, new).check_write()
    enter(place, old).check_write()
    enter(place, mod).check_write()
    assert [outcomes(place, by.author) for by in (new, old, mod)] == [["newcomer"], [""], [""]]


def test_a_clock_that_was_set_back_makes_nobody_wait_longer() -> None:
    place = room(newcomer_wait=60)
    enter(place, GUEST_VISITOR)
    Arrival.objects.update(at=earlier(-3600))
    until = enter(place, GUEST_VISITOR).writes_from
    assert until is not None
    assert until <= timezone.now() + dt.timedelta(seconds=60)


def test_rooms_that_ask_nobody_to_wait_keep_nothing_and_old_guests_are_forgotten() -> None:
    place = room()
    enter(place, GUEST_VISITOR)
    assert not Arrival.objects.exists()
    room_policies.change(place.pk, by=None, newcomer_wait=60)
    enter(place, GUEST_VISITOR)
    newcomers.forget_old()
    assert Arrival.objects.count() == 1
    Arrival.objects.update(at=earlier(8 * 86_400))
    newcomers.forget_old()
    assert not Arrival.objects.exists()


@pytest.mark.asyncio
async def test_a_newcomer_is_told_how_long_in_each_protocol(
    moderated_server: uvicorn.Server,
) -> None:
    place = await Room.objects.acreate(name="lobby", access="open", newcomer_wait=60)
    async with session(moderated_server) as one:
        joined = await one.do("room.join", room="lobby")
        assert joined["room"]["newcomer_wait"] == 60
        assert dt.datetime.fromisoformat(joined["you"]["writes_from"]) > timezone.now()
        error = await one.refused("message.send", room="lobby", body="hi", client_id="1")
        assert (error["code"], 50 < error["retry_after"] <= 60) == ("slow_mode", True)
        # Who is here when it is switched off hears of it, and writes at once.
        await sync_to_async(room_policies.change)(place.pk, by=None, newcomer_wait=0)
        assert (await one.event("room.changed"))["data"]["newcomer_wait"] == 0
        await one.say("lobby", "hi", "2")
        assert (await one.event("message.settled"))["data"]["status"] == "posted"
    await sync_to_async(room_policies.change)(place.pk, by=None, newcomer_wait=60)
    async with connect(address(moderated_server, "/ws/chat/lobby/")) as socket:
        await socket.send(json.dumps({"message": "hi"}))
        error = json.loads(await socket.recv())
        assert (error["type"], error["code"]) == ("error", "slow_mode")
    assert await Message.objects.acount() == 1
