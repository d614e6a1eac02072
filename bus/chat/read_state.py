"""How far users have read, and how much they have not; many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection
from django.db.models import Q
from pydantic_core import to_json

from bus.chat import room_rights
from bus.chat.visitors import Visitor
from bus.models import Member, Message, ReadMark, Room
from bus.models.sql.rows import stored_user
from bus.protocol import user_ids
from bus.protocol.errors import BusError
from bus.protocol.objects import Reading, Unread

# Above this, unread messages are not counted; no badge says more.
UNREAD_LIMIT = 999
# Most rooms of one list.
_ROOMS_LIMIT = 1000

# A room's id and a user's.
RoomUser = tuple[int, Any]


def mark(marks: Mapping[RoomUser, int]) -> dict[RoomUser, int]:
    """Move marks forward, in one statement; returns those that moved.

    One beyond the room's newest change is taken for that; rooms and users that are gone are left
    out.
    """
    if not marks:
        return {}
    # Sorted, so that two processes never wait for each other.
    rows = sorted((room, stored_user(user), seq) for (room, user), seq in marks.items())
    # The database's own type says the same in other letters.
    known = {stored_user(user): user for _, user in marks}
    with connection.cursor() as cursor:
        cursor.execute(_MARK.format(**_words()), [to_json(rows).decode()])
        return {(room, known[stored_user(user)]): seq for room, user, seq in cursor.fetchall()}


def states(room_users: Iterable[RoomUser]) -> dict[RoomUser, Reading]:
    """How far each has been read, and how much has not, in one query."""
    known = {(room, user_ids.key_of(user)): (room, user) for room, user in room_users}
    rows = [(room, stored_user(user), key) for (room, key), (_, user) in sorted(known.items())]
    with connection.cursor() as cursor:
        cursor.execute(_STATES.format(**_words()), [to_json(rows).decode()])
        return {
            known[room, key]: Reading(read=seq, unread=min(unread, UNREAD_LIMIT))
            for room, key, seq, unread in cursor.fetchall()
        }


def of_user(visitor: Visitor) -> list[Unread]:
    """All rooms that a user is a member of or has read in, and may enter, by name."""
    user = visitor.user_id
    if user is None:
        return []
    mine = Q(pk__in=Member.objects.filter(user=user).values("room"))
    read = Q(pk__in=ReadMark.objects.filter(user=user).values("room"))
    rooms = list(Room.objects.filter(mine | read).order_by("name")[:_ROOMS_LIMIT])
    rights = room_rights.rights({room: [visitor.key] for room in rooms})
    found = states([(room.pk, user) for room in rooms]) if rooms else {}
    listed = []
    for room in rooms:
        try:
            rights[room.pk, visitor.key].admit()
        except BusError:
            continue
        state = found[room.pk, user]
        listed.append(Unread(room=room.name, seq=room.head, read=state.read, unread=state.unread))
    return listed


def _words() -> dict[str, str]:
    """What the two databases spell differently, and the names of tables."""
    user = ReadMark._meta.get_field("user").related_model
    names = {
        "marks": ReadMark._meta.db_table,
        "messages": Message._meta.db_table,
        "rooms": Room._meta.db_table,
        "users": connection.ops.quote_name(user._meta.db_table),
        "user_id": connection.ops.quote_name(str(user._meta.pk.column)),
        "limit": str(UNREAD_LIMIT + 1),
    }
    if connection.vendor == "sqlite":
        cells = {name: f"json_extract(value, '$[{at}]')" for at, name in enumerate("abc")}
        cells["key"] = cells["c"]
        return names | cells | {"source": "json_each(%s)", "least": "MIN"}
    cells = {name: f"(value->>{at})::bigint" for at, name in enumerate("abc")}
    cells["b"] = f"(value->>1)::{ReadMark._meta.get_field('user').db_type(connection)}"
    cells["key"] = "(value->>2)"
    return names | cells | {"source": "jsonb_array_elements(%s::jsonb) AS value", "least": "LEAST"}


_MARK = """
INSERT INTO {marks} (room_id, user_id, seq)
SELECT r.id, u.{user_id}, {least}(p.seq, r.head)
FROM (SELECT {a} AS room_id, {b} AS user_id, {c} AS seq FROM {source}) AS p
JOIN {rooms} AS r ON r.id = p.room_id JOIN {users} AS u ON u.{user_id} = p.user_id
WHERE true ORDER BY r.id, u.{user_id}
ON CONFLICT (room_id, user_id) DO UPDATE SET seq = excluded.seq
WHERE {marks}.seq < excluded.seq
RETURNING room_id, user_id, seq
"""
# One's own messages are read by whom they are of. The limit is inside, so that a room with a
# million messages costs no more than one with a thousand.
_STATES = """
SELECT p.room_id, p.author_key, k.seq, (
    SELECT COUNT(*) FROM (
        SELECT 1 FROM {messages} AS m
        WHERE m.room_id = p.room_id AND m.seq > COALESCE(k.seq, 0) AND m.status = 'posted'
        AND m.removed_at IS NULL AND m.author_key <> p.author_key
        ORDER BY m.seq LIMIT {limit}
    ) AS newer
)
FROM (SELECT {a} AS room_id, {b} AS user_id, {key} AS author_key FROM {source}) AS p
LEFT JOIN {marks} AS k ON k.room_id = p.room_id AND k.user_id = p.user_id
"""
