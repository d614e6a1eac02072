"""What somebody may do in a room: who plainly may write is told apart as by the long way."""

from __future__ import annotations

import datetime as dt
from itertools import product

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from bus.chat.room_access import NEWCOMER
from bus.chat.room_rights import Rights
from bus.chat.user_adapter import Profile
from bus.models import Room, Sanction
from bus.protocol.errors import BusError, Forbidden, SlowMode

NOW = timezone.now()
LATER, BEFORE = NOW + dt.timedelta(hours=1), NOW - dt.timedelta(hours=1)


def by_access(right: Rights) -> str:
    """What refuses, by the access that a session would get."""
    try:
        right.access().check_write()
    except SlowMode:
        return NEWCOMER
    except BusError as error:
        return error.code
    return ""


@pytest.mark.parametrize("guests", [True, False])
def test_who_plainly_writes_is_refused_nothing(guests: bool, settings: Settings) -> None:
    settings.BUS_GUESTS = guests
    rooms = [
        Room(pk=1, name="lobby", access=access, archived_at=archived, newcomer_wait=wait)
        for access, archived, wait in product(Room.Access, [None, NOW], [0, 7200])
    ]
    mute, timed, ban = (
        Sanction(pk=1, kind="mute"),
        Sanction(pk=2, kind="mute", until=BEFORE),
        Sanction(pk=3, kind="ban", until=LATER),
    )
    found = [
        Rights(*values)
        for values in product(
            rooms,
            ["gabc", "u1", "sdeploy"],
            [None, Profile("mina")],
            [None, "member", "moderator"],
            [None, ban],
            [None, mute, timed],
            [None, NOW, BEFORE - dt.timedelta(hours=9)],
        )
        # Only a user has a profile.
        if values[2] is None or values[1] == "u1"
    ]
    assert [right.refusal() for right in found] == [by_access(right) for right in found]
    plain = {(right.key, right._plainly_writes) for right in found}
    assert {("u1", True), ("u1", False), ("sdeploy", False), ("gabc", guests)} <= plain


@pytest.mark.parametrize(
    ("key", "says"),
    [("u7", "not active"), ("u0", "primary key"), ("u-1", "primary key")],
)
def test_a_user_whose_number_no_author_key_can_have_is_told_so(key: str, says: str) -> None:
    with pytest.raises(Forbidden, match=says):
        Rights(Room(pk=1, name="lobby"), key).access()
