"""Opens reviews for what rules have doubts about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from bus.models import Message, Review
from bus.moderation import Verdict
from bus.services.conduct import Conduct


def of_verdict(
    row: Message, verdict: Verdict, conduct: Conduct, now: dt.datetime, *, retracted: bool
) -> Review | None:
    """The review of a message that is held, alerted to, or was taken out again; not stored yet."""
    if verdict.action == "hold":
        kind, state = Review.Kind.HELD, Review.State.OPEN
    elif verdict.action == "alert":
        kind, state = Review.Kind.ALERT, Review.State.OPEN
    elif retracted:
        # Decided by a rule; it is there for an appeal.
        kind, state = Review.Kind.HELD, Review.State.REJECTED
    else:
        return None
    limit = conduct.held_minutes if kind == Review.Kind.HELD and state == Review.State.OPEN else 0
    return Review(
        message=row,
        kind=kind,
        state=state,
        reason=verdict.reason or "",
        rule=rule_of(verdict),
        opened_at=now,
        expires_at=now + dt.timedelta(minutes=limit) if limit else None,
        decided_at=now if state == Review.State.REJECTED else None,
        hidden=retracted,
    )


def save(reviews: Iterable[Review]) -> None:
    """Store new reviews, once their messages are stored."""
    found = list(reviews)
    for review in found:
        review.message_id = review.message.pk
    if found:
        Review.objects.bulk_create(found)


def again(review: Review, kind: str, reason: str, rule: str, now: dt.datetime) -> None:
    """Open a decided review for the message's new words; nothing of the old ones stays in it."""
    review.kind, review.state = kind, Review.State.OPEN
    review.reason, review.rule, review.opened_at = reason, rule, now
    review.expires_at = review.claimed_by = review.claimed_until = None
    review.decided_at = review.decided_by = review.appealed_at = None
    review.note = review.effect = review.appeal = ""


def rule_of(verdict: Verdict) -> str:
    """The rule that decided: the worst hit of the kind that the verdict names."""
    hits = [hit for hit in verdict.hits if hit.reason == verdict.reason]
    return max(hits, key=lambda hit: hit.severity).rule[:64] if hits else ""
