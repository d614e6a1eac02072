"""Reports by members: they open reviews, and several trusted ones hide a message."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from bus.chat import clock, room_rights, user_adapter, users
from bus.chat.room_rights import Rights
from bus.chat.visitors import Visitor
from bus.enforcement import audit, open_review, room_policies
from bus.models import Message, Report, Review, Room
from bus.protocol import types
from bus.protocol.errors import NotFound
from bus.review import expiry, reviews
from bus.review.reviews import Decision

# Who nobody made a member is trusted when the account is this old.
_TRUSTED_AFTER = dt.timedelta(days=1)
_LIMIT = 500
# Reports kept of one message: so many by trusted people, or as many as hide it, and by others.
_KEPT = 20
# Whose last reports in a room, so many within so long, were all found wrong is not heard there.
_WRONG = 5
_WRONG_WITHIN = dt.timedelta(days=30)


def file(room: Room, message_id: str, by: Visitor, reason: str) -> Review | None:
    """Keep a report that is worth something; the review where it opened one or hid the message.

    Raises NotFound, Invalid. `review.hidden_now` says whether this very report hid the message:
    `events.of_report` tells all of it.
    """
    reason, number = types.remark(reason, "reason"), types.message_number(message_id)
    with transaction.atomic():
        locked = Room.objects.select_for_update().get(pk=room.pk)
        row = Message.objects.filter(room=locked, pk=number, status=Message.Status.POSTED).first()
        if row is None or (row.removed_at is not None and not _hidden(row)):
            raise NotFound("There is no such message.")
        row.room = locked
        right = room_rights.rights({locked: [by.key]})[locked.pk, by.key]
        review = Review.objects.filter(message=row).first() or Review(message=row)
        if not (_matters(review, row, by) and _is_heard(right)):
            return None
        if not _keep(row, by, reason[:_LIMIT], trusted=_trusted(right, by)):
            return None
        return _consider(review, row, locked)


def _matters(review: Review, row: Message, by: Visitor) -> bool:
    """Whether a report could change anything.

    It does not where a moderator has let the words stand, or decided otherwise; nor do more new
    guests where a moderator is to look already: anybody can be any number of them.
    """
    decided_at = None if review.note == expiry.EXPIRED else review.decided_at
    if decided_at is not None and not _changed_since(row, decided_at):
        return False
    open_already = review.pk is not None and review.state == Review.State.OPEN
    return not (by.new and open_already)


def _is_heard(right: Rights) -> bool:
    """Whether somebody's reports are worth a look: not of who may not write, or is always wrong."""
    if right.banned is not None or right.muted is not None:
        return False
    if right.inactive:
        return False
    return right.trusted or not _always_wrong(right)


def _always_wrong(right: Rights) -> bool:
    decided = Report.objects.filter(
        by_key=right.key,
        created_at__gt=clock.now() - _WRONG_WITHIN,
        message__room=right.room,
        message__review__state__in=(Review.State.APPROVED, Review.State.REJECTED),
    )
    states = list(
        decided.order_by("-created_at").values_list("message__review__state", flat=True)[:_WRONG]
    )
    return states == [Review.State.APPROVED] * _WRONG


def _keep(row: Message, by: Visitor, reason: str, *, trusted: bool) -> bool:
    """Store a report, once each and again after an edit; False where it was there, or too many."""
    values = {"by_id": by.user_id, "reason": reason, "trusted": trusted}
    before = Report.objects.filter(message=row, by_key=by.key).first()
    if before is None:
        if not _has_room(row, trusted=trusted):
            return False
        Report.objects.create(message=row, by_key=by.key, **values, created_at=clock.now())
        return True
    if row.edited_at is None or before.created_at >= row.edited_at:
        return False
    # It was about other words.
    Report.objects.filter(pk=before.pk).update(**values, created_at=clock.now())
    return True


def _has_room(row: Message, *, trusted: bool) -> bool:
    """Whether one more report of the message is kept, in the place of one of its old words if any.

    Trusted people have places of their own, which nobody else can take.
    """
    limit = max(_KEPT, room_policies.settings_of(row.room).hide_reports) if trusted else _KEPT
    kept = Report.objects.filter(message=row, trusted=trusted)
    if kept.count() < limit:
        return True
    void = kept.filter(created_at__lt=row.edited_at).delete()[0] if row.edited_at else 0
    return void > 0


def _consider(review: Review, row: Message, room: Room) -> Review | None:
    """Open a review, or hide the message until there is a decision."""
    now = clock.now()
    opened = review.pk is None or review.state != Review.State.OPEN
    if opened:
        open_review.reopen(review, Review.Kind.REPORTED, "reported", "", now)
    review.message = row
    enough = room_policies.settings_of(room).hide_reports
    trusted = open_review.reports_of(row).filter(trusted=True).count()
    if enough and trusted >= enough and row.removed_at is None:
        reviews.hide(review, room, now, Decision(review), reviews.REPORTED)
        review.hidden_now = True
    elif not opened:
        return None
    reviews.save(review, room)
    if review.hidden_now:
        audit.note(
            "message.hidden",
            audit.limit("reports"),
            room,
            message=row,
            reason=f"{trusted} reports by trusted members",
            undo=f"moderation undo {review.pk}",
        )
    return review


def _changed_since(row: Message, at: dt.datetime) -> bool:
    return row.edited_at is not None and row.edited_at > at


def _hidden(row: Message) -> bool:
    return Review.objects.filter(message=row, hidden=True).exists()


def _trusted(right: Rights, by: Visitor) -> bool:
    """A room's members, and users whose account is not new."""
    if by.user_id is None:
        return False
    if right.role is not None:
        return True
    user = users.by_keys([by.key]).get(by.key)
    made = None if user is None else user_adapter.joined_at(user)
    return made is not None and made <= clock.now() - _TRUSTED_AFTER
