"""The only door to the channel layer: send work, publish events, listen to groups."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import redis
from asgiref.sync import async_to_sync, sync_to_async
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.db import InterfaceError, OperationalError, transaction

from bus import names
from bus.errors import Busy, Unavailable
from bus.layer import BusChannelLayer
from bus.layer.memory import Memory
from bus.layer.roster import Changes as Changes
from bus.layer.roster import Roster as Roster
from bus.models import QueuedSend
from bus.protocol import ChannelMessage

logger = logging.getLogger(__name__)

# The types of group messages; web processes know no others.
ROOM_EVENTS = "room.events"
AUTHOR_EVENTS = "author.events"
# Says nothing; who sent it learns that it hears the group.
ECHO = "echo"

# Between two looks for sends that a process left behind, in seconds.
_RELAY_PAUSE = 1.0
# What a client is told to wait when a channel is full, in seconds.
_BUSY_RETRY_AFTER = 2.0


@dataclass(slots=True)
class Bulletin:
    """Events for one room or one author, encoded once per wire form and in order.

    `events` are frames of the session protocol with their seq, None where an event takes none;
    `plain` the same for plain chat, which does not know them all; to an author, each goes with the
    `client_id` that it is about, so that only the socket which sent that shows it.
    """

    events: list[tuple[int | None, bytes]] = field(default_factory=list)
    plain: list[tuple[int | str | None, bytes]] = field(default_factory=list)


def layer() -> BusChannelLayer:
    """The default channel layer."""
    found: BusChannelLayer = get_channel_layer()
    return found


async def send(
    message: ChannelMessage,
    *,
    ordering_key: str | None = None,
    not_before: int = 0,
    expires_at: int = 0,
) -> str:
    """Put work into its named channel and return its id; times in ms since 1970.

    Raises Busy when the channel is full, Invalid when it is too large, Unavailable.
    """
    try:
        return await layer().send(
            message.channel,
            message.as_message(),
            ordering_key=ordering_key,
            not_before=not_before,
            expires_at=expires_at,
        )
    except ChannelFull as error:
        raise Busy(retry_after=_BUSY_RETRY_AFTER) from error


def send_on_commit(
    channel: str,
    message: dict[str, Any],
    *,
    ordering_key: str | None = None,
    not_before: int = 0,
    expires_at: int = 0,
) -> None:
    """Send to a named channel once the running transaction has committed; never if it rolls back.

    The message is stored with the transaction (a transactional outbox), so it arrives at least
    once even if this process dies after the commit: then a worker sends it. Those of one database
    are sent in the order in which they were stored. Times in ms since 1970. Raises Invalid.
    """
    QueuedSend.objects.create(
        channel=channel,
        payload=layer().encode(message),
        ordering_key=layer().key_of(channel, message) if ordering_key is None else ordering_key,
        not_before=not_before,
        expires_at=expires_at,
    )
    # Robust: an error here must not look like one of the transaction, which has committed.
    transaction.on_commit(relay, robust=True)


def relay(limit: int = 200) -> int:
    """Send what transactions have left to be sent, oldest first; returns how many were sent.

    One process at a time, so that they keep their order; another one that comes returns at once.
    """
    try:
        with transaction.atomic():
            waiting = QueuedSend.objects.select_for_update(nowait=True).order_by("pk")[:limit]
            sent = async_to_sync(_send_queued)(list(waiting))
            QueuedSend.objects.filter(pk__in=sent).delete()
    except OperationalError as error:
        logger.debug("Somebody else relays, or the database is away: %s", error)
        return 0
    return len(sent)


async def _send_queued(rows: Sequence[QueuedSend]) -> list[int]:
    sent: list[int] = []
    stuck: set[str] = set()
    for row in rows:
        if row.channel in stuck:
            continue
        try:
            await layer().send_encoded(
                row.channel,
                bytes(row.payload),
                row.ordering_key,
                not_before=row.not_before,
                expires_at=row.expires_at,
            )
        except (ChannelFull, Unavailable) as error:
            logger.debug("%s waits: %s", row, error)
            stuck.add(row.channel)
        else:
            sent.append(row.pk)
    return sent


async def relay_forever() -> None:
    """Send what processes left that died, or that found the broker away; workers run this."""
    while True:
        try:
            # A plain look first: on SQLite a transaction would take the write lock.
            if not await QueuedSend.objects.aexists() or not await sync_to_async(relay)():
                await asyncio.sleep(_RELAY_PAUSE)
        except (OperationalError, InterfaceError) as error:
            logger.debug("The database is away: %s", error)
            await asyncio.sleep(_RELAY_PAUSE)


async def publish(rooms: dict[int, Bulletin], authors: dict[str, Bulletin] | None = None) -> None:
    """Tell rooms (by id) and authors (by key) their events: one message each, sent together.

    Raises Unavailable; some may have been told then, and telling them again does no harm.
    """
    sends = [
        _group_send(names.room_group(room), {"type": ROOM_EVENTS, "room": room}, bulletin)
        for room, bulletin in rooms.items()
    ]
    sends += [
        _group_send(names.author_group(key), {"type": AUTHOR_EVENTS, "author": key}, bulletin)
        for key, bulletin in (authors or {}).items()
    ]
    await asyncio.gather(*sends)


async def _group_send(group: str, head: dict[str, Any], bulletin: Bulletin) -> None:
    await layer().group_send(group, {**head, "events": bulletin.events, "plain": bulletin.plain})


async def echo(group: str, token: str) -> None:
    """Send `token` to a group that one listens to; a subscription is sure once it is back."""
    await layer().group_send(group, {"type": ECHO, "token": token})


def roster(room: int) -> Roster:
    """Who is in a room, across processes."""
    return layer().roster(room)


async def close() -> None:
    """Close this event loop's connections; what is in the broker stays."""
    await layer().close()


async def recall(names: Sequence[str]) -> list[tuple[str, ...]]:
    """The last texts kept under each name, oldest first; raises Unavailable."""
    return await Memory(layer()).recall(names)


async def remember(texts: Iterable[tuple[str, str]]) -> None:
    """Keep (name, text) pairs for a while; raises Unavailable."""
    await Memory(layer()).remember(texts)


class Inbox:
    """What one process hears of the groups that it listens to."""

    def __init__(self, channel: str) -> None:
        self._channel = channel

    @classmethod
    async def open(cls) -> Inbox:
        """A new inbox for the running event loop; raises Unavailable."""
        with _outage_named():
            return cls(await layer().new_channel("inbox"))

    async def listen(self, group: str) -> None:
        """Hear a group from soon on (see `echo`); raises Unavailable."""
        with _outage_named():
            await layer().group_add(group, self._channel)

    async def ignore(self, group: str) -> None:
        """Hear a group no more; raises Unavailable."""
        with _outage_named():
            await layer().group_discard(group, self._channel)

    async def receive(self) -> dict[str, Any]:
        """The next group message: {"type", "room" or "author", "events", "plain"}."""
        message: dict[str, Any] = await layer().receive(self._channel)
        return message


@contextmanager
def _outage_named() -> Iterator[None]:
    """Groups go through channels_redis, which raises what redis-py does."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        raise Unavailable(f"The broker does not answer ({error}).") from error


async def live_workers(channels: Sequence[str]) -> dict[str, int]:
    """How many live workers each named channel has."""
    found = await asyncio.gather(*(layer().stream(channel).workers() for channel in channels))
    return {channel: len(workers) for channel, workers in zip(channels, found, strict=True)}
