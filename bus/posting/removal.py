"""Takes messages out of a room, each with a seq of its own, and puts hidden ones back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Q

from bus.chat import clock
from bus.enforcement import audit
from bus.models import Message, Report, Review, Room
from bus.posting import erasures
from bus.posting.domain_events import Closed, DomainEvent, Removed, Settled
from bus.protocol import types
from bus.protocol.errors import Invalid, NotFound

# Most messages of one purge; it holds the room's lock meanwhile.
_PURGE_LIMIT = 1000


def take_out(row: Message, room: Room, now: dt.datetime, reason: str) -> None:
    """Take a posted message out; the caller holds the room's lock and saves both."""
    room.head += 1
    row.changed = room.head
    row.removed_at, row.reason = now, reason


def put_back(row: Message, room: Room) -> None:
    """Put a hidden message back; the caller holds the room's lock and saves both.

    Reports that had hidden it count no more towards doing so again.
    """
    if row.reason == "reported":
        Report.objects.filter(message=row, trusted=True).update(trusted=False)
    room.head += 1
    row.changed = room.head
    row.removed_at, row.reason = None, ""


def purge(
    room_id: int,
    author_key: str,
    *,
    since: dt.datetime,
    by: AbstractBaseUser | None,
    reason: str = "",
) -> list[DomainEvent]:
    """Remove what an author wrote since then, for good; raises NotFound, and Invalid if too much.

    What waits for a moderator is rejected, and what was hidden stays out: reviews of all of it are
    closed as rejected, so that nothing brings one back.
    """
    now, reason = clock.now(), types.remark(reason, "reason")
    domain_events: list[DomainEvent] = []
    with transaction.atomic():
        room = Room.objects.select_for_update().filter(pk=room_id).first()
        if room is None:
            raise NotFound
        rows = _purged(room, author_key, since)
        for row in rows:
            row.room = room
            # Kept for moderators alone.
            row.verdict = {"body": row.body, **(row.verdict or {})}
            row.body = ""
            if row.status == Message.Status.POSTED:
                take_out(row, room, now, "moderator")
                domain_events.append(Removed(row, "moderator"))
            else:
                row.status, row.reason = Message.Status.REJECTED, "moderator"
                domain_events.append(Settled(row))
        changed = ["changed", "removed_at", "reason", "verdict", "body", "status"]
        Message.objects.bulk_update(rows, changed, batch_size=200)
        room.save(update_fields=["head"])
        erasures.note(room, rows)
        domain_events += _close(rows, by, now)
        if rows:
            audit.note(
                "author.purged",
                audit.person(by),
                room,
                author_key=author_key,
                reason=reason,
                details={"messages": [row.pk for row in rows]},
            )
    return domain_events


def _purged(room: Room, author_key: str, since: dt.datetime) -> list[Message]:
    """What stands, what is hidden and may come back, and what is held."""
    may_stand = Q(removed_at=None) | Q(review__hidden=True)
    posted = Q(may_stand, status=Message.Status.POSTED, posted_at__gte=since)
    held = Q(status=Message.Status.HELD, created_at__gte=since)
    found = Message.objects.filter(posted | held, room=room, author_key=author_key)
    rows = list(found.order_by("pk")[: _PURGE_LIMIT + 1])
    if len(rows) > _PURGE_LIMIT:
        raise Invalid(f"There are more than {_PURGE_LIMIT} messages; purge a shorter time first.")
    return rows


def _close(
    rows: Sequence[Message], by: AbstractBaseUser | None, now: dt.datetime
) -> list[DomainEvent]:
    by_id = {row.pk: row for row in rows}
    reviews = list(Review.objects.filter(message__in=by_id))
    domain_events: list[DomainEvent] = []
    for review in reviews:
        review.message, review.hidden = by_id[review.message_id], False
        if review.state == Review.State.OPEN:
            review.state, review.note, review.effect = Review.State.REJECTED, "purged", ""
            review.decided_at, review.decided_by = now, cast(Any, by)
            review.claimed_by = review.claimed_until = review.expires_at = None
            domain_events.append(Closed(review))
    changed = ["hidden", "state", "note", "effect", "decided_at", "decided_by"]
    claims = ["claimed_by", "claimed_until", "expires_at"]
    Review.objects.bulk_update(reviews, [*changed, *claims], batch_size=200)
    return domain_events
