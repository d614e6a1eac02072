"""Who joins together shares what the database is asked, and nobody gets in on old rights."""

import asyncio
import threading
from collections.abc import Collection
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from pytest_django import Settings

from bus.chat import admission_data
from bus.chat.room_access import RoomAccess
from bus.chat.visitors import Visitor
from bus.consumers.admission import Admission
from bus.models import Member, Room, Sanction
from bus.protocol.errors import Banned, NotFound
from tests.support.wait import until_async

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


def guest(number: int) -> Visitor:
    return Visitor(key=f"g{number}", id=f"g{number}", name=f"guest-{number}")


@pytest.fixture
def admission() -> Admission:
    return Admission()


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[set[str]]:
    """The authors that each reading of the database asked for."""
    settings.BUS_RIGHTS_AGE = 60.0
    asked: list[set[str]] = []
    read = admission_data.read

    def counted(rooms: Collection[admission_data.Asked]) -> Any:
        asked.append({key for _, keys in rooms for key in keys})
        return read(rooms)

    monkeypatch.setattr(admission_data, "read", counted)
    return asked


async def test_ten_thousand_guests_at_once_cost_one_reading(
    admission: Admission, readings: list[set[str]]
) -> None:
    await Room.objects.acreate(name="lobby", access="open")
    entries = await asyncio.gather(*(admission.enter("lobby", guest(n)) for n in range(10_000)))
    assert {entry.role for entry in entries} == {"guest"}
    await admission.enter("lobby", guest(0))
    assert len(readings) == 1


async def test_users_are_looked_up_in_lists(admission: Admission, readings: list[set[str]]) -> None:
    room = await Room.objects.acreate(name="team", access="private")
    make = sync_to_async(User.objects.create_user)
    users = [await make(f"user{n}") for n in range(20)]
    await Member.objects.acreate(room=room, user=users[0], role="owner")
    visitors = [Visitor(key=f"u{u.pk}", id=u.pk, name=u.username, user_id=u.pk) for u in users]
    results = await asyncio.gather(
        *(admission.enter("team", visitor) for visitor in visitors), return_exceptions=True
    )
    assert getattr(results[0], "role", None) == "owner"
    assert {type(result) for result in results[1:]} == {NotFound}
    assert len(readings) <= 2
    assert set.union(*readings) == {visitor.key for visitor in visitors}


async def test_what_changed_is_read_again(admission: Admission, readings: list[set[str]]) -> None:
    room = await Room.objects.acreate(name="lobby", access="open")
    await admission.enter("lobby", guest(1))
    await Sanction.objects.acreate(room=room, author_key="g1", kind="ban")
    admission.forget()
    with pytest.raises(Banned):
        await admission.enter("lobby", guest(1))
    await admission.enter("lobby", guest(2))
    assert len(readings) == 2


async def test_who_comes_after_a_change_does_not_share_a_reading_from_before(
    admission: Admission, monkeypatch: pytest.MonkeyPatch, readings: list[set[str]]
) -> None:
    room = await Room.objects.acreate(name="lobby", access="open")
    read, may_end = admission_data.read, threading.Event()

    def slow(rooms: Any) -> Any:
        found = read(rooms)
        may_end.wait(10)
        return found

    monkeypatch.setattr(admission_data, "read", slow)
    first = asyncio.create_task(admission.enter("lobby", guest(1)))
    await until_async(lambda: len(readings) == 1)
    await Sanction.objects.acreate(room=room, author_key="g2", kind="ban")
    admission.forget()
    second = asyncio.create_task(admission.enter("lobby", guest(2)))
    await asyncio.sleep(0)
    may_end.set()
    await first
    with pytest.raises(Banned):
        await second


async def test_who_waits_while_rights_change_gets_the_new_ones(
    admission: Admission, readings: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await Room.objects.acreate(name="lobby", access="open")
    changed = threading.Event()
    counted = admission_data.read

    def slow(rooms: Any) -> Any:
        found = counted(rooms)
        assert changed.wait(10)
        return found

    monkeypatch.setattr(admission_data, "read", slow)
    entering = asyncio.ensure_future(admission.enter("lobby", guest(1)))
    await until_async(lambda: readings)
    await Sanction.objects.acreate(room=room, author_key="g1", kind="ban")
    admission.forget()
    changed.set()
    with pytest.raises(Banned):
        await entering


async def test_a_room_that_is_not_there_is_told_to_all(
    admission: Admission, readings: list[set[str]], settings: Settings
) -> None:
    settings.BUS_OPEN_ROOMS = False
    results = await asyncio.gather(
        *(admission.enter("nowhere", guest(n)) for n in range(3)), return_exceptions=True
    )
    assert {type(result) for result in results} == {NotFound}
    settings.BUS_OPEN_ROOMS = True
    assert (await admission.enter("nowhere", guest(1))).room.name == "nowhere"
    with pytest.raises(NotFound):
        await admission.enter("fuck-this", guest(1))


async def test_many_rooms_are_read_together_and_each_has_its_own_rights(
    admission: Admission, readings: list[set[str]], settings: Settings
) -> None:
    settings.BUS_OPEN_ROOMS = True
    user = await sync_to_async(User.objects.create_user)("alice")
    alice = Visitor(key=f"u{user.pk}", id=user.pk, name="alice", user_id=user.pk)
    names = [f"room-{n}" for n in range(150)]
    rooms = [await Room.objects.acreate(name=name, access="open") for name in names]
    await Sanction.objects.acreate(room=rooms[3], author_key="g1", kind="ban")
    await Sanction.objects.acreate(room=rooms[4], author_key=alice.key, kind="mute")
    await Member.objects.acreate(room=rooms[5], user=user, role="owner")
    await Room.objects.filter(pk=rooms[6].pk).aupdate(access="private")
    entered = await asyncio.gather(
        *(admission.enter(name, who) for name in names for who in (guest(1), alice)),
        admission.enter("room-\u0131", guest(1)),
        return_exceptions=True,
    )
    guests, alices = entered[0:300:2], entered[1:300:2]
    assert [type(one) for one in (guests[3], guests[6], alices[6])] == [Banned, NotFound, NotFound]
    assert isinstance(entered[-1], Exception)
    assert all(isinstance(one, RoomAccess) for n, one in enumerate(guests) if n not in (3, 6))
    assert all(isinstance(one, RoomAccess) for n, one in enumerate(alices) if n != 6)
    known = {n: one for n, one in enumerate(alices) if isinstance(one, RoomAccess)}
    assert {n for n, one in known.items() if one.muted_until} == {4}
    assert {n for n, one in known.items() if one.role == "owner"} == {5}
    assert len(readings) < 10


async def test_a_name_that_no_database_takes_keeps_nobody_out_of_another_room(
    admission: Admission,
) -> None:
    await Room.objects.acreate(name="lobby", access="open")
    names = ("a\x00b", "lobby")
    odd, access = await asyncio.gather(
        *(admission.enter(name, guest(1)) for name in names), return_exceptions=True
    )
    assert isinstance(odd, Exception)
    assert isinstance(access, RoomAccess)
