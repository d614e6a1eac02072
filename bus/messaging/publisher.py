"""The only door to the channel layer: send work, publish events, listen to groups."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import redis
from asgiref.sync import async_to_sync, sync_to_async
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.db import InterfaceError, OperationalError, transaction

from bus.broker import BusChannelLayer
from bus.broker.channel_stats import ChannelStats as ChannelStats
from bus.broker.errors import BrokerUnavailable
from bus.broker.idempotency import send_once
from bus.broker.operations import erasure
from bus.broker.operations.dead_letters import DeadLetter as DeadLetter
from bus.broker.operations.dead_letters import DeadLetters as DeadLetters
from bus.broker.operations.discovery import known_channels
from bus.broker.operations.erasure import Meant
from bus.broker.operations.handled_log import History as History
from bus.broker.operations.handled_log import Position as Position
from bus.broker.operations.handled_log import Stretch as Stretch
from bus.broker.operations.replay import Replay as Replay
from bus.broker.operations.tap import Sent as Sent
from bus.broker.operations.tap import Tap as Tap
from bus.broker.redis_config import Fault as Fault
from bus.broker.redis_config import faults
from bus.messaging.background import errands as errands
from bus.messaging.errors import protocol_errors, with_protocol_errors
from bus.messaging.event_batch import Bulletin as Bulletin
from bus.messaging.event_batch import group_send_many
from bus.messaging.presence_store import NAMED_PEOPLE as NAMED_PEOPLE
from bus.messaging.presence_store import Changes as Changes
from bus.messaging.presence_store import Roster as Roster
from bus.messaging.quota import Quota as Quota
from bus.messaging.quota import Throttle
from bus.messaging.text_store import REMEMBERED as REMEMBERED
from bus.messaging.text_store import Memory
from bus.models import QueuedSend
from bus.protocol import channel_names as names
from bus.protocol.channel_messages import ChannelMessage, parse_channel_message
from bus.protocol.errors import Invalid, Unavailable

logger = logging.getLogger(__name__)

# The types of group messages; web processes know no others.
ROOM_EVENTS = "room.events"
AUTHOR_EVENTS = "author.events"
ROOM_TYPING = "room.typing"

_layer_lock = threading.Lock()
# Between two looks for sends that a process left behind, in seconds.
_RELAY_PAUSE = 1.0


def layer() -> BusChannelLayer:
    """The default channel layer."""
    # Channels makes it at the first call, and two threads that come at once would get one each.
    with _layer_lock:
        found: BusChannelLayer = get_channel_layer()
    return found


def steady_now() -> int:
    """Milliseconds since 1970 by the clock that all processes share and nobody sets.

    For intervals, never for a calendar; before the broker was asked, this machine's own clock.
    """
    now = layer().clock_of(names.MODERATION).now()
    return int(time.time() * 1000) if now is None else now


@with_protocol_errors
async def send(
    message: ChannelMessage,
    *,
    ordering_key: str | None = None,
    not_before: int = 0,
    expires_at: int = 0,
    delay: float = 0,
    ttl: float | None = None,
) -> str:
    """Put work into its named channel and return its id; see BusChannelLayer.send for times.

    Raises Busy when the channel is full, Invalid when it is too large, Unavailable.
    """
    return await layer().send(
        message.channel,
        message.as_message(),
        ordering_key=ordering_key,
        not_before=not_before,
        expires_at=expires_at,
        delay=delay,
        ttl=ttl,
        repeatable=message.repeatable,
    )


@with_protocol_errors
async def send_raw(channel: str, message: dict[str, Any], once: str = "", **options: Any) -> str:
    """Put any message into any named channel, once under each name; see `send_once` and `send`."""
    return await send_once(layer(), channel, message, once, **options)


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
    once even if this process dies after the commit: then a worker sends it. Those of one
    transaction are sent in the order in which they were stored. Times in ms since 1970. Raises
    Invalid, TooLong, and TypeError for a wrong channel name.
    """
    layer().require_named(channel)
    if channel in names.WORKED_CHANNELS:
        # Refused here rather than found among the dead letters.
        parse_channel_message(channel, message)
    with protocol_errors():
        payload = layer().encode(message)
    key = layer().key_of(channel, message) if ordering_key is None else ordering_key
    if len(key) > 200 or not key.isprintable():
        raise Invalid("An ordering key is a printable text of up to 200 characters.")
    QueuedSend.objects.create(
        channel=channel,
        payload=payload,
        ordering_key=key,
        not_before=not_before,
        expires_at=expires_at,
    )
    # Robust: an error here must not look like one of the transaction, which has committed.
    transaction.on_commit(relay, robust=True)


def relay(limit: int = 200) -> int:
    """Send what transactions have left to be sent, oldest first; returns how many were sent.

    One process at a time, so that they keep their order; another one that comes returns at once.
    Of several broker hosts one that is away holds up its own channels alone.
    """
    try:
        # First, so that a broker that is silent is not waited for with the database's locks held.
        stuck = _out_of_reach(limit)
        with transaction.atomic():
            return _send_waiting(limit, stuck)
    except OperationalError as error:
        logger.debug("Somebody else relays, or the database is away: %s", error)
        return 0


def _out_of_reach(limit: int) -> set[str]:
    """The channels of those next in turn whose broker is away; no other broker is asked."""
    away: set[str] = set()
    while True:
        waiting = QueuedSend.objects.exclude(channel__in=away).order_by("pk")[:limit]
        channels = set(waiting.values_list("channel", flat=True))
        found = async_to_sync(layer().out_of_reach)(channels)
        if not found:
            return away
        logger.debug("The broker of %s is away; what is queued waits.", ", ".join(sorted(found)))
        away |= found


def _send_waiting(limit: int, stuck: set[str]) -> int:
    """Send the oldest, then those of channels that are not behind one of the `stuck`."""
    total = 0
    while True:
        waiting = QueuedSend.objects.select_for_update(nowait=True).exclude(channel__in=stuck)
        known = len(stuck)
        sent = async_to_sync(_send_queued)(list(waiting.order_by("pk")[:limit]), stuck)
        QueuedSend.objects.filter(pk__in=sent).delete()
        total += len(sent)
        if len(stuck) == known:
            return total


async def _send_queued(rows: Sequence[QueuedSend], stuck: set[str]) -> list[int]:
    """Send rows in order; the ids of those sent. Channels that are full or away become `stuck`."""
    sent: list[int] = []
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
        except ChannelFull as error:
            logger.debug("%s waits: %s", row, error)
            stuck.add(row.channel)
        except BrokerUnavailable as error:
            logger.debug("%s waits, and all for its broker: %s", row, error)
            host = layer().host_of(row.channel)
            stuck.update(r.channel for r in rows if layer().host_of(r.channel) == host)
        except Exception:
            logger.exception("%s cannot be sent; it and those behind it wait.", row)
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


@with_protocol_errors
async def publish(
    rooms: dict[int, Bulletin],
    authors: dict[str, Bulletin] | None = None,
    *,
    strict: bool = False,
) -> None:
    """Tell rooms (by id) and authors (by key) their events: one message each, sent together.

    Raises Unavailable; some may have been told then, and telling them again does no harm. An event
    that is too large for the layer is left out and logged, since what it tells of is stored; who
    misses its seq reads the database. If `strict`, for what is stored nowhere, it raises Invalid
    and tells nobody.
    """
    told: list[tuple[str, dict[str, Any]]] = []
    for room, bulletin in rooms.items():
        head = {"type": ROOM_EVENTS, "room": room}
        told += [(names.room_group(room), head | part) for part in bulletin.parts()]
    for key, bulletin in (authors or {}).items():
        head = {"type": AUTHOR_EVENTS, "author": key}
        told += [(names.author_group(key), head | part) for part in bulletin.parts()]
    try:
        await group_send_many(layer(), told, strict=strict)
    except redis.RedisError as error:
        raise Unavailable(f"The broker does not take what it is told ({error}).") from error


@with_protocol_errors
async def tell_typing(
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
    await group_send_many(layer(), [(names.room_group(room), message)])


@with_protocol_errors
async def tell_processes(message: dict[str, Any]) -> None:
    """Tell every web process something that is for no socket as it stands; raises Unavailable."""
    await group_send_many(layer(), [(names.RIGHTS_GROUP, message)])


def roster(room: int) -> Roster:
    """Who is in a room, across processes."""
    found = layer()
    return Roster(found.connection(f"roster.{room}"), found.prefix, room)


async def close() -> None:
    """Close this event loop's connections; what is in the broker stays."""
    await layer().close()


@with_protocol_errors
async def recall(names: Sequence[str]) -> list[tuple[str, ...]]:
    """The last texts kept under each name, oldest first; raises Unavailable."""
    return await Memory(layer()).recall(names)


@with_protocol_errors
async def remember(texts: Iterable[tuple[str, str]]) -> None:
    """Keep (name, text) pairs for a while; a text is one line. Raises Unavailable."""
    await Memory(layer()).remember(texts)


def throttle() -> Throttle:
    """How often something may happen, counted for all processes."""
    return Throttle(layer())


class Inbox:
    """What one process hears of the groups that it listens to."""

    def __init__(self, channel: str) -> None:
        self._channel = channel

    @classmethod
    @with_protocol_errors
    async def open(cls, heard_again: Callable[[], None]) -> Inbox:
        """A new inbox for the running event loop; raises Unavailable.

        `heard_again` is called after each outage, since what was published in it was not heard, and
        after what came faster than it was read had to be dropped.
        """
        channel = await layer().new_channel("inbox")
        layer().on_loss(channel, heard_again)
        return cls(channel)

    @with_protocol_errors
    async def listen(self, group: str) -> None:
        """Hear a group from now on; raises Unavailable."""
        await layer().group_add(group, self._channel)

    @with_protocol_errors
    async def ignore(self, group: str) -> None:
        """Hear a group no more; raises Unavailable."""
        await layer().group_discard(group, self._channel)

    async def receive(self) -> dict[str, Any]:
        """The next group message: {"type", "room" or "author", "events", "plain", "own"}."""
        message: dict[str, Any] = await layer().receive(self._channel)
        return message


def dropped() -> dict[str, int]:
    """What this event loop's channels lost since they were read too slowly, in messages.

    By what was too much: `messages` (BUS_CAPACITY) or `bytes` (BUS_MAILBOX_LIMIT); and what was
    `undecodable`, since somebody else published it.
    """
    return dict(layer().dropped)


@with_protocol_errors
async def forget(channel: str, since: int, meant: Meant) -> int:
    """Drop handled messages and dead letters that are meant; see `operations.erasure`."""
    return await erasure.forget(layer(), channel, since, meant)


@with_protocol_errors
async def rewrite_files(every: float) -> bool:
    """Have the broker's files written anew; see `bus.broker.operations.erasure`."""
    return await erasure.rewrite_files(layer(), every)


@with_protocol_errors
async def broker_faults() -> list[Fault]:
    """What the broker is set to that would lose messages, or be of no use; raises Unavailable."""
    return await faults(layer())


@with_protocol_errors
async def troubles(channels: Sequence[str]) -> dict[str, str]:
    """What keeps each named channel from being worked on, "" where nothing does.

    Raises Unavailable.
    """
    found = await asyncio.gather(*map(_trouble, channels))
    return dict(zip(channels, found, strict=True))


async def _trouble(channel: str) -> str:
    stream = layer().stream(channel)
    if wrong := await stream.wrong_keys():
        return f"{'; '.join(wrong)}: delete or rename it"
    told = [worker.get("trouble") for worker in await stream.workers()]
    if not told:
        return f"none: run `python manage.py runworker {channel}`"
    # Some that work are enough, and what somebody else wrote there says nothing.
    troubles = [each.get(channel) for each in told if isinstance(each, dict)]
    return str(troubles[0]) if len(troubles) == len(told) and all(troubles) else ""


@with_protocol_errors
async def channels() -> list[str]:
    """The named channels that the broker holds anything of, and those of Bus; by name.

    It looks at every key of the broker. Raises Unavailable.
    """
    return sorted({*await known_channels(layer()), *names.WORKED_CHANNELS})


@with_protocol_errors
async def stats(channels: Sequence[str]) -> list[ChannelStats]:
    """What each named channel holds and does, in one round trip per broker; raises Unavailable."""
    return await asyncio.gather(
        *(layer().stream(channel).stats(layer().capacity_of(channel)) for channel in channels)
    )


def dead_letters(channel: str) -> DeadLetters:
    """The messages of a named channel that were given up on."""
    return DeadLetters(layer(), channel)


def history(channel: str) -> History:
    """The handled messages of a named channel, as long as BUS_RETENTION keeps them."""
    return History(layer(), channel)


def tap(channel: str) -> Tap:
    """What hears a named channel's messages as they are sent, without taking them."""
    return Tap(layer(), channel)
