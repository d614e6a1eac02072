"""Messages, as every list finds and stores them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Field
from pydantic_core import to_json

from bus.models.message import Message
from bus.models.room import Room
from bus.models.sql import rows, statements

# What makes a message the same message: room, author key, client id.
Key = tuple[int, str, str]

_PK: Field[Any, Any] = Message._meta.pk
_FIELDS = [field for field in Message._meta.concrete_fields if not field.primary_key]
_NAMES = [field.attname for field in _FIELDS]
_NOTHING = dict.fromkeys(field.attname for field in Message._meta.concrete_fields)
_TIMES = [at for at, field in enumerate(_FIELDS) if isinstance(field, DateTimeField)]
(_CREATED,) = rows.fields_of(Message, "created_at")
_AUTHOR, _VERDICT = _NAMES.index("author_id"), _NAMES.index("verdict")
_KEY = rows.fields_of(Message, "room_id", "author_key", "client_id")
_values_of = itemgetter(*_NAMES)
# Rows that one statement brings to SQLite, the most first: so there are few statements, and it
# knows each of them already.
_SIZES = (64, 16, 4, 1)


def key_of(row: Message) -> Key:
    """What makes a stored message the same message as another."""
    return row.room_id, row.author_key, row.client_id


def find(keys: Collection[Key]) -> list[int]:
    """The ids of the stored messages of these keys, each by one look at the unique index."""
    if not keys:
        return []
    vendor = connection.vendor
    return [pk for (pk,) in statements.run(_find(vendor), *rows.keys(vendor, keys))]


def new(room: Room, **values: object) -> Message:
    """A row of this room to be stored, by its columns' names; those left out are null."""
    row = rows.instance(Message, stored=False)
    row._state.fields_cache = {"room": room}
    row.__dict__ |= _NOTHING | values
    row.__dict__["room_id"] = room.id
    return row


def insert(messages: Sequence[Message]) -> None:
    """Store new messages and give them their ids; raises what the database raises."""
    if not messages:
        return
    stored = _insert_bound if connection.vendor == "sqlite" else _insert_listed
    ids = {(room, author, client): pk for pk, room, author, client in stored(messages)}
    alias = connection.alias
    for row in messages:
        row.__dict__[_PK.attname] = ids[row.room_id, row.author_key, row.client_id]
        state = row._state
        state.adding, state.db = False, alias


def _insert_listed(messages: Sequence[Message]) -> list[tuple[Any, ...]]:
    return statements.run(_insert_rows(connection.vendor), rows.listed(_values(messages)))


def _insert_bound(messages: Sequence[Message]) -> list[tuple[Any, ...]]:
    """SQLite binds values faster than it takes a JSON text apart for each of them."""
    values = _values(messages)
    for row in values:
        if row[_VERDICT] is not None:
            row[_VERDICT] = to_json(row[_VERDICT]).decode()
    found: statements.Rows = []
    at = 0
    for size in _SIZES:
        while len(values) - at >= size:
            bound = chain.from_iterable(values[at : at + size])
            found += statements.run(_insert_values(size), *bound)
            at += size
    return found


def _values(messages: Sequence[Message]) -> list[list[Any]]:
    """The rows as the database takes them, in the order of the fields."""
    found = [list(_values_of(row.__dict__)) for row in messages]
    # Most of them have the same times.
    times: dict[dt.datetime | None, object] = {None: None}
    for values in found:
        for at in _TIMES:
            moment = values[at]
            if moment not in times:
                times[moment] = _CREATED.get_db_prep_save(moment, connection)
            values[at] = times[moment]
        if values[_AUTHOR] is not None:
            values[_AUTHOR] = rows.stored_user(values[_AUTHOR])
    return found


@cache
def _find(vendor: str) -> str:
    key, message = rows.column(_PK), rows.table(Message)
    given, is_it = f"({rows.select_keys(vendor, _KEY)}) AS k", rows.same(_KEY, "m", "k")
    if vendor == "sqlite":
        # It takes a CROSS JOIN in the order as written: the keys first, then the index for each.
        return f"SELECT m.{key} FROM {given} CROSS JOIN {message} AS m WHERE {is_it}"
    # PostgreSQL would read all of a table that is not large; by LATERAL it looks for each. No more
    # than one has a key.
    look = f"SELECT m.{key} FROM {message} AS m WHERE {is_it} LIMIT 1"
    return f"SELECT found.{key} FROM {given} CROSS JOIN LATERAL ({look}) AS found"


@cache
def _insert_rows(vendor: str) -> str:
    return f"{_insert_into()} {rows.select_rows(vendor, _FIELDS)} {_returning()}"


@cache
def _insert_values(count: int) -> str:
    one = f"({', '.join(['%s'] * len(_FIELDS))})"
    return f"{_insert_into()} VALUES {', '.join([one] * count)} {_returning()}"


def _insert_into() -> str:
    return f"INSERT INTO {rows.table(Message)} ({rows.columns(_FIELDS)})"


def _returning() -> str:
    return f"RETURNING {rows.columns([_PK, *_KEY])}"
