"""Reads a room's messages, as clients see them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from django.db.models import QuerySet

from bus.chat import authors, crisis
from bus.models import Message, Room
from bus.models.sql import messages as sql
from bus.models.sql.messages import Key
from bus.protocol import reasons
from bus.protocol.objects import Message as ProtocolMessage
from bus.protocol.objects import Outcome, Reason
from bus.protocol.types import constructed, timestamp

_POSTED = Message.Status.POSTED.value
# Nobody changes what a model says that it was given.
_OF_MESSAGE, _OF_OUTCOME = set(ProtocolMessage.model_fields), set(Outcome.model_fields)


def page(
    room: Room, before: int | None, after: int | None, limit: int
) -> tuple[list[ProtocolMessage], bool]:
    """A page of messages before or after a seq, oldest first, and whether there are more."""
    rows = posted(room.pk)
    if after is not None:
        if before is not None:
            rows = rows.filter(seq__lt=before)
        found = list(rows.filter(seq__gt=after).order_by("seq")[: limit + 1])
        return protocol_messages(found[:limit], room.name), len(found) > limit
    if before is not None:
        rows = rows.filter(seq__lt=before)
    found = list(rows.order_by("-seq")[: limit + 1])
    return protocol_messages(reversed(found[:limit]), room.name), len(found) > limit


def stored(keys: Collection[Key]) -> dict[Key, Message]:
    """The messages of these keys that are stored, with their authors, looked up together."""
    ids = sql.find(keys)
    # Hardly ever is one there: the second query is for repeats alone.
    if not ids:
        return {}
    return {sql.key_of(row): row for row in authors.named(Message.objects.filter(pk__in=ids))}


def outcomes_of(keys: Collection[Key]) -> dict[Key, Outcome | None]:
    """What became of messages, looked up together; None of one not settled, or unknown."""
    rows = stored(keys)
    return {key: outcome(rows[key]) if key in rows else None for key in keys}


def outcome(row: Message) -> Outcome:
    """What its author is told of a settled message."""
    status: str = row.status
    is_posted = status == _POSTED
    fields = {
        "client_id": row.client_id,
        "status": str(status),
        "id": str(row.id),
        "seq": row.seq,
        "reason": None if is_posted else Reason(code=row.reason, message=reasons.text(row.reason)),
        "notice": crisis.notice() if (row.verdict or {}).get("notice") else None,
    }
    return constructed(Outcome, fields, _OF_OUTCOME)


def posted(room_id: int) -> QuerySet[Message]:
    """The rows that a room shows, removed ones included; without an order."""
    rows: QuerySet[Message] = Message.objects.filter(room=room_id, status=Message.Status.POSTED)
    return authors.named(rows)


def posted_in(rooms: Collection[int]) -> QuerySet[Message]:
    """The rows that these rooms show, as `posted` has them."""
    rows: QuerySet[Message] = Message.objects.filter(room__in=rooms, status=Message.Status.POSTED)
    return authors.named(rows)


def protocol_messages(rows: Iterable[Message], room: str) -> list[ProtocolMessage]:
    """Posted messages as clients see them, in the order of the rows."""
    return [protocol_message(row, room) for row in rows]


def protocol_message(row: Message, room: str) -> ProtocolMessage:
    """A posted message as clients see it; a removed one without its body."""
    removed = row.removed_at is not None
    # Not checked: what is stored is of these types.
    fields = {
        "id": str(row.id),
        "seq": row.seq,
        "changed": row.changed,
        "room": room,
        "author": authors.author(row),
        "body": "" if removed else row.body,
        "posted_at": timestamp(row.posted_at),
        "client_id": row.client_id,
        "edited": row.edited_at is not None,
        "removed": removed,
        "removed_by": remover(row) if removed else None,
        "reply_to": None if row.reply_to_id is None else str(row.reply_to_id),
    }
    return constructed(ProtocolMessage, fields, _OF_MESSAGE)


def remover(row: Message) -> Literal["author", "moderator"]:
    """Who removed a message, as the room is told."""
    return "author" if row.reason == "author" else "moderator"
