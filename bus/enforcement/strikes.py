"""Counts strikes and climbs a room's ladder: mute, timeout, ban."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Count

from bus.chat import clock
from bus.enforcement import audit, sanctions
from bus.enforcement.room_settings import RoomSettings
from bus.models import Message, Room, Sanction, Strike
from bus.moderation import Verdict
from bus.protocol import types
from bus.protocol.errors import NotFound

# Nobody is punished for what they could not know.
_NO_STRIKE = {"too_long"}


class StrikeBatch:
    """The strikes of one transaction, and what they bring."""

    def __init__(self, now: dt.datetime) -> None:
        self._now = now
        self._counts: dict[tuple[int, str], int] = {}
        self._strikes: list[Strike] = []
        self._sanctions: list[tuple[Sanction, str]] = []

    def strike(
        self, row: Message, room: Room, rule: str, room_settings: RoomSettings
    ) -> Sanction | None:
        """Count a rejected message, and what its author gets for it; `save` stores both."""
        room_author = room.pk, row.author_key
        if room_author not in self._counts:
            self._counts[room_author] = counts(
                room, [row.author_key], room_settings, self._now
            ).get(room_author, 0)
        self._counts[room_author] += 1
        values = {"room": room, "author_key": row.author_key, "rule": rule[:64]}
        self._strikes.append(Strike(message=row, created_at=self._now, **values))
        strikes = self._counts[room_author]
        penalty = room_settings.penalty(strikes)
        if penalty is None:
            return None
        # Its author reads this, too.
        reason = f"{strikes} messages were rejected in {room_settings.strike_hours} h"
        sanction = sanctions.build(
            room, row.author_key, penalty.kind, penalty.minutes, reason, self._now
        )
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
    room: Room, authors: Iterable[str], room_settings: RoomSettings, now: dt.datetime
) -> dict[tuple[int, str], int]:
    """The strikes that still count against authors, by room id and author key."""
    since = now - dt.timedelta(hours=room_settings.strike_hours)
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


def pardon(strike_id: int, *, by: AbstractBaseUser | None, reason: str = "") -> Strike:
    """Forgive a strike, and end what it brought; raises NotFound where there is nothing to forgive.

    The message stays rejected.
    """
    now, actor, reason = clock.now(), audit.person(by), types.remark(reason, "reason")
    with transaction.atomic():
        counting = Strike.objects.filter(pk=strike_id, forgiven_at=None)
        # The room first, as everywhere: who decides about the message has it, and wants this next.
        locked = Room.objects.select_for_update().filter(pk__in=counting.values("room")).first()
        strike = counting.select_related("room", "message").first()
        # Asked by the database: of two at once, one forgives it.
        if locked is None or strike is None or not counting.update(forgiven_at=now):
            raise NotFound("There is no such strike, or it is forgiven already.")
        sanctions.lift_for(strike.message, actor, reason, now)
        details = {"strike": strike.pk, "rule": strike.rule}
        audit.note(
            "strike.forgiven",
            actor,
            strike.room,
            message=strike.message,
            reason=reason,
            details=details,
        )
    return strike


def restore(row: Message, forgiven_at: dt.datetime) -> None:
    """Count again what was forgiven at that very moment."""
    Strike.objects.filter(message=row, forgiven_at=forgiven_at).update(forgiven_at=None)
