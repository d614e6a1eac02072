"""Finds and stores many messages in one statement with one parameter: a JSON text.

The database takes it apart, outside of Python's lock; a parameter per field, as the ORM sends them,
costs Python several times as much.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any

from django.db import connection
from django.db.models import CharField, DateTimeField, Field, TextField
from pydantic_core import to_json

from bus.chat import authors
from bus.chat.user_adapter import Profile
from bus.models import Message, Room
from bus.protocol import user_ids

# What makes a message the same message: room, author key, client id.
Key = tuple[int, str, str]

_FIELDS = [field for field in Message._meta.concrete_fields if not field.primary_key]
_NAMES = [field.attname for field in _FIELDS]
_ALL_NAMES = [field.attname for field in Message._meta.concrete_fields]
_ROOM = Message._meta.get_field("room")
_TIMES = [(at, f) for at, f in enumerate(_FIELDS) if isinstance(f, DateTimeField)]
_AUTHOR = _NAMES.index("author_id")
_KEY = ("room_id", "author_key", "client_id")


def key_of(row: Message) -> Key:
    """What makes a stored message the same message as another."""
    return row.room_id, row.author_key, row.client_id


def find(keys: Iterable[Key]) -> dict[Key, Message]:
    """The stored messages of these keys, each by one look at the unique index."""
    with connection.cursor() as cursor:
        cursor.execute(_find_sql(connection.vendor), [_text([list(key) for key in keys])])
        ids = [pk for (pk,) in cursor.fetchall()]
    # Hardly ever is one there: the second query is for repeats alone.
    if not ids:
        return {}
    return {key_of(row): row for row in authors.named(Message.objects.filter(pk__in=ids))}


def new(room: Room, shown: Profile, **values: object) -> Message:
    """A row of this room to be stored, by its columns' names; those left out are null.

    The ORM takes values by their place in a third of the time that it takes by name.
    """
    columns: Any = map((values | {"room_id": room.pk}).get, _ALL_NAMES)
    row = Message(*columns)
    _ROOM.set_cached_value(row, room)
    authors.note(row, shown)
    return row


def insert(rows: Sequence[Message]) -> None:
    """Store new messages and give them their ids; raises what the database raises."""
    if not rows:
        return
    vendor, alias = connection.vendor, connection.alias
    with connection.cursor() as cursor:
        cursor.execute(_insert_sql(vendor), [_text([_values(row, vendor) for row in rows])])
        ids = {(room, author, client): pk for pk, room, author, client in cursor.fetchall()}
    for row in rows:
        row.pk = ids[key_of(row)]
        row._state.adding, row._state.db = False, alias


def _values(row: Message, vendor: str) -> list[object]:
    found = row.__dict__
    values = [found[name] for name in _NAMES]
    for at, field in _TIMES:
        if values[at] is not None:
            values[at] = _time(field, vendor, values[at])
    if values[_AUTHOR] is not None:
        values[_AUTHOR] = stored_user(values[_AUTHOR])
    return values


def stored_user(user: object) -> object:
    """The primary key of a user as JSON brings it to the database's own type for it."""
    value = user_ids.primary_key().get_db_prep_value(user, connection)
    return value if isinstance(value, int) else str(value)


# Most rows of one statement have the same times.
@lru_cache(4096)
def _time(field: Field[Any, Any], _vendor: str, moment: dt.datetime) -> object:
    return field.get_db_prep_save(moment, connection)


def _text(rows: list[list[object]]) -> str:
    return to_json(rows).decode()


@cache
def _insert_sql(vendor: str) -> str:
    columns = ", ".join(_columns(_FIELDS))
    return (
        f"INSERT INTO {_table()} ({columns}) SELECT {_parts(vendor, _FIELDS)} WHERE true"
        f" RETURNING id, {', '.join(_KEY)}"
    )


@cache
def _find_sql(vendor: str) -> str:
    fields = [field for name in _KEY for field in _FIELDS if field.attname == name]
    same = " AND ".join(f"m.{name} = k.{name}" for name in _columns(fields))
    # SQLite takes a CROSS JOIN in the order as written: the keys first, then the index for each.
    return (
        f"SELECT m.id FROM (SELECT {_parts(vendor, fields)}) AS k"
        f" CROSS JOIN {_table()} AS m WHERE {same}"
    )


def _parts(vendor: str, fields: Sequence[Field[Any, Any]]) -> str:
    """The fields of each row in a JSON array of arrays, and that array as the parameter."""
    if vendor == "sqlite":
        parts = [f"json_extract(value, '$[{at}]')" for at in range(len(fields))]
        source = "json_each(%s)"
    else:
        # Text without a cast: one to varchar(n) would cut in silence what is too long.
        parts = [
            f"(value->>{at})" + ("" if isinstance(f, CharField | TextField) else f"::{_type(f)}")
            for at, f in enumerate(fields)
        ]
        source = "jsonb_array_elements(%s::jsonb) AS value"
    named = [f"{part} AS {name}" for part, name in zip(parts, _columns(fields), strict=True)]
    return f"{', '.join(named)} FROM {source}"


def _type(field: Field[Any, Any]) -> str:
    return str(field.db_type(connection))


def _columns(fields: Iterable[Field[Any, Any]]) -> list[str]:
    return [connection.ops.quote_name(str(field.column)) for field in fields]


def _table() -> str:
    return connection.ops.quote_name(Message._meta.db_table)
