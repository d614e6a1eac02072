"""Takes messages out of a room, each with a seq of its own, and puts hidden ones back."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from bus.errors import Invalid, NotFound
from bus.models import Message, Review, Room
from bus.services import audit
from bus.services.facts import Fact, Removed

# Most messages of one purge; it holds the room's lock meanwhile.
_PURGE_LIMIT = 1000


def take_out(row: Message, room: Room, now: dt.datetime, reason: str) -> None:
    """Take a posted message out; the caller holds the room's lock and saves both."""
    room.head += 1
    row.changed = room.head
    row.removed_at, row.reason = now, reason


def put_back(row: Message, room: Room) -> None:
    """Put a hidden message back; the caller holds the room's lock and saves both."""
    room.head += 1
    row.changed = room.head
    row.removed_at, row.reason = None, ""


def purge(
    room_id: int, author_key: str, *, since: dt.datetime, by: User | None, reason: str = ""
) -> list[Fact]:
    """Remove what an author posted since then, for good; raises NotFound, and Invalid if too much.

    Reviews of those messages are closed as rejected, so that nothing brings one back.
    """
    now = timezone.now()
    facts: list[Fact] = []
    with transaction.atomic():
        room = Room.objects.select_for_update().filter(pk=room_id).first()
        if room is None:
            raise NotFound
        rows = list(
            Message.objects.filter(
                room=room,
                author_key=author_key,
                status=Message.Status.POSTED,
                posted_at__gte=since,
                removed_at=None,
            ).order_by("seq")[: _PURGE_LIMIT + 1]
        )
        if len(rows) > _PURGE_LIMIT:
            raise Invalid(
                f"There are more than {_PURGE_LIMIT} messages; purge a shorter time first."
            )
        for row in rows:
            row.room = room
            take_out(row, room, now, "moderator")
            # Kept for moderators alone.
            row.verdict = {"body": row.body, **(row.verdict or {})}
            row.body = ""
            facts.append(Removed(row, "moderator"))
        changed = ["changed", "removed_at", "reason", "verdict", "body"]
        Message.objects.bulk_update(rows, changed, batch_size=200)
        room.save(update_fields=["head"])
        Review.objects.filter(message__in=[row.pk for row in rows]).update(hidden=False)
        Review.objects.filter(message__in=[row.pk for row in rows], state=Review.State.OPEN).update(
            state=Review.State.REJECTED, decided_at=now, decided_by=by, note="purged"
        )
        if rows:
            audit.note(
                "author.purged",
                audit.person(by),
                room,
                author_key=author_key,
                reason=reason,
                details={"messages": [row.pk for row in rows]},
            )
    return facts
