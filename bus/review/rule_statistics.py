"""Statistics of rules: how often each hit, what moderators made of it, and how long it took."""

from __future__ import annotations

import datetime as dt
import statistics
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from bus.models import Message, Review, Room
from bus.protocol.errors import Invalid

# By the state of its review: what a rule has held, or took out of the room.
_REVIEWED = {
    Review.State.OPEN.value: Message.Status.HELD.value,
    Review.State.REJECTED.value: Message.Status.REJECTED.value,
}


@dataclass(slots=True)
class RuleStats:
    """What one rule did."""

    rule: str
    # Messages in which it found something, and what became of them.
    hits: int = 0
    posted: int = 0
    held: int = 0
    rejected: int = 0
    # Decided by a person, and of those: it should have stood.
    reviewed: int = 0
    overturned: int = 0
    waits: list[float] = field(default_factory=list, repr=False)

    @property
    def wait(self) -> float | None:
        """Seconds from opening a review to its decision, the median."""
        return statistics.median(self.waits) if self.waits else None


def of_rules(room: Room | None = None, days: float = 7) -> list[RuleStats]:
    """Every rule that hit in the last days, the busiest first; of one room or of all."""
    if not 0 < days <= 3660:
        raise Invalid("Statistics go back 10 years at most.", field="days")
    since = timezone.now() - dt.timedelta(days=days)
    rows = Message.objects.filter(pk__gt=_first_before(since), verdict__isnull=False)
    reviews = Review.objects.filter(message__in=rows.values("pk"))
    if room is not None:
        rows, reviews = rows.filter(room=room), reviews.filter(message__room=room)
    # A label tells what a person decided from what a rule or a limit did.
    decided = reviews.exclude(state=Review.State.OPEN).filter(message__label__isnull=False)
    by_message = {review.message_id: review for review in decided.iterator(2000)}
    found: dict[str, RuleStats] = {}
    values = rows.values_list("pk", "status", "verdict", "review__state")
    for pk, status, verdict, state in values.iterator(2000):
        outcome = _outcome(status, verdict or {}, state)
        for rule in {hit["rule"] for hit in (verdict or {}).get("rules", ())}:
            stats = found.setdefault(rule, RuleStats(rule))
            stats.hits += 1
            setattr(stats, outcome, getattr(stats, outcome) + 1)
            review = by_message.get(pk)
            if review is not None:
                _count(stats, review)
    return sorted(found.values(), key=lambda stats: (-stats.hits, stats.rule))


def _outcome(status: str, verdict: dict[str, Any], review: str | None) -> str:
    """What became of a message: what was posted first and taken out is as its review says."""
    if verdict.get("action") in ("hold", "reject"):
        return _REVIEWED.get(review or "", status)
    return status


def _count(stats: RuleStats, review: Review) -> None:
    stats.reviewed += 1
    stats.overturned += review.state == Review.State.APPROVED
    if review.decided_at is not None:
        stats.waits.append((review.decided_at - review.opened_at).total_seconds())


def _first_before(since: dt.datetime) -> int:
    """The newest id from before a time: ids grow with time, and time has no index."""
    low = 0
    high = Message.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    while low < high:
        middle = (low + high + 1) // 2
        row = Message.objects.filter(pk__lte=middle).order_by("-pk").values("pk", "created_at")
        found = row.first()
        if found is None or found["created_at"] < since:
            low = middle
        else:
            high = min(middle, found["pk"]) - 1
    return low
