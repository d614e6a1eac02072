"""Reads what a listener missed: the messages that a join is answered with, and events again.

All of recovery is read here, by blocking functions; `realtime/` calls them off its event loop.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bus.chat import history
from bus.conf import conf
from bus.messaging.event_batch import EventBatch
from bus.models import Message, Room
from bus.posting import events
from bus.protocol.objects import Message as ProtocolMessage

# Few enough for one statement of any database.
_CHUNK = 500
# Rooms up to this head are read together.
_LITTLE = 100


def heads(rooms: Collection[int]) -> dict[int, int | None]:
    """The newest seq of each room; None of one that there is not."""
    found: dict[int, int | None] = dict.fromkeys(rooms)
    asked = list(found)
    for start in range(0, len(asked), _CHUNK):
        chunk = asked[start : start + _CHUNK]
        found.update(Room.objects.filter(pk__in=chunk).values_list("pk", "head"))
    return found


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a room.join answers with: messages up to the seq `head`, oldest change first."""

    head: int
    recovered: bool
    messages: list[ProtocolMessage]


def recover(room_id: int, since: int | None, limit: int | None = None) -> Recovery:
    """What changed after `since`, or the newest page where that is unknown or too much."""
    # Without a transaction (SQLite's would lock out writers): the head first, then one query, which
    # is a snapshot of its own. What is newer than the head arrives as a live event.
    name, head = _name_and_head(room_id)
    if since is not None and 0 <= since <= head and head - since <= conf.recovery_limit:
        changed = list(history.posted(room_id).filter(changed__gt=since).order_by("changed"))
        if changed:
            # The newest change of a room is its head at the time of this query.
            head = max(head, changed[-1].changed or 0)
        return Recovery(head, True, history.protocol_messages(changed, name))
    count = min(limit or 50, conf.page_limit)
    page = history.posted(room_id).filter(seq__lte=head).order_by("-seq")[:count]
    return Recovery(head, since is None, history.protocol_messages(reversed(page), name))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A room's messages that changed after `base`, and those posted after `floor`."""

    head: int
    base: int
    floor: int
    messages: list[ProtocolMessage]


def snapshots(rooms: Collection[int], span: int, page: int) -> dict[int, Snapshot | None]:
    """Of each room what changed within its last `span` changes, and its newest page.

    None of a room that there is not. Those in which little was said are read together.
    """
    found: dict[int, Snapshot | None] = dict.fromkeys(rooms)
    known = Room.objects.filter(pk__in=rooms).values_list("pk", "name", "head")
    small: dict[int, tuple[str, int]] = {}
    for room_id, name, head in known:
        if head <= min(span, _LITTLE):
            small[room_id] = name, head
        else:
            found[room_id] = _snapshot(room_id, name, head, span, page)
    posted: dict[int, list[Message]] = {room_id: [] for room_id in small}
    for row in history.posted_in(small) if small else ():
        # What is posted later comes as an event; what is changed later is here, and comes, too.
        if (row.seq or 0) <= small[row.room_id][1]:
            posted[row.room_id].append(row)
    for room_id, (name, head) in small.items():
        found[room_id] = _of_rows(posted[room_id], name, head)
    return found


def _snapshot(room_id: int, name: str, head: int, span: int, page: int) -> Snapshot:
    base = floor = max(0, head - span)
    # What is posted later comes as an event; what is changed later is here, and comes, too.
    posted = history.posted(room_id).filter(seq__lte=head)
    rows = list(posted.filter(changed__gt=base))
    if base and sum((row.seq or 0) > base for row in rows) < page:
        # Most of the changes were edits.
        known = {row.pk for row in rows}
        paged = list(posted.order_by("-seq")[:page])
        rows += [row for row in paged if row.pk not in known]
        floor = min(base, (paged[-1].seq or 1) - 1) if len(paged) == page else 0
    return _of_rows(rows, name, head, base, floor)


def _of_rows(rows: list[Message], name: str, head: int, base: int = 0, floor: int = 0) -> Snapshot:
    rows.sort(key=lambda row: row.changed or 0)
    return Snapshot(head, base, floor, history.protocol_messages(rows, name))


def events_since(room_id: int, since: int) -> EventBatch | None:
    """A room's events after `since`, one for each seq; None where they are too many, or it is gone.

    A message that changed twice is stored once: its present state stands for both, and never a
    text that was taken back.
    """
    head = heads([room_id]).get(room_id)
    if head is None:
        return None
    if head <= since:
        return EventBatch()
    recovery = recover(room_id, since)
    if not recovery.recovered:
        return None
    event_batch = events.of_messages(recovery.messages)
    known = {seq for seq, _ in event_batch.events}
    by_change = {message.changed: message for message in recovery.messages}
    for seq in range(since + 1, recovery.head + 1):
        message = None if seq in known else _successor(by_change, seq)
        if message is not None:
            event_batch.events.append((seq, events.frame_of(message, seq)))
    event_batch.events.sort(key=lambda event: event[0] or 0)
    return event_batch


def _successor(by_change: Mapping[int, ProtocolMessage], seq: int) -> ProtocolMessage | None:
    """What stands for a change that another one of the same message has replaced."""
    later = min((change for change in by_change if change >= seq), default=None)
    return None if later is None else by_change[later]


def _name_and_head(room_id: int) -> tuple[str, int]:
    found: tuple[str, int] = Room.objects.values_list("name", "head").get(pk=room_id)
    return found
