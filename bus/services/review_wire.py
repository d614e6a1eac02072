"""Reviews as moderators see them."""

from __future__ import annotations

from bus import objects, reasons
from bus.models import Message, Review
from bus.services import history, labels, openings


def of(review: Review) -> objects.Review:
    """A review with its message as written; without the text where that was removed for good."""
    row = review.message
    gone = row.removed_at is not None and not review.hidden
    found = [] if gone else (row.verdict or {}).get("rules", [])
    return objects.Review(
        id=str(review.pk),
        kind=review.kind,
        state=review.state,
        room=row.room.name,
        message=str(row.pk),
        author=objects.Author(id=history.author_id(row.author_key), name=row.author_name),
        body="" if gone else labels.as_written(row),
        reason=objects.Reason(code=review.reason, message=reasons.text(review.reason)),
        rule=review.rule,
        hits=[objects.ReviewHit.model_validate(hit) for hit in found],
        reports=_reports(row),
        opened_at=history.timestamp(review.opened_at),
        expires_at=history.timestamp(review.expires_at),
        claimed_by=str(review.claimed_by or ""),
        claimed_until=history.timestamp(review.claimed_until),
        decided_by=str(review.decided_by or ""),
        note=review.note,
        appeal=review.appeal,
    )


def _reports(row: Message) -> list[str]:
    if row.seq is None:
        # Nobody could read it yet.
        return []
    return list(openings.reports_of(row).order_by("pk").values_list("reason", flat=True))
