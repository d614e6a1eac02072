"""Names that look alike, from before that was refused or given by a way around it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from django.contrib.auth.models import User

from bus.chat import taken_names
from bus.models import Room, TakenName
from bus.moderation import lookalike
from bus.protocol.errors import Conflict

_CHUNK = 500


class Collision(NamedTuple):
    """Somebody, or a room, whose name looks like another one's, who had theirs first."""

    kind: str
    name: str
    other: str


def find() -> Iterator[Collision]:
    """Every name that looks like an older one; what nobody has noted yet is taken meanwhile."""
    users = User.objects.order_by("pk").values_list("username", flat=True)
    yield from _among(taken_names.PERSON, users.iterator(_CHUNK))
    rooms = Room.objects.order_by("pk").values_list("name", flat=True)
    yield from _among(taken_names.ROOM, rooms.iterator(_CHUNK))


def _among(kind: str, names: Iterator[str]) -> Iterator[Collision]:
    while chunk := list(islice(names, _CHUNK)):
        skeletons = {name: lookalike(name) for name in chunk}
        rows = TakenName.objects.filter(kind=kind, skeleton__in=skeletons.values())
        taken = {row.skeleton: row for row in rows}
        for name, skeleton in skeletons.items():
            row = taken.get(skeleton)
            if row is None or row.name != name or row.left_by:
                yield from _take(kind, name, skeleton)


def _take(kind: str, name: str, skeleton: str) -> Iterator[Collision]:
    try:
        taken_names.take(kind, name)
    except Conflict:
        row = TakenName.objects.filter(kind=kind, skeleton=skeleton).first()
        yield Collision(kind, name, row.name if row else "a guest's")
