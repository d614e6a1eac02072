"""Names that look alike, from before that was refused or given by a way around it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from bus.chat import taken_names, user_adapter, users
from bus.models import Room, TakenName
from bus.moderation import lookalike
from bus.protocol import user_ids
from bus.protocol.errors import Conflict

_CHUNK = 500


class Collision(NamedTuple):
    """Somebody, or a room, whose name looks like another one's, who had theirs first."""

    kind: str
    name: str
    other: str


def find() -> Iterator[Collision]:
    """Every name that looks like an older one; what nobody has noted yet is taken meanwhile."""
    yield from _among(taken_names.PERSON, _people())
    rooms = Room.objects.order_by("pk").values_list("name", flat=True)
    yield from _among(taken_names.ROOM, ((name, "") for name in rooms.iterator(_CHUNK)))


def note_users() -> None:
    """Note what users are called, where they were there before Bus was and nobody noted it."""
    if TakenName.objects.filter(kind=taken_names.PERSON).exists():
        return
    people = _people()
    while chunk := list(islice(people, _CHUNK)):
        rows = [
            TakenName(kind=taken_names.PERSON, skeleton=lookalike(name), name=name, held_by=key)
            for name, key in chunk
        ]
        # Of two that look alike, the older one has it.
        TakenName.objects.bulk_create(rows, ignore_conflicts=True)


def _people() -> Iterator[tuple[str, str]]:
    for user in users.all_users().order_by("pk").iterator(_CHUNK):
        yield user_adapter.profile_of(user).name, user_ids.key_of(user.pk)


def _among(kind: str, names: Iterator[tuple[str, str]]) -> Iterator[Collision]:
    while chunk := list(islice(names, _CHUNK)):
        skeletons = {name: lookalike(name) for name, _ in chunk}
        rows = TakenName.objects.filter(kind=kind, skeleton__in=skeletons.values())
        taken = {row.skeleton: row for row in rows}
        for name, key in chunk:
            row = taken.get(skeletons[name])
            theirs = row is not None and not row.left_by and row.held_by in ("", key)
            if row is None or row.name != name or not theirs:
                yield from _take(kind, name, key, skeletons[name])


def _take(kind: str, name: str, key: str, skeleton: str) -> Iterator[Collision]:
    try:
        taken_names.take(kind, name)
        if key:
            taken_names.hold(name, key)
    except Conflict:
        row = TakenName.objects.filter(kind=kind, skeleton=skeleton).first()
        yield Collision(kind, name, row.name if row else "a guest's")
