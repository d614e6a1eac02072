"""Answers joins: from what this process has heard or read once, else from the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable

from pydantic_core import to_json

from bus.conf import conf
from bus.database import threads
from bus.database.batch_loader import BatchLoader
from bus.posting import catch_up
from bus.posting.catch_up import Snapshot
from bus.realtime.recent_messages import EncodedRecovery
from bus.realtime.room_subscription import RoomSubscription
from bus.realtime.topic import RoomTopic


async def read(
    subscription: RoomSubscription, since: int | None, limit: int | None
) -> EncodedRecovery:
    """What changed since, or the newest page, as the database has it; raises Unavailable.

    The subscription is to hold its events back meanwhile.
    """
    found = await threads.run(catch_up.recover, subscription.room, since, limit)
    # What was published meanwhile follows; but no text that is gone by then.
    removed = subscription.held_removals()
    for message in found.messages:
        if message.id in removed:
            message.body, message.removed = "", True
    return EncodedRecovery(found.head, found.recovered, to_json(found.messages))


# Rooms whose messages are read together.
_ROOMS = 50


def snapshots(rooms: Collection[int]) -> dict[int, Snapshot | None]:
    return catch_up.snapshots(rooms, conf.recovery_limit, conf.page_limit)


class RecoveryCache:
    """Reads a room's newest messages once, however many ask, and keeps them while it is active."""

    def __init__(self) -> None:
        self._snapshots = BatchLoader(snapshots, _ROOMS)

    def close(self) -> None:
        """Read no more."""
        self._snapshots.close()

    async def answer(
        self, topic: RoomTopic, since: int | None, limit: int | None, least: int = 0
    ) -> EncodedRecovery | None:
        """What a join is answered; None where only the database knows. Raises Unavailable.

        It is at least up to `least`, a head that was seen in the database: what was removed by then
        is in no answer, even if the broker did not bring the removal.
        """
        topic.recent_asked = time.monotonic()
        if not topic.recent.covers(max(least, topic.sequencer.head or 0)):
            if conf.recovery_cache == 0:
                return None
            if topic.recent_task is None:
                topic.recent.expect_snapshot()
                topic.recent_task = asyncio.get_running_loop().create_task(self._load(topic))
                topic.recent_task.add_done_callback(
                    lambda done: done.cancelled() or done.exception()
                )
            await asyncio.shield(topic.recent_task)
            if not topic.recent.covers(max(least, topic.sequencer.head or 0)):
                return None
        # Nothing is awaited between this answer and the subscription's release: it misses nothing.
        return topic.recent.answer(since, limit)

    async def _load(self, topic: RoomTopic) -> None:
        try:
            edition = topic.recent.edition
            snapshot = await self._snapshots.load(topic.room)
            if snapshot is not None and edition == topic.recent.edition:
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
