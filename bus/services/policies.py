"""What a room's messages are judged by, and what the room does around it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from bus.conf import conf
from bus.errors import BusError, Invalid, NotFound
from bus.models import Room
from bus.moderation import POLICIES, Policy
from bus.moderation.own import check_looks
from bus.publisher import REMEMBERED
from bus.services import audit, conduct
from bus.services.conduct import Conduct

logger = logging.getLogger(__name__)

# Rooms whose rules a process keeps; those of the least recent are read again.
_KEPT = 2000
# Policy parts above this are not copied into the audit log, in characters of JSON.
_COPIED = 20_000
# Longest slow mode, in seconds: a day.
_SLOWEST = 86_400


@dataclass(frozen=True, slots=True)
class Rules:
    """A room's policy and conduct, ready to be used."""

    policy: Policy
    conduct: Conduct


_rules: dict[tuple[object, ...], Rules] = {}


def of_room(room: Room) -> Policy:
    """The room's policy, with the site's own limit for a body."""
    return rules_of(room).policy


def conduct_of(room: Room) -> Conduct:
    """What the room does around its policy."""
    return rules_of(room).conduct


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
    by: User | None,
    moderation: str | None = None,
    parts: dict[str, Any] | None = None,
    ways: dict[str, Any] | None = None,
    slow_mode: int | None = None,
    reason: str = "",
) -> Room:
    """Give a room another base policy, other parts, another conduct or pace.

    What is None stays. Workers use it from their next batch on. Raises Invalid, NotFound.
    """
    if slow_mode is not None and not 0 <= slow_mode <= _SLOWEST:
        raise Invalid(f"Slow mode is 0 to {_SLOWEST} seconds; 0 is off.", field="slow_mode")
    with transaction.atomic():
        room = Room.objects.select_for_update().filter(pk=room_id).first()
        if room is None:
            raise NotFound
        before, stored = _as_json(room), room.policy_parts
        room.moderation = room.moderation if moderation is None else moderation
        room.policy_parts = room.policy_parts if parts is None else parts
        room.conduct = room.conduct if ways is None else ways
        room.slow_mode = room.slow_mode if slow_mode is None else slow_mode
        take_parts(room.moderation, room.policy_parts, stored)
        conduct.parse(room.conduct)
        after = _as_json(room)
        changed = [name for name in after if after[name] != before[name]]
        if changed:
            room.policy_version += 1
            room.save(update_fields=[*after, "policy_version"])
            details = {name: [_copied(before[name]), _copied(after[name])] for name in changed}
            audit.note("policy.changed", audit.person(by), room, reason=reason, details=details)
    return room


def raid(room_id: int, seconds: int, *, by: User | None) -> Room:
    """Hold everything from accounts younger than this, until it is switched off with 0."""
    parts = Room.objects.filter(pk=room_id).values_list("policy_parts", flat=True).first()
    if parts is None:
        raise NotFound
    return change(room_id, by=by, parts={**parts, "raid_seconds": seconds}, reason="raid mode")


def _as_json(room: Room) -> dict[str, Any]:
    return {
        "moderation": room.moderation,
        "policy_parts": room.policy_parts,
        "conduct": room.conduct,
        "slow_mode": room.slow_mode,
    }


def _copied(value: Any) -> Any:
    text = str(value)
    return value if len(text) <= _COPIED else f"{text[:200]}… ({len(text)} characters)"


def _read(room: Room) -> Rules:
    """The stored rules; what this version cannot read is left out, and said in the log."""
    stored = Room.objects.filter(pk=room.pk).values_list("policy_parts", "conduct").first()
    parts, ways = stored or ({}, {})
    try:
        policy = try_parts(room.moderation, parts)
    except BusError as error:
        logger.error("The policy parts of %s do not hold: %s", room, error.text)
        policy = try_parts(room.moderation, {})
    try:
        return Rules(policy, conduct.parse(ways))
    except BusError as error:
        logger.error("The conduct of %s does not hold: %s", room, error.text)
        return Rules(policy, Conduct())
