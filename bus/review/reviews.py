"""Reviews: claimed, decided, and taken back; the first decision stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Case, Q, QuerySet, When

from bus.chat import clock, room_rights
from bus.enforcement import (
    audit,
    open_review,
    personal_data,
    room_policies,
    sanctions,
    strikes,
    training_labels,
)
from bus.enforcement.strikes import StrikeBatch
from bus.models import Message, Review, Room, Strike
from bus.moderation.reasons import CRISIS
from bus.posting import erasures, removal, settle
from bus.posting.domain_events import Closed, DomainEvent, Opened, Posted, Removed, Settled, Shown
from bus.protocol import types
from bus.protocol.errors import Conflict, NotFound

# People in danger first.
URGENT = Case(When(reason=CRISIS, state=Review.State.OPEN, then=0), default=1)
# How long a claim holds before somebody else may take the review, in seconds.
LEASE = 60
# How long a decision can be taken back by who made it, in seconds.
UNDO = 10
# Why a message is out of its room that reports took out.
REPORTED = "reported"


@dataclass(slots=True)
class Decision:
    """What was decided, and what must be told of it."""

    review: Review
    domain_events: list[DomainEvent] = field(default_factory=list)

    @property
    def row(self) -> Message:
        """The message."""
        return self.review.message


def queue(rooms: Iterable[Room] | None = None) -> QuerySet[Review]:
    """What waits for a person, who is in danger first, then the oldest; of these rooms, or all."""
    waiting = Review.objects.filter(state=Review.State.OPEN).order_by(URGENT, "opened_at", "pk")
    if rooms is not None:
        waiting = waiting.filter(message__room__in=list(rooms))
    return waiting.select_related("message__room", "claimed_by")


def claim(review_id: int, by: AbstractBaseUser) -> Review:
    """Take a review for a minute, or keep it for another; raises NotFound, Conflict."""
    now = clock.now()
    free = Q(claimed_by=None) | Q(claimed_by=by) | Q(claimed_until__lte=now)
    # Asked by the database: of two who claim at once, one gets it.
    taken = Review.objects.filter(free, pk=review_id, state=Review.State.OPEN).update(
        claimed_by=by, claimed_until=now + dt.timedelta(seconds=LEASE)
    )
    review = _found(review_id)
    if not taken:
        raise Conflict(_taken(review))
    return review


def release(review_id: int, by: AbstractBaseUser) -> None:
    """Give a claim back; one that is not one's own stays."""
    Review.objects.filter(pk=review_id, claimed_by=by.pk).update(
        claimed_by=None, claimed_until=None
    )


def decide(
    review_id: int, *, approve: bool, by: AbstractBaseUser | None, note: str = ""
) -> Decision:
    """Let a message stand, or not; raises Invalid, NotFound, Conflict where somebody was first."""
    note = types.remark(note, "note")
    with transaction.atomic():
        review, room = lock(review_id)
        now = clock.now()
        if review.state != Review.State.OPEN or _claimed_by_another(review, by, now):
            raise Conflict(_taken(review))
        actor = audit.person(by)
        review.decided_by, review.note = cast(Any, by), note[:500]
        decision = carry_out(review, room, approve=approve, now=now)
        # Who is in danger has broken no rule, even where it may not stand.
        if review.reason != CRISIS or approve:
            training_labels.note(review.message, bad=not approve, at=now)
            _follow(review, room, actor, now)
        audit.note(
            f"review.{review.state}",
            actor,
            room,
            message=review.message,
            reason=note,
            details={"review": review.pk, "kind": review.kind, "rule": review.rule},
            undo=f"moderation undo {review.pk}",
        )
    return decision


def carry_out(
    review: Review, room: Room, *, approve: bool, now: dt.datetime, reason: str = "moderator"
) -> Decision:
    """Do to the message what was decided; the caller holds the room's lock and notes who did it."""
    row, effect = review.message, Review.Effect
    decision = Decision(review)
    review.effect = ""
    if approve and row.seq is None:
        settle.post(row, room, now)
        row.reason, review.effect = "", effect.POSTED
        decision.domain_events += [Posted(row), Settled(row)]
    elif approve and review.hidden:
        _show(review, room, decision)
        review.effect = effect.SHOWN
    elif not approve and row.seq is None:
        row.status, row.reason = Message.Status.REJECTED, reason
        review.effect = effect.REJECTED
        decision.domain_events.append(Settled(row))
    elif not approve and row.removed_at is None:
        hide(review, room, now, decision, reason)
        review.effect = effect.REMOVED
    elif not approve and review.hidden:
        # Out already, until somebody decides: now it is decided, and the room is told why.
        hide(review, room, now, decision, reason)
    if not approve:
        _wipe_personal(row, room)
    review.state = Review.State.APPROVED if approve else Review.State.REJECTED
    review.decided_at = now
    review.claimed_by = review.claimed_until = None
    decision.domain_events.append(Closed(review))
    save(review, room)
    return decision


def _wipe_personal(row: Message, room: Room) -> None:
    """Take personal data out of a rejected message, posted before or not; stars stay."""
    body = personal_data.without_waiting(row)
    if body != row.body:
        row.body = body
        erasures.note(room, [row])


def undo(review_id: int, *, by: AbstractBaseUser | None) -> Decision:
    """Take one's own decision back within 10 s; an operator (None) any, at any time.

    The review is open again. A message that it had posted is taken out of the room until then, and
    one that reports took out of it, an operator puts back. Raises NotFound, Conflict.
    """
    with transaction.atomic():
        review, room = lock(review_id)
        now, actor = clock.now(), audit.person(by)
        if by is None and review.decided_at is None and _hidden_by_reports(review):
            decision = Decision(review)
            _show(review, room, decision)
            decision.domain_events.append(Opened(review))
            save(review, room)
        else:
            _check_undo(review, by, now)
            _unfollow(review, actor, now)
            decision = _take_back(review, room, now)
            training_labels.forget(review.message)
        audit.note(
            "review.undone", actor, room, message=review.message, details={"review": review.pk}
        )
    return decision


def _hidden_by_reports(review: Review) -> bool:
    return review.hidden and review.message.reason == REPORTED


def _check_undo(review: Review, by: AbstractBaseUser | None, now: dt.datetime) -> None:
    if review.decided_at is None or (by is not None and review.decided_by != by):
        raise Conflict("There is no decision of yours to take back.")
    if by is not None and now - review.decided_at > dt.timedelta(seconds=UNDO):
        raise Conflict(f"A decision can be taken back for {UNDO} s. It stands.")
    row = review.message
    gone = row.removed_at is not None and not review.hidden
    if gone or not (row.body or review.effect):
        # Withdrawn, removed or purged; that closed the review.
        raise Conflict("Its text is gone: there is nothing left to decide about.")


def _take_back(review: Review, room: Room, now: dt.datetime) -> Decision:
    row, effect = review.message, Review.Effect
    decision = Decision(review)
    if review.expires_at is not None:
        # Else the clock would decide at once.
        review.expires_at = open_review.expiry(room_policies.settings_of(room), now)
    if review.effect in (effect.POSTED, effect.SHOWN) and row.removed_at is None:
        hide(review, room, now, decision, "review")
    elif review.effect == effect.REMOVED and review.hidden:
        _show(review, room, decision)
    elif review.effect == effect.REJECTED:
        row.status, row.reason = Message.Status.HELD, review.reason
        decision.domain_events.append(Settled(row))
    review.state, review.effect = Review.State.OPEN, ""
    review.decided_at = review.decided_by = None
    decision.domain_events.append(Opened(review))
    save(review, room)
    return decision


def hide(review: Review, room: Room, now: dt.datetime, decision: Decision, reason: str) -> None:
    """Take the message out of the room, so that a decision may still bring it back."""
    removal.take_out(review.message, room, now, reason)
    review.hidden = True
    decision.domain_events.append(Removed(review.message, reason))


def _show(review: Review, room: Room, decision: Decision) -> None:
    removal.put_back(review.message, room)
    review.hidden = False
    decision.domain_events.append(Shown(review.message))


def _follow(review: Review, room: Room, actor: str, now: dt.datetime) -> None:
    """A strike for what may not stand; what was given for a message that stands is taken back."""
    row = review.message
    if review.state == Review.State.APPROVED:
        strikes.forgive(row, now)
        sanctions.lift_for(row, actor, "the message stands", now)
        return
    right = room_rights.rights({room: [row.author_key]})[room.pk, row.author_key]
    struck = Strike.objects.filter(message=row, forgiven_at=None).exists()
    if not (right.trusted or right.service or struck):
        strike_batch = StrikeBatch(now)
        strike_batch.strike(row, room, review.rule or "moderator", room_policies.settings_of(room))
        strike_batch.save()


def _unfollow(review: Review, actor: str, now: dt.datetime) -> None:
    """Take back what `_follow` did, by its time."""
    row, decided_at, reason = review.message, review.decided_at, "the decision was undone"
    assert decided_at is not None
    if review.state == Review.State.APPROVED:
        strikes.restore(row, decided_at)
        sanctions.restore_for(row, decided_at, actor, reason)
    else:
        strikes.forgive(row, now, since=decided_at)
        sanctions.lift_for(row, actor, reason, now, since=decided_at)


def lock(review_id: int) -> tuple[Review, Room]:
    """A review and its room, both locked; raises NotFound."""
    room_id = Review.objects.filter(pk=review_id).values_list("message__room", flat=True).first()
    if room_id is None:
        raise NotFound("There is no such review.")
    # The room first, as everywhere: its lock orders everything that changes its messages.
    room = Room.objects.select_for_update().get(pk=room_id)
    review = _found(review_id)
    review.message.room = room
    return review, room


def save(review: Review, room: Room) -> None:
    """Store a review, its message, and the room's head."""
    review.message.save()
    review.save()
    room.save(update_fields=["head"])


def _found(review_id: int) -> Review:
    related = Review.objects.select_related("message__room", "claimed_by", "decided_by")
    review = related.filter(pk=review_id).first()
    if review is None:
        raise NotFound("There is no such review.")
    return review


def _claimed_by_another(review: Review, by: AbstractBaseUser | None, now: dt.datetime) -> bool:
    until = review.claimed_until
    return until is not None and until > now and review.claimed_by != by


def _taken(review: Review) -> str:
    if review.state == Review.State.OPEN:
        return f"{review.claimed_by} is at this review."
    by = f" by {review.decided_by}" if review.decided_by else ""
    return f"This review is decided already: {review.state}{by}."
