"""Finds and makes rooms."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from bus.models import Room
from bus.protocol.types import canonical_name


def make_open(name: str) -> Room:
    """The room of this name, open to guests if it is made now."""
    room, _ = Room.objects.get_or_create(name=name, defaults={"access": Room.Access.OPEN})
    return room


def names_of(spelled: Iterable[str]) -> dict[str, str]:
    """What rooms are called that are spelled so: exactly so, as some old ones are, or folded."""
    canonical = {name: canonical_name(name) or name for name in spelled}
    rows = Room.objects.filter(name__in={*canonical, *canonical.values()})
    exact = set(rows.values_list("name", flat=True))
    return {name: name if name in exact else other for name, other in canonical.items()}


def by_names(names: list[str] | None) -> list[Room]:
    """The rooms of these names, or all that are not archived; unknown names are left out."""
    if names is None:
        return list(_light().filter(archived_at__isnull=True))
    return list(_light().filter(name__in=names))


def _light() -> QuerySet[Room]:
    # The rules may be long, and are read once per version (enforcement.room_policies).
    return Room.objects.defer("policy_parts", "conduct")
