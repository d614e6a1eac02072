"""Reads for the hub what the broker did not bring to this process."""

from __future__ import annotations

from collections.abc import Sequence

from bus.conf import conf
from bus.database import threads
from bus.messaging.publisher import Bulletin
from bus.posting import catch_up
from bus.realtime.recent_messages import Kept, Snapshot


class Reader:
    """The database as the hub sees it."""

    async def heads(self, rooms: Sequence[int]) -> dict[int, int]:
        """The newest seq of each room that there is; raises Unavailable."""
        return await threads.run(catch_up.heads, rooms)

    async def missed(self, room: int, since: int) -> Bulletin | None:
        """A room's events after `since`; None where they are too many, or the room is gone."""
        return await threads.run(catch_up.events_since, room, since)

    async def recent(self, room: int, span: int) -> Snapshot:
        """What changed within a room's last `span` changes, and its newest page; raises
        Unavailable."""
        found = await threads.run(catch_up.newest, room, span, conf.page_limit)
        kept = [Kept(m.id, m.seq, m.changed, m.model_dump_json().encode()) for m in found.messages]
        return Snapshot(found.head, found.base, found.floor, kept)
