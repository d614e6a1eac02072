"""Reviews as moderators see them."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser

from bus.chat import authors, user_adapter
from bus.conf import conf
from bus.enforcement import open_review, training_labels
from bus.models import Message, Review
from bus.protocol import objects, reasons
from bus.protocol.types import timestamp

# What a review tells of what there may be any amount of.
_REPORTS = 10
_HITS = 20
_MATCHED = 100  # characters of what a rule found; `start` and `end` tell all of it


def of(review: Review) -> objects.Review:
    """A review with its message as written; without the text where that was removed for good.

    It has a bounded size, whatever was written and however many reported it: the worst hits, the
    newest reasons of trusted people before others', and of an overlong text the beginning.
    """
    row = review.message
    gone = row.removed_at is not None and not review.hidden
    reports, count = _reports(row)
    return objects.Review(
        id=str(review.pk),
        kind=review.kind,
        state=review.state,
        room=row.room.name,
        message=str(row.pk),
        author=authors.author(row),
        body="" if gone else training_labels.as_written(row)[: _body_limit()],
        reason=objects.Reason(code=review.reason, message=reasons.text(review.reason)),
        rule=review.rule,
        hits=[] if gone else _hits(row),
        reports=reports,
        report_count=count,
        opened_at=timestamp(review.opened_at),
        expires_at=timestamp(review.expires_at),
        claimed_by=_name(review.claimed_by),
        claimed_until=timestamp(review.claimed_until),
        decided_by=_name(review.decided_by),
        note=review.note,
        appeal=review.appeal,
    )


def _name(user: AbstractBaseUser | None) -> str:
    return "" if user is None else user_adapter.profile_of(user).name


def _body_limit() -> int:
    """Characters of a text that fit into an event several times, however JSON spells them."""
    return conf.message_size_limit // 16


def _hits(row: Message) -> list[objects.ReviewHit]:
    """The worst that rules found, in the order of the text."""
    found = [objects.ReviewHit.model_validate(hit) for hit in (row.verdict or {}).get("rules", [])]
    worst = sorted(found, key=lambda hit: -hit.severity)[:_HITS]
    for hit in worst:
        hit.matched = hit.matched[:_MATCHED]
    return sorted(worst, key=lambda hit: hit.start)


def _reports(row: Message) -> tuple[list[str], int]:
    """The newest reasons, oldest first, and how many reports there are."""
    if row.seq is None:
        # Nobody could read it yet.
        return [], 0
    kept = open_review.reports_of(row)
    newest = kept.order_by("-trusted", "-created_at", "-pk")[:_REPORTS]
    reports = sorted(newest, key=lambda report: (report.created_at, report.pk))
    return [report.reason for report in reports], kept.count()
