"""What every list of messages asks about its authors: what holds against them, and their roles."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from functools import cache
from typing import Any

from django.db import connection

from bus.models.member import Member
from bus.models.sanction import Sanction
from bus.models.sql import rows, statements
from bus.protocol.types import RoomAuthor

_UNTIL, _LIFTED = rows.fields_of(Sanction, "until", "lifted_at")
_SANCTION = Sanction._meta.concrete_fields
_NAMES = [field.attname for field in _SANCTION]
_SANCTIONED = rows.fields_of(Sanction, "room_id", "author_key")
_MEMBER = rows.fields_of(Member, "room_id", "user_id")
_MEMBERSHIP = rows.fields_of(Member, "room_id", "user_id", "role", "joined_at")


def sanctions_in_force(room_authors: Collection[RoomAuthor], now: dt.datetime) -> list[Sanction]:
    """The sanctions that hold against authors in rooms, the longest last; mostly there is none.

    Whether there is one is no reason to ask once more: the time that it takes would tell of it.
    """
    if not room_authors:
        return []
    moment = _UNTIL.get_db_prep_value(now, connection)
    vendor = connection.vendor
    answered = statements.run(_in_force(vendor), *rows.keys(vendor, room_authors), moment)
    found = [
        Sanction.from_db(connection.alias, _NAMES, values)
        for values in rows.read(_SANCTION, answered)
    ]
    return sorted(found, key=lambda each: (each.until is None, each.until or now, each.pk))


def memberships(room_users: Collection[tuple[int, Any]]) -> list[list[Any]]:
    """Of users who are members of rooms: room id, user, role, and since when."""
    if not room_users:
        return []
    vendor = connection.vendor
    asked = rows.keys(vendor, [(room, rows.stored_user(user)) for room, user in room_users])
    return rows.read(_MEMBERSHIP, statements.run(_members(vendor), *asked))


# SQLite takes a CROSS JOIN in the order as written: the pairs first, then the index for each.


@cache
def _in_force(vendor: str) -> str:
    until, lifted = rows.column(_UNTIL), rows.column(_LIFTED)
    return (
        f"SELECT {rows.columns(_SANCTION, 's')} FROM ({rows.select_keys(vendor, _SANCTIONED)}) AS k"
        f" CROSS JOIN {rows.table(Sanction)} AS s WHERE {rows.same(_SANCTIONED, 's', 'k')}"
        f" AND s.{lifted} IS NULL AND (s.{until} IS NULL OR s.{until} > %s)"
    )


@cache
def _members(vendor: str) -> str:
    return (
        f"SELECT {rows.columns(_MEMBERSHIP, 'm')} FROM ({rows.select_keys(vendor, _MEMBER)}) AS k"
        f" CROSS JOIN {rows.table(Member)} AS m WHERE {rows.same(_MEMBER, 'm', 'k')}"
    )
