"""Rooms, as every list of messages reads, locks and numbers them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

from django.db import connection

from bus.models.room import Room
from bus.models.sql import rows, statements

# The rules may be long, and are read once for each version (enforcement.room_policies).
_HEAVY = {"policy_parts", "conduct"}
_FIELDS = [field for field in Room._meta.concrete_fields if field.name not in _HEAVY]
_NAMES = [field.attname for field in _FIELDS]
_ID, _NAME, _HEAD = (rows.fields_of(Room, name)[0] for name in ("id", "name", "head"))
_HEAD_AT = _FIELDS.index(_HEAD)
# Rooms whose rows a thread remembers.
_KEPT = 5000

Row = tuple[Any, ...]


class _Known(threading.local):
    """By id, a room's row as it was answered last, but for its head, and the values made of it."""

    def __init__(self) -> None:
        self.rooms: dict[int, tuple[Row, dict[str, Any]]] = {}


_known = _Known()


def by_names(names: Iterable[str]) -> list[Room]:
    """The rooms of these names, without their rules; unknown names are left out."""
    return _read("name", sorted(set(names)))


def lock(ids: Collection[int]) -> list[Room]:
    """The rooms of these ids, without their rules, each locked until the transaction ends.

    In the order of their ids, so that two workers never wait for each other.
    """
    return _read("id", sorted(ids))


def save_heads(rooms: Iterable[Room]) -> None:
    """Store the heads of rooms; `bulk_update` builds a CASE per room, which costs far more."""
    vendor = connection.vendor
    statements.run(_heads(vendor), *rows.keys(vendor, [(room.pk, room.head) for room in rooms]))


def _read(by: str, asked: list[Any]) -> list[Room]:
    if not asked:
        return []
    vendor = connection.vendor
    found = statements.run(_select(vendor, by), *rows.keys(vendor, [(each,) for each in asked]))
    return [_room(row, _known.rooms) for row in found]


def _room(row: Row, known: dict[int, tuple[Row, dict[str, Any]]]) -> Room:
    # Hardly anything but the head changes: what was made of the rest is used again.
    rest = row[:_HEAD_AT] + row[_HEAD_AT + 1 :]
    found = known.get(row[0])
    if found is None or found[0] != rest:
        if len(known) >= _KEPT:
            known.clear()
        (values,) = rows.read(_FIELDS, [row])
        found = known[row[0]] = rest, dict(zip(_NAMES, values, strict=True))
    room = rows.instance(Room, stored=True)
    room.__dict__.update(found[1])
    room.head = row[_HEAD_AT]
    return room


@cache
def _select(vendor: str, by: str) -> str:
    field = _ID if by == "id" else _NAME
    statement = (
        f"SELECT {rows.columns(_FIELDS)} FROM {rows.table(Room)}"
        f" WHERE {rows.column(field)} IN ({rows.select_keys(vendor, [field])})"
    )
    if by == "id":
        statement += f" ORDER BY {rows.column(_ID)}"
        # SQLite has one writer at a time, and no such lock.
        statement += " FOR UPDATE" if connection.features.has_select_for_update else ""
    return statement


@cache
def _heads(vendor: str) -> str:
    head, key = rows.column(_HEAD), rows.column(_ID)
    return (
        f"UPDATE {rows.table(Room)} SET {head} = new.{head}"
        f" FROM ({rows.select_keys(vendor, [_ID, _HEAD])}) AS new"
        f" WHERE {rows.table(Room)}.{key} = new.{key}"
    )
