"""Reports by members: they open reviews, and several trusted ones hide a message."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from bus import fields
from bus.errors import NotFound
from bus.models import Message, Report, Review, Room
from bus.services import access, audit, openings, policies, reviews
from bus.services.access import Visitor
from bus.services.reviews import Decision

# Who nobody made a member is trusted when the account is this old.
_TRUSTED_AFTER = dt.timedelta(days=1)
_LIMIT = 500


def file(room: Room, message_id: str, by: Visitor, reason: str) -> Review | None:
    """Keep a report; the review where it opened one or hid the message, else None.

    Raises NotFound, Invalid. `review.hidden_now` says whether this very report hid the message:
    `events.of_report` tells all of it.
    """
    reason, number = fields.remark(reason, "reason"), fields.message_number(message_id)
    with transaction.atomic():
        locked = Room.objects.select_for_update().get(pk=room.pk)
        row = Message.objects.filter(room=locked, pk=number, status=Message.Status.POSTED).first()
        if row is None or (row.removed_at is not None and not _hidden(row)):
            raise NotFound("There is no such message.")
        row.room = locked
        values = {"by_id": by.user_id, "reason": reason[:_LIMIT], "trusted": _trusted(locked, by)}
        report, made = Report.objects.get_or_create(message=row, by_key=by.key, defaults=values)
        if not made and row.edited_at is not None and report.created_at < row.edited_at:
            # It was about other words.
            Report.objects.filter(pk=report.pk).update(**values, created_at=timezone.now())
            made = True
        return _consider(row, locked) if made else None


def _consider(row: Message, room: Room) -> Review | None:
    """Open a review, or hide the message until there is a decision."""
    now = timezone.now()
    review = Review.objects.filter(message=row).first() or Review(message=row)
    opened = review.pk is None or review.state != Review.State.OPEN
    if review.decided_at is not None and not _changed_since(row, review.decided_at):
        # A moderator looked at it and let it stand; or it is gone.
        return None
    if opened:
        openings.again(review, Review.Kind.REPORTED, "reported", "", now)
    review.message = row
    enough = policies.conduct_of(room).hide_reports
    trusted = openings.reports_of(row).filter(trusted=True).count()
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


def _trusted(room: Room, by: Visitor) -> bool:
    """A room's members, and users whose account is not new, while they may write."""
    if by.user_id is None:
        return False
    right = access.rights({room: [by.key]})[room.pk, by.key]
    if right.banned is not None or right.muted is not None or right.name is None:
        return False
    if right.role is not None:
        return True
    since = timezone.now() - _TRUSTED_AFTER
    return User.objects.filter(pk=by.user_id, date_joined__lte=since).exists()
