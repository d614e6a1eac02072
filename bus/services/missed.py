"""What a room was told, as events again: for listeners that the broker did not reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bus.models import Message, Room
from bus.protocol import Message as Wire
from bus.publisher import Bulletin
from bus.services import events, history

# Few enough for one statement of any database.
_CHUNK = 500


def heads(rooms: Sequence[int]) -> dict[int, int]:
    """The newest seq of each room that there is."""
    found: dict[int, int] = {}
    for start in range(0, len(rooms), _CHUNK):
        chunk = rooms[start : start + _CHUNK]
        found.update(Room.objects.filter(pk__in=chunk).values_list("pk", "head"))
    return found


def changes(room_id: int, span: int) -> tuple[int, list[Wire]]:
    """A room's head, and its messages that changed within the last `span` changes."""
    name, head = Room.objects.values_list("name", "head").get(pk=room_id)
    rows = Message.objects.filter(
        room=room_id,
        status=Message.Status.POSTED,
        changed__gt=head - span,
        # What is newer comes as an event.
        changed__lte=head,
    )
    return head, [history.wire(row, name) for row in rows.order_by("changed")]


def events_since(room_id: int, since: int) -> Bulletin | None:
    """A room's events after `since`, one for each seq; None where they are too many, or it is gone.

    A message that changed twice is stored once: its present state stands for both, and never a
    text that was taken back.
    """
    room = Room.objects.filter(pk=room_id).first()
    if room is None:
        return None
    if room.head <= since:
        return Bulletin()
    recovery = history.recover(room, since)
    if not recovery.recovered:
        return None
    bulletin = events.of_messages(recovery.messages)
    told = {seq for seq, _ in bulletin.events}
    by_change = {message.changed: message for message in recovery.messages}
    for seq in range(since + 1, recovery.head + 1):
        message = None if seq in told else _successor(by_change, seq)
        if message is not None:
            bulletin.events.append((seq, events.frame_of(message, seq)))
    bulletin.events.sort(key=lambda event: event[0] or 0)
    return bulletin


def _successor(by_change: Mapping[int, Wire], seq: int) -> Wire | None:
    """What stands for a change that another one of the same message has replaced."""
    later = min((change for change in by_change if change >= seq), default=None)
    return None if later is None else by_change[later]
