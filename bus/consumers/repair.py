"""Reads what a room's sockets missed while the broker was away."""

from __future__ import annotations

from bus.consumers import database
from bus.models import Room
from bus.publisher import Bulletin
from bus.services import events, history


async def missed(room_id: int, since: int) -> Bulletin | None:
    """What changed in a room after `since`; None where it is too much, or the room is gone."""
    return await database.run(_read, room_id, since)


def _read(room_id: int, since: int) -> Bulletin | None:
    room = Room.objects.filter(pk=room_id).first()
    if room is None:
        return None
    recovery = history.recover(room, since)
    return events.of_messages(recovery.messages) if recovery.recovered else None
