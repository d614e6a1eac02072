"""Publishes events to the groups of rooms and authors, and to all web processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import redis

from bus.conf import conf
from bus.messaging import default_layer
from bus.messaging.errors import with_protocol_errors
from bus.messaging.event_batch import EventBatch, group_send_many
from bus.protocol import channel_names
from bus.protocol.errors import Unavailable

# The types of group messages; web processes know no others.
ROOM_EVENTS = "room.events"
AUTHORS_EVENTS = "authors.events"
ROOM_TYPING = "room.typing"


@with_protocol_errors
async def publish(
    rooms: dict[int, EventBatch],
    authors: dict[str, EventBatch] | None = None,
    *,
    strict: bool = False,
) -> None:
    """Tell rooms (by id) and authors (by key) their events: one message each, sent together.

    Raises Unavailable; some may have been told then, and telling them again does no harm. An event
    that is too large for the layer is left out and logged, since what it tells of is stored; who
    misses its seq reads the database. If `strict`, for what is stored nowhere, it raises Invalid
    and tells nobody.
    """
    messages: list[tuple[str, dict[str, Any]]] = []
    for room, event_batch in rooms.items():
        head = {"type": ROOM_EVENTS, "room": room}
        messages += [(channel_names.room_group(room), head | part) for part in event_batch.parts()]
    if authors:
        messages += _for_author_groups(authors)
    try:
        await group_send_many(default_layer.get(), messages, strict=strict)
    except redis.RedisError as error:
        raise Unavailable(f"The broker does not take what it is told ({error}).") from error


def _for_author_groups(
    authors: dict[str, EventBatch],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """One message for each group of authors, {"type", "authors": {key: [frame]}}; more where one
    would be too large for the layer."""
    gathered: dict[str, dict[str, list[bytes]]] = {}
    sizes: dict[str, int] = {}
    for key, event_batch in authors.items():
        group = channel_names.author_group(key)
        for part in event_batch.parts():
            frames = [frame for _, frame in part["events"]]
            size = len(key) + sum(map(len, frames))
            found = gathered.get(group)
            if found and (key in found or sizes[group] + size > conf.message_size_limit // 2):
                yield group, {"type": AUTHORS_EVENTS, "authors": found}
                found = None
            if found is None:
                found = gathered[group] = {}
                sizes[group] = 0
            found[key] = frames
            sizes[group] += size
    for group, found in gathered.items():
        yield group, {"type": AUTHORS_EVENTS, "authors": found}


@with_protocol_errors
async def publish_typing(
    room: int, name: str, started: Sequence[tuple[str, int | str | None, str]], stopped: list[str]
) -> None:
    """Tell the web processes who types in a room: key, id and name; raises Unavailable."""
    message = {
        "type": ROOM_TYPING,
        "room": room,
        "name": name,
        "started": started,
        "stopped": stopped,
    }
    await group_send_many(default_layer.get(), [(channel_names.room_group(room), message)])


@with_protocol_errors
async def publish_to_processes(message: dict[str, Any]) -> None:
    """Tell every web process something that is for no socket as it stands; raises Unavailable."""
    await group_send_many(default_layer.get(), [(channel_names.RIGHTS_GROUP, message)])
