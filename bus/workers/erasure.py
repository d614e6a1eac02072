"""Takes removed and changed texts out of the broker's copies and out of files; workers run it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections

from bus.chat.visitors import author_key
from bus.conf import conf
from bus.messaging import operations
from bus.models import Erasure
from bus.posting import erasures
from bus.protocol import channel_names
from bus.protocol.channel_messages import MessageSubmitted, parse_channel_message
from bus.protocol.errors import BusError, Unavailable

logger = logging.getLogger(__name__)

# Between two rounds, in seconds.
_PAUSE = 5.0
# What clocks may have differed by as the message was sent, in ms.
_MARGIN = 3600 * 1000


async def erase_forever() -> None:
    """Look again and again; workers run this beside their channels."""
    files = _Files()
    while True:
        more = False
        try:
            more = await _search()
            await files.empty()
        except (OperationalError, InterfaceError, Unavailable) as error:
            logger.debug("Removed texts wait to be erased: %s", error)
        if not more:
            await asyncio.sleep(_PAUSE)


async def _search() -> bool:
    """Take texts out of the broker's streams; whether there may be more."""
    found = await _in_thread(erasures.to_search)
    if found:
        meant = _Meant(found)
        since = int(erasures.sent_since(found).timestamp() * 1000) - _MARGIN
        await operations.forget(channel_names.MODERATION, since, meant)
        await _in_thread(erasures.searched, found)
    return len(found) >= erasures.LIMIT


class _Files:
    """What is written to disks, by the database and by the broker."""

    def __init__(self) -> None:
        # The newest erasure that the database's log has nothing of.
        self._emptied = 0

    async def empty(self) -> None:
        """Take out of files what nothing else holds any more."""
        newest = await _in_thread(erasures.newest)
        if newest > self._emptied and await _in_thread(erasures.empty_log):
            self._emptied = newest
        every = conf.rewrite_interval
        if 0 < newest <= self._emptied and (not every or await operations.rewrite_files(every)):
            await _in_thread(erasures.finish, newest)


class _Meant:
    """Tells which channel messages are those of some erasures."""

    def __init__(self, found: Sequence[Erasure]) -> None:
        self._wanted = {(e.author_key, e.client_id, e.room_name) for e in found}
        self._clients = {(e.author_key, e.client_id) for e in found}

    async def __call__(self, messages: list[dict[str, Any]]) -> set[int]:
        """The positions of those that are."""
        near = {}
        for at, message in enumerate(messages):
            key = _key(message)
            if key is not None and key[:2] in self._clients:
                near[at] = key
        if not near:
            return set()
        called = await _in_thread(erasures.named_as, {room for _, _, room in near.values()})
        return {
            at
            for at, (author, client, room) in near.items()
            if (author, client, called.get(room, room)) in self._wanted
        }


def _key(message: dict[str, Any]) -> tuple[str, str, str] | None:
    """Author key, client_id and room; None of what is nobody's message."""
    try:
        said = parse_channel_message(channel_names.MODERATION, message)
    except BusError:
        return None
    if not isinstance(said, MessageSubmitted):
        return None
    return author_key(said.author), said.client_id, said.room


async def _in_thread(work: Any, *args: Any) -> Any:
    def run() -> Any:
        close_old_connections()
        return work(*args)

    return await sync_to_async(run)()
