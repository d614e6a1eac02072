"""Decides on held messages; the first decision stands."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from bus.errors import Conflict, NotFound
from bus.models import Message, Review, Room
from bus.services import messages


def decide(review_id: int, *, approve: bool, by: User | None, note: str = "") -> Message:
    """Post or reject a held message; raises NotFound, or Conflict when somebody was first."""
    with transaction.atomic():
        room_id = (
            Review.objects.filter(pk=review_id).values_list("message__room", flat=True).first()
        )
        if room_id is None:
            raise NotFound("There is no such review.")
        # The room first, as everywhere: its lock orders everything that changes its messages.
        room = Room.objects.select_for_update().get(pk=room_id)
        review = Review.objects.select_related("message").get(pk=review_id)
        if review.state != Review.State.OPEN:
            raise Conflict(f"This review is decided already: {review.state}.")
        row = review.message
        review.decided_at = timezone.now()
        review.decided_by = by
        review.note = note
        if approve:
            review.state = Review.State.APPROVED
            messages.post(row, room, review.decided_at)
            room.save(update_fields=["head"])
        else:
            review.state = Review.State.REJECTED
            row.status = Message.Status.REJECTED
            row.reason = "moderator"
        row.save()
        review.save()
    row.room = room
    return row
