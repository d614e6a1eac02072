"""Finds and makes rooms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from django.db.models import QuerySet

from bus.chat import name_policy, taken_names
from bus.conf import conf
from bus.models import Room
from bus.models.sql import rooms as sql
from bus.protocol.errors import Conflict, Invalid
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
    return sql.by_names(names)


def _light() -> QuerySet[Room]:
    # The rules may be long, and are read once per version (enforcement.room_policies).
    return Room.objects.defer("policy_parts", "conduct")


def visited(name: str) -> Room:
    """The room of this name, however it is spelled, or one that stands in and is not stored.

    That one has no number. Under BUS_OPEN_ROOMS it is what the first join would make, if the name
    may stand. Else it is a private room that nobody is a member of, so that whoever asks for a room
    that they may not know of is told the same, and as late, as where there is none. Raises Conflict
    for a name that looks like that of another room.
    """
    return _visited(name, _by_name([name]))


def visited_many(names: Iterable[str]) -> dict[str, Room | Conflict]:
    """By each name what `visited` returns for it, or raises; those that there are in one query."""
    asked = list(names)
    known = _by_name(asked)
    found: dict[str, Room | Conflict] = {}
    for name in asked:
        try:
            found[name] = _visited(name, known)
        except Conflict as error:
            found[name] = error
    return found


def _visited(name: str, known: Mapping[str, Room]) -> Room:
    canonical = canonical_name(name)
    # As it is spelled, as some old ones are; else the one of this name.
    room = known.get(name) or known.get(canonical or name)
    # Looked at for both, as it takes its time.
    unseen = room is None or room.access == Room.Access.PRIVATE
    may_be_made = unseen and conf.open_rooms and canonical is not None and _may_stand(canonical)
    if room is not None:
        return room
    name = canonical or name
    if may_be_made and (alike := taken_names.room_like(name)) is not None:
        if alike.name == name:
            # Made by somebody else since the look before.
            return alike
        if alike.access != Room.Access.PRIVATE:
            raise Conflict("This name looks like that of another room.", field="room")
        may_be_made = False
    return Room(pk=0, name=name, access="open" if may_be_made else "private")


def _by_name(spelled: Iterable[str]) -> dict[str, Room]:
    """The rooms that are called so, or as these names are folded."""
    names = {form for name in spelled for form in (name, canonical_name(name) or name)}
    return {room.name: room for room in Room.objects.filter(name__in=names)}


@lru_cache(10_000)
def _may_stand(name: str) -> bool:
    try:
        name_policy.check(name)
    except Invalid:
        return False
    return True
