"""What the hub asks the database for, by whoever may read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bus.messaging.publisher import Bulletin
from bus.realtime.recent_messages import Snapshot


class Source(Protocol):
    """Reads what rooms were told."""

    async def heads(self, rooms: Sequence[int]) -> dict[int, int]:
        """The newest seq of each room that there is, in one query; raises Unavailable."""

    async def missed(self, room: int, since: int) -> Bulletin | None:
        """A room's events after `since`, each seq once; None where they are too many, or the room
        is gone. Raises Unavailable."""

    async def recent(self, room: int, span: int) -> Snapshot:
        """What changed within a room's last `span` changes, and its newest page; raises
        Unavailable."""
