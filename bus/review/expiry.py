"""Decides held messages that nobody reviewed in time, as their rooms say."""

from __future__ import annotations

import logging

from django.db import InterfaceError, OperationalError, transaction

from bus.chat import clock, room_rights
from bus.enforcement import audit, room_policies
from bus.models import Message, Review, Room
from bus.moderation import redacted, starred
from bus.posting import erasures
from bus.posting.domain_events import DomainEvent
from bus.protocol.errors import NotFound
from bus.review import reviews

logger = logging.getLogger(__name__)

# Reviews of one round; each is a transaction of its own.
LIMIT = 100
# The note of a review that no person has looked at.
EXPIRED = "expired"


def expire_due() -> list[DomainEvent]:
    """Decide what is past its limit, the oldest first; what must be told of it.

    Where the room posts what nobody reviewed, it does so for authors who may still write there, and
    with the words starred that its policy stars: no person has looked at them.
    """
    now = clock.now()
    due = Review.objects.filter(state=Review.State.OPEN, expires_at__lte=now)
    domain_events: list[DomainEvent] = []
    for pk in due.order_by("expires_at").values_list("pk", flat=True)[:LIMIT]:
        try:
            domain_events += _expire(pk)
        except (OperationalError, InterfaceError) as error:
            # Those before are decided, and to be told.
            logger.warning("Held messages wait for the database: %s", error)
            break
        except Exception:
            logger.exception("Review %d cannot be decided; the others are.", pk)
    return domain_events


def _expire(pk: int) -> list[DomainEvent]:
    now = clock.now()
    with transaction.atomic():
        try:
            review, room = reviews.lock(pk)
        except NotFound:
            return []
        # Somebody was first: a moderator, or another worker.
        if review.state != Review.State.OPEN or (review.expires_at or now) > now:
            return []
        approve = room_policies.settings_of(room).held_expires == "post" and _may_write(
            room, review
        )
        if approve:
            _star(review.message, room)
        review.note = EXPIRED
        decision = reviews.carry_out(review, room, approve=approve, now=now, reason=EXPIRED)
        audit.note(
            f"review.{review.state}",
            audit.limit("held"),
            room,
            message=review.message,
            reason="nobody reviewed it in time",
            details={"review": review.pk, "rule": review.rule},
            undo=f"moderation undo {review.pk}",
        )
    return decision.domain_events


def _may_write(room: Room, review: Review) -> bool:
    key = review.message.author_key
    return not room_rights.rights({room: [key]})[room.pk, key].refusal()


def _star(row: Message, room: Room) -> None:
    policy = room_policies.of_room(room)
    body = starred(row.body, policy)
    if body != row.body:
        row.verdict = {"body": redacted(row.body, policy), **(row.verdict or {})}
        row.body = body
        erasures.note(room, [row])
