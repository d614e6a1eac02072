"""Opens reviews for what rules have doubts about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db.models import QuerySet

from bus.enforcement.room_settings import RoomSettings
from bus.models import Message, Report, Review
from bus.moderation import Verdict
from bus.moderation.reasons import CRISIS


def of_verdict(
    row: Message,
    verdict: Verdict,
    room_settings: RoomSettings,
    now: dt.datetime,
    *,
    retracted: bool,
) -> Review | None:
    """The review of a message that is held, alerted to, or was taken out again; not stored yet."""
    if verdict.action == "hold":
        kind, state = Review.Kind.HELD, Review.State.OPEN
    elif alerts(verdict):
        kind, state = Review.Kind.ALERT, Review.State.OPEN
    elif retracted:
        # Decided by a rule; it is there for an appeal.
        kind, state = Review.Kind.HELD, Review.State.REJECTED
    else:
        return None
    waits = kind == Review.Kind.HELD and state == Review.State.OPEN
    return Review(
        message=row,
        kind=kind,
        state=state,
        reason=verdict.reason or "",
        rule=rule_of(verdict),
        opened_at=now,
        expires_at=expiry(room_settings, now) if waits else None,
        decided_at=now if state == Review.State.REJECTED else None,
        hidden=retracted,
    )


def alerts(verdict: Verdict) -> bool:
    """Whether a moderator is to look at what is posted: starred or not, who is in danger."""
    return verdict.action == "alert" or verdict.reason == CRISIS


def kept(verdict: Verdict, body: str) -> dict[str, object] | None:
    """What is stored of a verdict beside the message; `notice` is for its author alone."""
    if not verdict.hits:
        return None
    notice = {"notice": CRISIS} if verdict.reason == CRISIS else {}
    return {**verdict.as_json(), "body": verdict.shown(body), **notice}


def expiry(room_settings: RoomSettings, now: dt.datetime) -> dt.datetime | None:
    """Until when a message that is held waits for a moderator; None where that has no end."""
    return (
        now + dt.timedelta(minutes=room_settings.held_minutes)
        if room_settings.held_minutes
        else None
    )


def reports_of(row: Message) -> QuerySet[Report]:
    """What was reported of a message's words as they are: an edit makes the others void."""
    found = Report.objects.filter(message=row)
    return found if row.edited_at is None else found.filter(created_at__gte=row.edited_at)


def save(reviews: Iterable[Review]) -> None:
    """Store new reviews, once their messages are stored."""
    found = list(reviews)
    for review in found:
        review.message_id = review.message.pk
    if found:
        Review.objects.bulk_create(found)


def reopen(review: Review, kind: str, reason: str, rule: str, now: dt.datetime) -> None:
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
