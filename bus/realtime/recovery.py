"""Answers joins from the newest messages that this process has heard or read once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from bus.conf import conf
from bus.realtime.recent_messages import CaughtUp
from bus.realtime.source import Source
from bus.realtime.topic import RoomTopic


class Recovery:
    """Reads a room's newest messages once, however many ask, and keeps them while it is active."""

    def __init__(self, source: Source | None) -> None:
        self._source = source

    async def catch_up(
        self, topic: RoomTopic, since: int | None, limit: int | None, least: int = 0
    ) -> CaughtUp | None:
        """What a join is told; None where only the database knows. Raises Unavailable.

        It is at least up to `least`, a head that was seen in the database: what was removed by then
        is in no answer, even if the broker did not bring the removal.
        """
        topic.recent_asked = time.monotonic()
        if not topic.recent.covers(max(least, topic.sequencer.head or 0)):
            if self._source is None or conf.recovery_cache == 0:
                return None
            if topic.recent_task is None:
                topic.recent.expect_snapshot()
                reading = self._read(self._source, topic)
                topic.recent_task = asyncio.get_running_loop().create_task(reading)
                topic.recent_task.add_done_callback(
                    lambda done: done.cancelled() or done.exception()
                )
            await asyncio.shield(topic.recent_task)
            if not topic.recent.covers(max(least, topic.sequencer.head or 0)):
                return None
        # Nothing is awaited between this answer and the subscription's release: it misses nothing.
        return topic.recent.answer(since, limit)

    async def _read(self, source: Source, topic: RoomTopic) -> None:
        try:
            edition = topic.recent.edition
            snapshot = await source.recent(topic.room, conf.recovery_limit)
            if edition == topic.recent.edition:
                topic.recent.load(snapshot)
        finally:
            topic.recent_task = None

    def make_room(self, topics: Iterable[RoomTopic]) -> None:
        """Drop what was not asked for the longest, down to BUS_RECOVERY_CACHE."""
        loaded = [topic for topic in topics if topic.recent.loaded]
        excess = sum(topic.recent.size for topic in loaded) - conf.recovery_cache
        for topic in sorted(loaded, key=lambda topic: topic.recent_asked):
            if excess <= 0:
                return
            excess -= topic.recent.size
            topic.recent.drop()
