"""What every list of messages asks about its authors: what holds against them, and their roles."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field

from bus.models.member import Member
from bus.models.sanction import Sanction
from bus.models.sql import rows
from bus.protocol.types import RoomAuthor

_UNTIL, _LIFTED = rows.fields_of(Sanction, "until", "lifted_at")
_SANCTIONED = rows.fields_of(Sanction, "room_id", "author_key")
_MEMBER = rows.fields_of(Member, "room_id", "user_id")
_MEMBERSHIP = rows.fields_of(Member, "room_id", "user_id", "role", "joined_at")


def sanctions_in_force(room_authors: Collection[RoomAuthor], now: dt.datetime) -> list[int]:
    """The ids of the sanctions that hold against authors in rooms; mostly there is none."""
    if not room_authors:
        return []
    moment = _UNTIL.get_db_prep_value(now, connection)
    found = rows.fetch(_in_force(connection.vendor), rows.listed(room_authors), moment)
    return [pk for (pk,) in found]


def memberships(
    room_users: Collection[tuple[int, Any]],
) -> Iterator[tuple[int, Any, str, dt.datetime]]:
    """Of users who are members of rooms: room id, user, role, and since when."""
    if not room_users:
        return
    vendor = connection.vendor
    asked = rows.listed([room, rows.stored_user(user)] for room, user in room_users)
    user_of, joined_of = (rows.read_by(vendor, field) for field in (_MEMBERSHIP[1], _MEMBERSHIP[3]))
    for room, user, role, joined in rows.fetch(_members(vendor), asked):
        yield (
            room,
            user if user_of is None else user_of(user),
            role,
            joined if joined_of is None else joined_of(joined),
        )


# SQLite takes a CROSS JOIN in the order as written: the pairs first, then the index for each.


@cache
def _in_force(vendor: str) -> str:
    until, lifted = rows.column(_UNTIL), rows.column(_LIFTED)
    return (
        f"SELECT s.{rows.column(_pk(Sanction))} FROM ({rows.select_rows(vendor, _SANCTIONED)}) AS k"
        f" CROSS JOIN {rows.table(Sanction)} AS s WHERE {rows.same(_SANCTIONED, 's', 'k')}"
        f" AND s.{lifted} IS NULL AND (s.{until} IS NULL OR s.{until} > %s)"
    )


@cache
def _members(vendor: str) -> str:
    return (
        f"SELECT {rows.columns(_MEMBERSHIP, 'm')} FROM ({rows.select_rows(vendor, _MEMBER)}) AS k"
        f" CROSS JOIN {rows.table(Member)} AS m WHERE {rows.same(_MEMBER, 'm', 'k')}"
    )


def _pk(model: Any) -> Field[Any, Any]:
    return model._meta.pk  # type: ignore[no-any-return]
