"""The transactional outbox: what is sent if a transaction commits, and only then."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync, sync_to_async
from channels.exceptions import ChannelFull
from django.apps import apps
from django.db import InterfaceError, OperationalError, transaction

from bus.broker.errors import BrokerUnavailable
from bus.broker.send_options import SendOptions
from bus.messaging import default_layer
from bus.messaging.errors import protocol_errors
from bus.protocol import channel_names
from bus.protocol.channel_messages import parse_channel_message
from bus.protocol.errors import Invalid

if TYPE_CHECKING:
    from django.db.models import Manager

    from bus.models import QueuedSend

logger = logging.getLogger(__name__)

# What is sent with the database's locks held once, in messages.
_RELAY_LIMIT = 200
# Between two looks for sends that a process left behind, in seconds.
_RELAY_PAUSE = 1.0


def _queued() -> Manager[QueuedSend]:
    """What waits; not imported, so that an app may import this one before its models are there."""
    found: Manager[QueuedSend] = apps.get_model("bus", "QueuedSend")._default_manager
    return found


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
    default_layer.get().require_named(channel)
    if channel in channel_names.WORKED_CHANNELS:
        # Refused here rather than found among the dead letters.
        parse_channel_message(channel, message)
    with protocol_errors():
        payload = default_layer.get().encode(message)
    key = default_layer.get().key_of(channel, message) if ordering_key is None else ordering_key
    if len(key) > 200 or not key.isprintable():
        raise Invalid("An ordering key is a printable text of up to 200 characters.")
    _queued().create(
        channel=channel,
        payload=payload,
        ordering_key=key,
        not_before=not_before,
        expires_at=expires_at,
    )
    # Robust: an error here must not look like one of the transaction, which has committed.
    transaction.on_commit(_relay_once_of_this_transaction(), robust=True)


class _RelayOnce:
    """What runs after a commit: the first of a transaction's sends has all of them relayed."""

    def __init__(self) -> None:
        self.ran = False
        self.sends = 0

    def __call__(self) -> None:
        if self.ran:
            return
        self.ran = True
        # As often as its own sends need: what others have left behind is the workers' to send.
        for _ in range(0, self.sends, _RELAY_LIMIT):
            if relay() < _RELAY_LIMIT:
                return


class _OfThread(threading.local):
    """A connection is of one thread, and so is its transaction."""

    def __init__(self) -> None:
        # One that never ran, after a rollback, is the next transaction's.
        self.next = _RelayOnce()


_of_thread = _OfThread()


def _relay_once_of_this_transaction() -> _RelayOnce:
    if _of_thread.next.ran:
        _of_thread.next = _RelayOnce()
    _of_thread.next.sends += 1
    return _of_thread.next


def relay(limit: int = _RELAY_LIMIT) -> int:
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
        waiting = _queued().exclude(channel__in=away).order_by("pk")[:limit]
        channels = set(waiting.values_list("channel", flat=True))
        found = async_to_sync(default_layer.get().out_of_reach)(channels)
        if not found:
            return away
        logger.debug("The broker of %s is away; what is queued waits.", ", ".join(sorted(found)))
        away |= found


def _send_waiting(limit: int, stuck: set[str]) -> int:
    """Send the oldest, then those of channels that are not behind one of the `stuck`."""
    total = 0
    while True:
        waiting = _queued().select_for_update(nowait=True).exclude(channel__in=stuck)
        known = len(stuck)
        sent = async_to_sync(_send_queued)(list(waiting.order_by("pk")[:limit]), stuck)
        _queued().filter(pk__in=sent).delete()
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
            await default_layer.get().send_encoded(
                row.channel,
                bytes(row.payload),
                SendOptions.of(
                    ordering_key=row.ordering_key,
                    not_before=row.not_before,
                    expires_at=row.expires_at,
                ),
            )
        except ChannelFull as error:
            logger.debug("%s waits: %s", row, error)
            stuck.add(row.channel)
        except BrokerUnavailable as error:
            logger.debug("%s waits, and all for its broker: %s", row, error)
            host = default_layer.get().host_of(row.channel)
            stuck.update(r.channel for r in rows if default_layer.get().host_of(r.channel) == host)
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
            if not await _queued().aexists() or not await sync_to_async(relay)():
                await asyncio.sleep(_RELAY_PAUSE)
        except (OperationalError, InterfaceError) as error:
            logger.debug("The database is away: %s", error)
            await asyncio.sleep(_RELAY_PAUSE)
