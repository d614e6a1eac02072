"""What a room's messages are judged by, and what the room does around it."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from bus.conf import conf
from bus.enforcement import audit, room_settings
from bus.enforcement.room_settings import RoomSettings
from bus.messaging.text_store import REMEMBERED
from bus.models import AuditEntry, Room
from bus.moderation import POLICIES, Policy
from bus.moderation.policy.policy import PARTS
from bus.moderation.words.custom_lists import check_looks
from bus.protocol import types
from bus.protocol.errors import BusError, Conflict, Invalid, NotFound

logger = logging.getLogger(__name__)

# Rooms whose rules a process keeps; those of the least recent are read again.
_KEPT = 2000
_CHANGED = "policy.changed"
# Longest slow mode, and longest wait of newcomers, in seconds: a day.
_SLOWEST = 86_400
CHANGED_MEANWHILE = "Somebody else has changed the rules of this room meanwhile. Load them again."


@dataclass(frozen=True, slots=True)
class Rules:
    """A room's policy and conduct, ready to be used."""

    policy: Policy
    settings: RoomSettings


_rules: dict[tuple[object, ...], Rules] = {}


def of_room(room: Room) -> Policy:
    """The room's policy, with the site's own limit for a body."""
    return rules_of(room).policy


def settings_of(room: Room) -> RoomSettings:
    """What the room does around its policy."""
    return rules_of(room).settings


def rules_of(room: Room) -> Rules:
    """Both, read from the database once for each version of the room's rules."""
    key = (room.pk, room.moderation, room.policy_version, conf.body_limit)
    found = _rules.get(key)
    if found is None:
        if len(_rules) >= _KEPT:
            _rules.clear()
        found = _rules[key] = _read(room)
    return found


def forget() -> None:
    """Read every room's rules again."""
    _rules.clear()


def try_parts(moderation: str, parts: dict[str, Any]) -> Policy:
    """The policy of a base with some parts changed; raises Invalid naming the wrong part."""
    base = POLICIES.get(moderation)
    if base is None:
        raise Invalid(f"There is no policy {moderation!r}.", field="moderation")
    if not isinstance(parts, dict):
        raise Invalid("policy_parts: an object is wanted", field="policy_parts")
    try:
        policy = Policy.from_parts(base, parts)
    except ValueError as error:
        raise Invalid(f"policy_parts: {error}", field="policy_parts") from error
    if policy.flood_messages >= REMEMBERED:
        raise Invalid(
            f"policy_parts: flood_messages: {REMEMBERED - 1} at most, since no more is remembered",
            field="policy_parts",
        )
    return replace(policy, max_length=min(policy.max_length, conf.body_limit))


def take_parts(moderation: str, parts: dict[str, Any], stored: dict[str, Any]) -> Policy:
    """`try_parts` for parts that come in the place of stored ones: new patterns have to be fast.

    Stored ones are not measured again, so that a busy machine stops nobody from changing the rest.
    """
    policy = try_parts(moderation, parts)
    if parts.get("patterns") != stored.get("patterns"):
        try:
            check_looks(policy.patterns)
        except ValueError as error:
            raise Invalid(f"policy_parts: patterns: {error}", field="policy_parts") from error
    return policy


def change(
    room_id: int,
    *,
    by: AbstractBaseUser | None,
    moderation: str | None = None,
    parts: dict[str, Any] | None = None,
    ways: dict[str, Any] | None = None,
    reset: Collection[str] = (),
    slow_mode: int | None = None,
    newcomer_wait: int | None = None,
    reason: str = "",
) -> Room:
    """Change some of a room's policy, conduct or pace.

    `parts` and `ways` are put over those that are stored, and what `reset` names goes back to its
    default. Workers use it from their next batch on. Raises Invalid, NotFound.
    """
    with transaction.atomic():
        room = _locked(room_id)
        stored = {*room.policy_parts, *room.conduct}
        names = sorted({*PARTS, *RoomSettings.model_fields, *stored})
        for name in reset:
            if name not in names:
                raise Invalid(
                    f"Nothing to reset is called {name!r}; there are {', '.join(names)}.",
                    field="reset",
                )
        _write(
            room,
            moderation=room.moderation if moderation is None else moderation,
            policy_parts=_without({**room.policy_parts, **(parts or {})}, reset),
            conduct=_without({**room.conduct, **(ways or {})}, reset),
            slow_mode=room.slow_mode if slow_mode is None else slow_mode,
            newcomer_wait=room.newcomer_wait if newcomer_wait is None else newcomer_wait,
            by=by,
            reason=reason,
        )
    return room


def put(
    room_id: int,
    *,
    by: AbstractBaseUser | None,
    moderation: str,
    parts: dict[str, Any],
    ways: dict[str, Any],
    slow_mode: int,
    newcomer_wait: int | None = None,
    version: int,
    reason: str = "",
) -> Room:
    """Put all of a room's rules in the place of those of a version.

    Raises Invalid, NotFound, and Conflict where somebody has changed that version meanwhile.
    """
    with transaction.atomic():
        room = _locked(room_id)
        if room.policy_version != version:
            raise Conflict(CHANGED_MEANWHILE)
        _write(
            room,
            moderation=moderation,
            policy_parts=parts,
            conduct=ways,
            slow_mode=slow_mode,
            newcomer_wait=room.newcomer_wait if newcomer_wait is None else newcomer_wait,
            by=by,
            reason=reason,
        )
    return room


def undo(room_id: int, version: int, *, by: AbstractBaseUser | None, reason: str = "") -> Room:
    """Take one change back, the one that made this version; later ones stay where it left them.

    Raises Invalid where what it was does not hold any more, and NotFound.
    """
    made = AuditEntry.objects.filter(room=room_id, action=_CHANGED, details__version=version)
    audit_entry = made.order_by("-pk").first()
    if audit_entry is None:
        raise NotFound(f"No change in the audit log made version {version} of this room's rules.")
    parts, new_parts = audit_entry.details.get("policy_parts", [{}, {}])
    ways, new_ways = audit_entry.details.get("conduct", [{}, {}])
    moderation, slow_mode, newcomer_wait = (
        audit_entry.details.get(name, [None])[0]
        for name in ("moderation", "slow_mode", "newcomer_wait")
    )
    return change(
        room_id,
        by=by,
        moderation=moderation,
        parts=parts,
        ways=ways,
        reset=[name for name in (*new_parts, *new_ways) if name not in {*parts, *ways}],
        slow_mode=slow_mode,
        newcomer_wait=newcomer_wait,
        reason=reason or f"undoes version {version}",
    )


def raid(room_id: int, seconds: int, *, by: AbstractBaseUser | None) -> Room:
    """Hold everything from accounts younger than this, until it is switched off with 0."""
    return change(room_id, by=by, parts={"raid_seconds": seconds}, reason="raid mode")


def check_slow_mode(seconds: int) -> None:
    """Raise Invalid for a slow mode that no room can have."""
    if not 0 <= seconds <= _SLOWEST:
        raise Invalid(f"Slow mode is 0 to {_SLOWEST} seconds; 0 is off.", field="slow_mode")


def check_newcomer_wait(seconds: int) -> None:
    """Raise Invalid for what no room can ask newcomers to wait."""
    if not 0 <= seconds <= _SLOWEST:
        text = f"Newcomers wait 0 to {_SLOWEST} seconds; 0 is off."
        raise Invalid(text, field="newcomer_wait")


def _locked(room_id: int) -> Room:
    room = Room.objects.select_for_update().filter(pk=room_id).first()
    if room is None:
        raise NotFound
    return room


def _without(values: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _write(room: Room, *, by: AbstractBaseUser | None, reason: str, **after: Any) -> None:
    """Store and log rules that hold, of a room that the caller has locked."""
    reason = types.remark(reason, "reason")
    check_slow_mode(after["slow_mode"])
    check_newcomer_wait(after["newcomer_wait"])
    take_parts(after["moderation"], after["policy_parts"], room.policy_parts)
    room_settings.parse(after["conduct"])
    before = {name: getattr(room, name) for name in after}
    changed = [name for name in after if after[name] != before[name]]
    if not changed:
        return
    for name in changed:
        setattr(room, name, after[name])
    room.policy_version += 1
    room.save(update_fields=[*changed, "policy_version"])
    details = {name: _difference(before[name], after[name]) for name in changed}
    audit.note(
        _CHANGED,
        audit.person(by),
        room,
        reason=reason,
        details={"version": room.policy_version, **details},
        undo=f"moderation policy --room {room.name} --undo {room.policy_version}",
    )


def _difference(before: Any, after: Any) -> list[Any]:
    """What it was and what it is; of objects what differs, since lists of words are long."""
    if not isinstance(before, dict):
        return [before, after]
    same = [name for name in before if name in after and before[name] == after[name]]
    return [_without(before, same), _without(after, same)]


def _read(room: Room) -> Rules:
    """The stored rules; what this version cannot read is left out, and said in the log."""
    stored = Room.objects.filter(pk=room.pk).values_list("policy_parts", "conduct").first()
    parts, ways = stored or ({}, {})
    try:
        policy = try_parts(room.moderation, parts)
    except BusError:
        policy = try_parts(room.moderation, _readable(room, parts))
    try:
        return Rules(policy, room_settings.parse(ways))
    except BusError as error:
        logger.error("The conduct of %s does not hold: %s", room, error.text)
        return Rules(policy, RoomSettings())


def _readable(room: Room, parts: dict[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, value in parts.items():
        try:
            try_parts(room.moderation, {name: value})
            kept[name] = value
        except BusError as error:
            logger.error("A policy part of %s does not hold: %s", room, error.text)
    return kept
