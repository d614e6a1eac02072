"""Slow mode: what an author waits between two messages, or changes of messages, in a room."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable

from django.db.models import Max, Q

from bus.chat.room_rights import Rights
from bus.models import Message, Room

# Two hops may shorten the distance between messages that a client sent in time, in seconds.
_TOLERANCE = 0.5
# What the clocks of two processes may differ by, in seconds.
_AHEAD = 5.0


def last_written(
    rooms: Iterable[Room], authors: Collection[str], now: dt.datetime
) -> dict[tuple[int, str], dt.datetime]:
    """When authors last wrote or changed anything in those of the rooms that have slow mode.

    By room id and author key. Nothing is asked where no room has it. What is of a time after `now`
    says nothing: it was written under another clock.
    """
    slow = [room.pk for room in rooms if room.slow_mode]
    if not slow:
        return {}
    latest = now + dt.timedelta(seconds=_AHEAD)
    rows = (
        Message.objects.filter(room__in=slow, author_key__in=authors)
        .exclude(status=Message.Status.REJECTED)
        .values_list("room", "author_key")
        .annotate(
            sent=Max("created_at", filter=Q(created_at__lte=latest)),
            changed=Max("edited_at", filter=Q(edited_at__lte=latest)),
        )
    )
    found = {(room, key): [at for at in times if at is not None] for room, key, *times in rows}
    return {room_author: max(times) for room_author, times in found.items() if times}


def wait(right: Rights, last: dt.datetime | None, now: dt.datetime) -> float:
    """How many seconds an author has to wait who wrote last then; 0 where they may write now."""
    if not right.room.slow_mode or last is None or right.trusted:
        return 0.0
    left = right.room.slow_mode - (now - last).total_seconds()
    return left if left > _TOLERANCE else 0.0
