"""A visitor in a room: what a session keeps of their rights."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from bus.chat import clock
from bus.models import Room
from bus.protocol import reasons
from bus.protocol.errors import Muted, RoomArchived, SlowMode
from bus.protocol.objects import RoomInfo, You
from bus.protocol.types import timestamp

# Why somebody may not write yet.
NEWCOMER = "newcomer"


@dataclass(frozen=True, slots=True)
class RoomAccess:
    """A visitor in a room: what a session keeps of their rights."""

    room: Room
    role: str
    # room_rights.FOR_GOOD where the mute has no end.
    muted_until: dt.datetime | None = None
    # Of somebody who was first seen here not long ago, where newcomers wait.
    writes_from: dt.datetime | None = None

    @property
    def info(self) -> RoomInfo:
        """The room as those in it see it."""
        room = self.room
        return RoomInfo(
            name=room.name,
            title=room.title,
            topic=room.topic,
            access=room.access,
            moderation=room.moderation,
            slow_mode=room.slow_mode,
            archived=room.archived_at is not None,
            newcomer_wait=room.newcomer_wait,
        )

    @property
    def you(self) -> You:
        """What the visitor is in the room."""
        until, since = self.muted_until, self.writes_from
        return You(
            role=self.role,
            muted_until=timestamp(until) if until else None,
            writes_from=timestamp(since) if since and since > clock.now() else None,
        )

    def differs(self, other: RoomAccess) -> bool:
        """Whether the visitor would notice."""
        return self.info != other.info or self.you != other.you

    def check_write(self) -> None:
        """Raise RoomArchived, Muted, or SlowMode for a newcomer, who may not write."""
        if self.room.archived_at is not None:
            raise RoomArchived
        if self.muted_until is None and self.writes_from is None:
            return
        now = clock.now()
        if self.muted_until is not None and self.muted_until > now:
            raise Muted
        if self.writes_from is not None and self.writes_from > now:
            left = (self.writes_from - now).total_seconds()
            raise SlowMode(reasons.text(NEWCOMER), retry_after=left)
