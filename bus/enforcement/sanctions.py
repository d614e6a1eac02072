"""Mutes, timeouts and bans: made, and lifted."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from bus.chat import clock
from bus.enforcement import audit
from bus.models import Message, Room, Sanction
from bus.protocol import types, user_ids
from bus.protocol.errors import Conflict, Invalid, NotFound


def impose(
    room: Room,
    author_key: str,
    kind: str,
    *,
    minutes: int | None = None,
    by: AbstractBaseUser | None = None,
    reason: str = "",
) -> Sanction:
    """Mute, time out or ban an author of a room, for minutes or for good; raises Invalid."""
    reason = types.remark(reason, "reason")
    known = user_ids.parse(author_key)
    if known is None:
        raise Invalid(
            f"{author_key!r} is no author: u7 is a user, g… a guest, s… a service.", field="author"
        )
    if kind not in Sanction.Kind.values:
        raise Invalid(f"There is no sanction {kind!r}.", field="kind")
    if kind == Sanction.Kind.TIMEOUT and minutes is None:
        raise Invalid("A timeout has minutes.", field="minutes")
    if minutes is not None and minutes < 1:
        raise Invalid("A sanction is for 1 minute or more.", field="minutes")
    sanction = build(room, known, kind, minutes, reason, clock.now())
    sanction.created_by = cast(Any, by)
    with transaction.atomic():
        store(sanction, audit.person(by))
    return sanction


def build(
    room: Room, author_key: str, kind: str, minutes: int | None, reason: str, now: dt.datetime
) -> Sanction:
    """A sanction from now on, not stored yet."""
    until = None if minutes is None else now + dt.timedelta(minutes=minutes)
    return Sanction(
        room=room,
        author_key=author_key,
        kind=kind,
        until=until,
        reason=reason[:200],
        created_at=now,
    )


def store(sanction: Sanction, actor: str) -> None:
    """Store a sanction with its line in the audit log."""
    sanction.save()
    audit.note(
        f"sanction.{sanction.kind}",
        actor,
        sanction.room,
        author_key=sanction.author_key,
        message=sanction.message,
        reason=sanction.reason,
        details={
            "sanction": sanction.pk,
            "until": None if sanction.until is None else sanction.until.isoformat(),
        },
        undo=f"moderation lift {sanction.pk}",
    )


def lift(sanction_id: int, *, by: AbstractBaseUser | None, reason: str = "") -> Sanction:
    """End a sanction now; raises Invalid, NotFound, or Conflict where it is lifted already."""
    reason = types.remark(reason, "reason")
    with transaction.atomic():
        found = Sanction.objects.select_related("room").filter(pk=sanction_id)
        # The room first, as everywhere: who decides about its message has it, and wants this next.
        locked = Room.objects.select_for_update().filter(pk__in=found.values("room")).first()
        sanction = found.first()
        if locked is None or sanction is None:
            raise NotFound("There is no such sanction.")
        if not _end(sanction, audit.person(by), reason, clock.now()):
            raise Conflict("This sanction is lifted already.")
    return sanction


def lift_for(
    row: Message, actor: str, reason: str, now: dt.datetime, *, since: dt.datetime | None = None
) -> None:
    """End what an author got for a message that should have stood, or got for it since then."""
    found = Sanction.objects.select_related("room").filter(message=row, lifted_at=None)
    for sanction in found if since is None else found.filter(created_at__gte=since):
        _end(sanction, actor, reason, now)


def restore_for(row: Message, lifted_at: dt.datetime, actor: str, reason: str) -> None:
    """Have what was lifted for a message at that very moment hold again, until it would have."""
    lifted = Sanction.objects.select_related("room").filter(message=row, lifted_at=lifted_at)
    for sanction in lifted:
        sanction.lifted_at = None
        sanction.save(update_fields=["lifted_at"])
        undo = f"moderation lift {sanction.pk}"
        _note("sanction.restored", sanction, actor, reason, undo=undo)


def _end(sanction: Sanction, actor: str, reason: str, now: dt.datetime) -> bool:
    # Asked by the database: of two at once, one lifts it.
    if not Sanction.objects.filter(pk=sanction.pk, lifted_at=None).update(lifted_at=now):
        return False
    sanction.lifted_at = now
    # With its signal, by which live sockets learn of it.
    sanction.save(update_fields=["lifted_at"])
    _note("sanction.lifted", sanction, actor, reason)
    return True


def _note(action: str, sanction: Sanction, actor: str, reason: str, *, undo: str = "") -> None:
    audit.note(
        action,
        actor,
        sanction.room,
        author_key=sanction.author_key,
        reason=reason,
        details={"sanction": sanction.pk},
        undo=undo,
    )
