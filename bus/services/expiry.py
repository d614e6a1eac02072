"""Decides held messages that nobody reviewed in time, as their rooms say."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from bus.errors import NotFound
from bus.models import Review
from bus.services import audit, policies, reviews
from bus.services.facts import Fact

# Reviews of one round; each is a transaction of its own.
_LIMIT = 100


def expire_due() -> list[Fact]:
    """Decide what is past its limit, the oldest first; what must be told of it."""
    now = timezone.now()
    due = Review.objects.filter(state=Review.State.OPEN, expires_at__lte=now)
    facts: list[Fact] = []
    for pk in due.order_by("expires_at").values_list("pk", flat=True)[:_LIMIT]:
        facts += _expire(pk)
    return facts


def _expire(pk: int) -> list[Fact]:
    now = timezone.now()
    with transaction.atomic():
        try:
            review, room = reviews.lock(pk)
        except NotFound:
            return []
        # Somebody was first: a moderator, or another worker.
        if review.state != Review.State.OPEN or (review.expires_at or now) > now:
            return []
        approve = policies.conduct_of(room).held_expires == "post"
        review.note = "expired"
        decision = reviews.carry_out(review, room, approve=approve, now=now, reason="expired")
        audit.note(
            f"review.{review.state}",
            audit.limit("held"),
            room,
            message=review.message,
            reason="nobody reviewed it in time",
            details={"review": review.pk, "rule": review.rule},
            undo=f"moderation undo {review.pk}",
        )
    return decision.facts
