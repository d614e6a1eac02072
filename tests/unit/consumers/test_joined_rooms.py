"""The rooms of a session, and its commands on no more than a context."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pytest_django import Settings

from bus.consumers.commands.context import Context
from bus.consumers.commands.rooms import leave
from bus.consumers.joined_rooms import JoinedRoom, JoinedRooms
from bus.protocol.commands import RoomLeave
from bus.protocol.errors import Banned, NotMember


def joined(name: str) -> JoinedRoom:
    entry: Any = SimpleNamespace(room=SimpleNamespace(pk=1, name=name))
    return JoinedRoom(entry, cast(Any, None))


def test_a_room_is_found_however_it_is_spelled() -> None:
    rooms = JoinedRooms()
    rooms.add(room := joined("café"))
    assert rooms.require("cafe\u0301") is room
    assert rooms.find("cafe\u0301") is None
    with pytest.raises(NotMember):
        rooms.require("elsewhere")


def test_who_lost_a_room_hears_why_until_it_is_joined_or_left() -> None:
    rooms = JoinedRooms()
    for way_out in (lambda: rooms.add(joined("lobby")), lambda: rooms.forget_loss("lobby")):
        rooms.lose("lobby", Banned())
        with pytest.raises(Banned):
            rooms.require("lobby")
        way_out()
        if "lobby" in rooms:
            rooms.remove("lobby")
        with pytest.raises(NotMember):
            rooms.require("lobby")


def test_no_more_losses_are_kept_than_rooms_may_be_joined(settings: Settings) -> None:
    settings.BUS_JOIN_LIMIT = 2
    rooms = JoinedRooms()
    for name in ("one", "two", "three"):
        rooms.lose(name, Banned())
    with pytest.raises(NotMember):
        rooms.require("one")
    with pytest.raises(Banned):
        rooms.require("three")


def test_a_command_needs_a_context_and_no_session() -> None:
    left: list[str] = []
    rooms = JoinedRooms()
    rooms.add(joined("lobby"))
    context = cast(Context, SimpleNamespace(rooms=rooms, leave=left.append))
    assert asyncio.run(leave(context, RoomLeave(room="lobby"))) == b"{}"
    assert asyncio.run(leave(context, RoomLeave(room="elsewhere"))) == b"{}"
    assert left == ["lobby"]
