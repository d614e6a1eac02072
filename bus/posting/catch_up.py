"""What a room was told, as events again: for listeners that the broker did not reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bus.chat import history
from bus.messaging.publisher import Bulletin
from bus.models import Message, Room
from bus.posting import events
from bus.protocol.objects import Message as Wire

# Few enough for one statement of any database.
_CHUNK = 500


def heads(rooms: Sequence[int]) -> dict[int, int]:
    """The newest seq of each room that there is."""
    found: dict[int, int] = {}
    for start in range(0, len(rooms), _CHUNK):
        chunk = rooms[start : start + _CHUNK]
        found.update(Room.objects.filter(pk__in=chunk).values_list("pk", "head"))
    return found


@dataclass(frozen=True, slots=True)
class Newest:
    """A room's messages that changed after `base`, and those posted after `floor`."""

    head: int
    base: int
    floor: int
    messages: list[Wire]


def newest(room_id: int, span: int, page: int) -> Newest:
    """What changed within a room's last `span` changes, and its newest page."""
    name, head = Room.objects.values_list("name", "head").get(pk=room_id)
    base = floor = max(0, head - span)
    # What is posted later comes as an event; what is changed later is here, and comes, too.
    posted = Message.objects.named().filter(room=room_id, status="posted", seq__lte=head)
    rows = list(posted.filter(changed__gt=base))
    if base and sum((row.seq or 0) > base for row in rows) < page:
        # Most of the changes were edits.
        known = {row.pk for row in rows}
        paged = list(posted.order_by("-seq")[:page])
        rows += [row for row in paged if row.pk not in known]
        floor = min(base, (paged[-1].seq or 1) - 1) if len(paged) == page else 0
    rows.sort(key=lambda row: row.changed or 0)
    return Newest(head, base, floor, [history.wire(row, name) for row in rows])


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
