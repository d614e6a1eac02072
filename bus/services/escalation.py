"""Counts strikes and climbs a room's ladder: mute, timeout, ban."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db.models import Count

from bus.models import Message, Room, Sanction, Strike
from bus.moderation import Verdict
from bus.services import audit, sanctions
from bus.services.conduct import Conduct

# Nobody is punished for what they could not know.
_NO_STRIKE = {"too_long"}


class Escalation:
    """The strikes of one transaction, and what they bring."""

    def __init__(self, now: dt.datetime) -> None:
        self._now = now
        self._counts: dict[tuple[int, str], int] = {}
        self._strikes: list[Strike] = []
        self._sanctions: list[tuple[Sanction, str]] = []

    def strike(self, row: Message, room: Room, rule: str, conduct: Conduct) -> Sanction | None:
        """Count a rejected message, and what its author gets for it; `save` stores both."""
        place = room.pk, row.author_key
        if place not in self._counts:
            self._counts[place] = counts(room, [row.author_key], conduct, self._now).get(place, 0)
        self._counts[place] += 1
        values = {"room": room, "author_key": row.author_key, "rule": rule[:64]}
        self._strikes.append(Strike(message=row, created_at=self._now, **values))
        strikes = self._counts[place]
        rung = conduct.rung(strikes)
        if rung is None:
            return None
        # Its author reads this, too.
        reason = f"{strikes} messages were rejected in {conduct.strike_hours} h"
        sanction = sanctions.build(room, row.author_key, rung.kind, rung.minutes, reason, self._now)
        sanction.message = row
        self._sanctions.append((sanction, audit.rule(rule)))
        return sanction

    def save(self) -> None:
        """Store all, once their messages are stored."""
        for strike in self._strikes:
            strike.message_id = strike.message.pk
        # One that was forgiven counts again.
        Strike.objects.bulk_create(
            self._strikes,
            update_conflicts=True,
            unique_fields=["message"],
            update_fields=["created_at", "forgiven_at", "rule"],
        )
        for sanction, actor in self._sanctions:
            sanction.message = sanction.message
            sanctions.store(sanction, actor)


def punishable(verdict: Verdict) -> bool:
    """Whether a rule rejected what its author could have kept to themselves."""
    return verdict.action == "reject" and verdict.reason not in _NO_STRIKE


def counts(
    room: Room, authors: Iterable[str], conduct: Conduct, now: dt.datetime
) -> dict[tuple[int, str], int]:
    """The strikes that still count against authors, by room id and author key."""
    since = now - dt.timedelta(hours=conduct.strike_hours)
    rows = (
        Strike.objects.filter(
            room=room, author_key__in=list(authors), created_at__gt=since, forgiven_at=None
        )
        .values_list("author_key")
        .annotate(strikes=Count("pk"))
    )
    return {(room.pk, key): strikes for key, strikes in rows}


def forgive(row: Message, now: dt.datetime, *, since: dt.datetime | None = None) -> None:
    """Count a message against its author no more; where it was counted before `since`, it stays."""
    strikes = Strike.objects.filter(message=row, forgiven_at=None)
    if since is not None:
        strikes = strikes.filter(created_at__gte=since)
    strikes.update(forgiven_at=now)


def restore(row: Message, forgiven_at: dt.datetime) -> None:
    """Count again what was forgiven at that very moment."""
    Strike.objects.filter(message=row, forgiven_at=forgiven_at).update(forgiven_at=None)
