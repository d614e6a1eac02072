"""Appeals: an author asks once for another look at a message that may not stand."""

from __future__ import annotations

from django.db import transaction

from bus.chat import clock
from bus.chat.visitors import Visitor
from bus.enforcement import audit
from bus.models import Message, Review, Room
from bus.posting.domain_events import Opened, Settled
from bus.protocol import types
from bus.protocol.errors import Conflict, Invalid, NotFound
from bus.review import reviews
from bus.review.reviews import Decision

_LIMIT = 500
# What an author can do nothing about by asking, or can mend without it.
_FINAL = {
    "withdrawn",
    "too_long",
    "slow_mode",
    "newcomer",
    "muted",
    "banned",
    "forbidden",
    "room_archived",
    "not_found",
}


def appeal(room: Room, message_id: str, by: Visitor, text: str) -> Decision:
    """Open the review of a rejected or removed message again; raises NotFound, Invalid, Conflict.

    The message waits meanwhile, as a held one does.
    """
    text, number = types.paragraphs(text, "text"), types.message_number(message_id)
    if not 0 < len(text) <= _LIMIT:
        raise Invalid(f"An appeal has 1 to {_LIMIT} characters.", field="text")
    with transaction.atomic():
        room = Room.objects.select_for_update().get(pk=room.pk)
        row = Message.objects.filter(room=room, pk=number, author_key=by.key).first()
        if row is None:
            raise NotFound("There is no such message of yours.")
        row.room = room
        review = Review.objects.filter(message=row).first()
        _check(row, review)
        now = clock.now()
        if review is None:
            review = Review(rule=_rule(row), reason=row.reason)
        review.message, review.kind, review.state = row, Review.Kind.APPEAL, Review.State.OPEN
        review.opened_at = review.appealed_at = now
        review.appeal, review.effect, review.expires_at = text, "", None
        review.decided_at = review.decided_by = None
        decision = Decision(review)
        if row.seq is None:
            row.status = Message.Status.HELD
            decision.domain_events.append(Settled(row))
        decision.domain_events.append(Opened(review))
        reviews.save(review, room)
        audit.note("review.appealed", f"author:{by.key}", room, message=row, reason=text)
    return decision


def _check(row: Message, review: Review | None) -> None:
    if review is not None and review.appealed_at is not None:
        raise Conflict("You have appealed already; a message has one appeal.")
    if review is not None and review.state == Review.State.OPEN:
        raise Conflict("This message waits for a moderator already.")
    # Without its text, nobody could decide anything.
    rejected = row.status == Message.Status.REJECTED and row.reason not in _FINAL and row.body
    hidden = review is not None and review.hidden and row.removed_at is not None
    if not rejected and not hidden:
        raise Conflict("There is nothing to appeal against.")


def _rule(row: Message) -> str:
    rules = (row.verdict or {}).get("rules") or [{}]
    worst = max(rules, key=lambda hit: hit.get("severity", 0))
    return str(worst.get("rule", ""))[:64]
