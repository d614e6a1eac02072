"""Finds what the broker did not deliver, and delivers it from the database, unasked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from bus.database import threads
from bus.messaging.event_batch import EventBatch
from bus.posting import catch_up
from bus.protocol.errors import Unavailable
from bus.realtime.topic import RoomTopic, Topic

logger = logging.getLogger(__name__)

# An event whose predecessor is missing waits for it this long, in seconds: two processes that
# publish to a room at the same time may overtake each other.
_GAP_WAIT = 0.2
# What the database has and the broker did not bring within this will not come, in seconds.
_LAG_WAIT = 0.5
# Between two attempts to read from a database that is away, in seconds.
_RETRY = 1.0

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class GapRepair:
    """Compares what was delivered with what there is, and repairs rooms one by one."""

    def __init__(self, topics: Mapping[str, Topic], spawn: Spawn) -> None:
        self._topics = topics
        self._spawn = spawn

    def notice_gap(self, topic: RoomTopic) -> None:
        """Something is missing in a room: wait for it a little, then read it."""
        if not topic.repairing:
            topic.repairing = True
            if topic.sequencer.overfull:
                self._fill(topic)
            else:
                asyncio.get_running_loop().call_later(_GAP_WAIT, self._fill, topic)

    def _fill(self, topic: RoomTopic) -> None:
        topic.repairing = False
        if topic.sequencer.has_gap and self._is_live(topic):
            self._spawn(self._repair(topic))

    async def after_outage(self) -> None:
        """Groups are heard again: give every room what was published meanwhile."""
        topics = self._rooms()
        for topic in topics:
            topic.pause()
        heads = await self._heads(topics, insist=True)
        for topic in topics:
            head = topic.sequencer.head
            if not self._is_live(topic):
                continue
            if heads is None or head is None or heads.get(topic.room) == head:
                if head is None:
                    # Nobody knows what its listeners have.
                    topic.fail()
                topic.resume()
            else:
                await self._repair(topic)

    async def check(self) -> None:
        """Repair each room that lacks what the database has; one query."""
        topics = [topic for topic in self._rooms() if not topic.repairing]
        heads = await self._heads(topics)
        if not heads:
            return
        behind = [t for t in topics if (t.sequencer.head or 0) < (heads[t.room] or 0)]
        if not behind:
            return
        # Perhaps it is on its way.
        await asyncio.sleep(_LAG_WAIT)
        for topic in behind:
            late = (topic.sequencer.head or 0) < (heads[topic.room] or 0)
            if late and not topic.repairing and self._is_live(topic):
                logger.info("%s lacks what was published in it; it is read again.", topic.group)
                await self._repair(topic)

    def _rooms(self) -> list[RoomTopic]:
        return [t for t in self._topics.values() if isinstance(t, RoomTopic) and t.listening]

    def _is_live(self, topic: RoomTopic) -> bool:
        return topic.listening and self._topics.get(topic.group) is topic

    async def _heads(
        self, topics: list[RoomTopic], *, insist: bool = False
    ) -> dict[int, int | None] | None:
        """The rooms' newest seqs; None where nobody can tell."""
        while topics:
            try:
                return await threads.run(catch_up.heads, [topic.room for topic in topics])
            except Unavailable as error:
                logger.debug("Positions are not compared: %s", error)
            if not insist:
                break
            await asyncio.sleep(_RETRY)
        return None

    async def _repair(self, topic: RoomTopic) -> None:
        """Deliver a room's events since its head; where they are too many, send its people away."""
        topic.repairing = True
        topic.pause()
        found, heads = None, None
        try:
            found = await self._missed(topic)
            if found is None and self._is_live(topic):
                heads = await self._heads([topic], insist=True)
        except Exception:
            logger.exception("%s could not be repaired; its sockets come back.", topic.group)
        topic.repairing = False
        if found is None:
            topic.fail()
            # Who comes back begins there; what was missed is missed no more.
            topic.start_from((heads or {}).get(topic.room))
        else:
            topic.repair(found.events, found.plain_chat)
        topic.skip_gap()
        topic.resume()

    async def _missed(self, topic: RoomTopic) -> EventBatch | None:
        while (head := topic.sequencer.head) is not None and self._is_live(topic):
            try:
                return await threads.run(catch_up.events_since, topic.room, head)
            except Unavailable as error:
                # Nothing new is stored meanwhile, either.
                logger.debug("%s waits for the database: %s", topic.group, error)
                await asyncio.sleep(_RETRY)
        return None
