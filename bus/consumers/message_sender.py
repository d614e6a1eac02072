"""What a socket writes with: rights, limits, and the way into the moderation channel."""

from __future__ import annotations

import time
from typing import Any

from bus.chat.room_access import RoomAccess
from bus.chat.visitors import Visitor
from bus.consumers.socket_limits import SocketLimits
from bus.database.batch_loader import BatchLoader
from bus.messaging import sender
from bus.models import Member
from bus.models.sql.messages import Key
from bus.protocol.channel_messages import MessageSubmitted
from bus.protocol.errors import SlowMode
from bus.protocol.objects import Outcome

# A client that came back repeats what it is not sure of first, so only the first messages to a room
# are looked up, and none of a new guest; one that slips through is settled as a repeat anyhow.
_LOOKED_UP = 20
# How many of its own messages a socket knows again.
_REMEMBERED = 256

# What became of messages that may be repeats, by room id, author key and client_id.
Outcomes = BatchLoader[Key, Outcome | None]


class MessageSender:
    """Writes one visitor's messages into rooms."""

    __slots__ = (
        "_author", "_author_of", "_edit", "_last", "_limits", "_looked_up", "_outcomes", "_taken",
        "visitor",
    )  # fmt: skip

    def __init__(self, visitor: Visitor, limits: SocketLimits, outcomes: Outcomes) -> None:
        self.visitor = visitor
        # The visitor as the author of messages, and who that was then.
        self._author: dict[str, Any] = {}
        self._author_of: Visitor | None = None
        self._limits = limits
        self._outcomes = outcomes
        # By room: how many messages were looked up, and when the last one, or an edit, was taken.
        self._looked_up: dict[int, int] = {}
        self._last: dict[int, float] = {}
        # The last edit that was done: its message and words.
        self._edit: tuple[str, str] | None = None
        # (room, client_id) of messages that were taken, newest last.
        self._taken: dict[tuple[int, str], None] = {}

    async def repeated(self, access: RoomAccess, client_id: str) -> Outcome | None:
        """What became of a message that was sent before, if it is settled. Raises Unavailable."""
        room_id = access.room.pk
        looked_up = self._looked_up.get(room_id, 0)
        nothing_before = self.visitor.new or looked_up >= _LOOKED_UP
        if nothing_before and (room_id, client_id) not in self._taken:
            return None
        self._looked_up[room_id] = looked_up + 1
        return await self._outcomes.load((room_id, self.visitor.key, client_id))

    async def write(
        self, access: RoomAccess, body: str, client_id: str, reply_to: str | None = None
    ) -> None:
        """Put a message on its way; raises a BusError when it is not taken."""
        access.check_write()
        sent = access.room.pk, client_id
        again = sent in self._taken
        if not again:
            self._check_slow_mode(access)
        self._limits.check_message()
        name = access.room.name
        author, network = self._author_fields(), self.visitor.network
        await sender.submit(
            MessageSubmitted.checked(name, author, body, client_id, reply_to, network)
        )
        if not again:
            self._last[sent[0]] = time.monotonic()
            self._taken[sent] = None
            if len(self._taken) > _REMEMBERED:
                del self._taken[next(iter(self._taken))]

    def _author_fields(self) -> dict[str, Any]:
        if self._author_of is not self.visitor:
            self._author = self.visitor.author.model_dump(exclude_none=True)
            self._author_of = self.visitor
        return self._author

    def check_edit(self, access: RoomAccess, message_id: str, body: str) -> None:
        """Count an edit as a message; raises a BusError where it may not be made now."""
        access.check_write()
        # The same once more changes nothing, and is answered.
        if (message_id, body) != self._edit:
            self._check_slow_mode(access)
        self._limits.check_message()

    def edited(self, access: RoomAccess, message_id: str, body: str) -> None:
        """An edit was made: the next message or edit waits, where the room is slow."""
        if (message_id, body) != self._edit:
            self._last[access.room.pk] = time.monotonic()
            self._edit = message_id, body

    def _check_slow_mode(self, access: RoomAccess) -> None:
        """Refuse at once what the worker would reject; it looks again, across sessions."""
        last = self._last.get(access.room.pk)
        if last is None or access.role in (Member.Role.OWNER, Member.Role.MODERATOR):
            return
        wait = last + access.room.slow_mode - time.monotonic()
        if wait > 0:
            raise SlowMode(retry_after=wait)
