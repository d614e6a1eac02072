"""Finds what the broker did not deliver, and delivers it from the database, unasked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from bus.protocol.errors import Unavailable
from bus.realtime.source import Source
from bus.realtime.topic import RoomTopic, Topic

logger = logging.getLogger(__name__)

# An event whose predecessor is missing waits for it this long, in seconds: two processes that tell
# a room at the same time may overtake each other.
_HOLE_WAIT = 0.2
# What the database has and the broker did not bring within this will not come, in seconds.
_LAG_WAIT = 0.5
# Between two attempts to read from a database that is away, in seconds.
_RETRY = 1.0

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Repairs:
    """Compares what was delivered with what there is, and mends rooms one by one."""

    def __init__(self, topics: Mapping[str, Topic], source: Source | None, spawn: Spawn) -> None:
        self._topics = topics
        self._source = source
        self._spawn = spawn

    def notice_hole(self, topic: RoomTopic) -> None:
        """Something is missing in a room: wait for it a little, then read it."""
        if not topic.mending:
            topic.mending = True
            if topic.order.overfull:
                self._fill(topic)
            else:
                asyncio.get_running_loop().call_later(_HOLE_WAIT, self._fill, topic)

    def _fill(self, topic: RoomTopic) -> None:
        topic.mending = False
        if topic.order.broken and self._is_live(topic):
            self._spawn(self._mend(topic))

    async def after_outage(self) -> None:
        """Groups are heard again: give every room what was said meanwhile."""
        topics = self._rooms()
        for topic in topics:
            topic.pause()
        heads = await self._heads(topics, insist=True)
        for topic in topics:
            head = topic.order.head
            if not self._is_live(topic):
                continue
            if heads is None or head is None or heads.get(topic.room) == head:
                if head is None:
                    # Nobody knows what its listeners have.
                    topic.fail()
                topic.resume()
            else:
                await self._mend(topic)

    async def check(self) -> None:
        """Mend each room that lacks what the database has; one query."""
        topics = [topic for topic in self._rooms() if not topic.mending]
        heads = await self._heads(topics)
        if not heads:
            return
        behind = [t for t in topics if (t.order.head or 0) < heads.get(t.room, 0)]
        if not behind:
            return
        # Perhaps it is on its way.
        await asyncio.sleep(_LAG_WAIT)
        for topic in behind:
            late = (topic.order.head or 0) < heads[topic.room]
            if late and not topic.mending and self._is_live(topic):
                logger.info("%s lacks what was said in it; it is read again.", topic.group)
                await self._mend(topic)

    def _rooms(self) -> list[RoomTopic]:
        return [t for t in self._topics.values() if isinstance(t, RoomTopic) and t.listening]

    def _is_live(self, topic: RoomTopic) -> bool:
        return topic.listening and self._topics.get(topic.group) is topic

    async def _heads(
        self, topics: list[RoomTopic], *, insist: bool = False
    ) -> dict[int, int] | None:
        """The rooms' newest seqs; None where nobody can tell."""
        while self._source is not None and topics:
            try:
                return await self._source.heads([topic.room for topic in topics])
            except Unavailable as error:
                logger.debug("Positions are not compared: %s", error)
            if not insist:
                break
            await asyncio.sleep(_RETRY)
        return None

    async def _mend(self, topic: RoomTopic) -> None:
        """Deliver what a room was told since; where that is too much, send its people away."""
        topic.mending = True
        topic.pause()
        found, heads = None, None
        try:
            found = await self._missed(topic)
            if found is None and self._is_live(topic):
                heads = await self._heads([topic], insist=True)
        except Exception:
            logger.exception("%s could not be repaired; its sockets come back.", topic.group)
        topic.mending = False
        if found is None:
            topic.fail()
            # Who comes back begins there; what was missed is missed no more.
            topic.begin((heads or {}).get(topic.room))
        else:
            topic.mend(found.events, found.plain)
        topic.skip()
        topic.resume()

    async def _missed(self, topic: RoomTopic) -> Any:
        while self._source is not None and topic.order.head is not None and self._is_live(topic):
            try:
                return await self._source.missed(topic.room, topic.order.head)
            except Unavailable as error:
                # Nothing new is stored meanwhile, either.
                logger.debug("%s waits for the database: %s", topic.group, error)
                await asyncio.sleep(_RETRY)
        return None
