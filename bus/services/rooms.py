"""Finds and makes rooms."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from bus.models import Member, Room
from bus.services.access import Visitor


def visible_to(visitor: Visitor) -> QuerySet[Room]:
    """The rooms that a visitor may enter, by name."""
    allowed = Q(access=Room.Access.OPEN)
    if not visitor.guest:
        allowed |= Q(access=Room.Access.PUBLIC)
        allowed |= Q(pk__in=Member.objects.filter(user=visitor.user_id).values("room"))
    return Room.objects.filter(allowed, archived_at__isnull=True)


def make_open(name: str) -> Room:
    """The room of this name, open to guests if it is made now."""
    room, _ = Room.objects.get_or_create(name=name, defaults={"access": Room.Access.OPEN})
    return room


def by_names(names: list[str] | None) -> list[Room]:
    """The rooms of these names, or all that are not archived; unknown names are left out."""
    if names is None:
        return list(_light().filter(archived_at__isnull=True))
    return list(_light().filter(name__in=names))


def _light() -> QuerySet[Room]:
    # The rules may be long, and are read once per version (services.policies).
    return Room.objects.defer("policy_parts", "conduct")
