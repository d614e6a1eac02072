"""Newcomers: who was first seen in a room a moment ago, where the room asks them to wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

from django.db.models import Min

from bus.chat import clock
from bus.models import Arrival, Message, Room
from bus.protocol.types import RoomAuthor

# How long guests are known again who never wrote; longer than any room may ask to wait.
_KEPT = dt.timedelta(days=7)


def arrivals(
    rooms: Iterable[Room], room_authors: Collection[RoomAuthor], *, note: bool
) -> Mapping[RoomAuthor, dt.datetime]:
    """When authors were first seen, or first wrote, in those of the rooms that ask to wait.

    `note` has those who were not seen before be seen now. Nothing is asked where no room asks
    newcomers to wait.
    """
    waits = {room.pk: dt.timedelta(seconds=room.newcomer_wait) for room in rooms}
    asked = {room_author for room_author in room_authors if waits.get(room_author[0])}
    if not asked:
        return {}
    now = clock.now()
    found = _seen(asked, now)
    recent = {p for p in asked if p not in found or found[p] + waits[p[0]] > now}
    for room_author, wrote in _wrote(recent).items():
        found[room_author] = min(wrote, found.get(room_author, wrote))
    unknown = asked - found.keys()
    if note and unknown:
        rows = [Arrival(room_id=room, author_key=key, at=now) for room, key in unknown]
        # Another process may have seen them meanwhile.
        Arrival.objects.bulk_create(rows, ignore_conflicts=True)
        found |= dict.fromkeys(unknown, now)
    return found


def forget_old() -> None:
    """Forget guests who were first seen long ago: cookies come and go."""
    old = Arrival.objects.filter(at__lt=clock.now() - _KEPT, author_key__startswith="g")
    old.delete()


def _seen(room_authors: Collection[RoomAuthor], now: dt.datetime) -> dict[RoomAuthor, dt.datetime]:
    rows = Arrival.objects.filter(
        room__in={room for room, _ in room_authors}, author_key__in={key for _, key in room_authors}
    )
    # By a clock that was set back since: nobody waits until it has caught up.
    rows.filter(at__gt=now).update(at=now)
    found = {(room, key): at for room, key, at in rows.values_list("room", "author_key", "at")}
    return {room_author: at for room_author, at in found.items() if room_author in room_authors}


def _wrote(room_authors: Collection[RoomAuthor]) -> dict[RoomAuthor, dt.datetime]:
    if not room_authors:
        return {}
    rows = (
        Message.objects.filter(
            room__in={room for room, _ in room_authors},
            author_key__in={key for _, key in room_authors},
            status=Message.Status.POSTED,
        )
        .values_list("room", "author_key")
        .annotate(first=Min("created_at"))
    )
    return {(room, key): first for room, key, first in rows if (room, key) in room_authors}
