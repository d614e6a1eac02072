"""Tells outcomes as events: what the room hears, and what the author hears."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from bus import protocol
from bus.models import Message
from bus.protocol import Message as Wire
from bus.protocol import MessagePosted, MessageSettled, Outcome
from bus.publisher import Bulletin
from bus.services import history

# A user or a guest; what a backend service calls an author may be no name for a group at all.
_HAS_SESSIONS = re.compile(r"[ug][a-zA-Z0-9_.-]+")


@dataclass(slots=True)
class Bulletins:
    """Events to publish, by room id and by author key."""

    rooms: dict[int, Bulletin] = field(default_factory=dict)
    authors: dict[str, Bulletin] = field(default_factory=dict)

    def posted(self, row: Message, room: str) -> None:
        """The room hears of a new message."""
        _add(self.rooms.setdefault(row.room_id, Bulletin()), history.wire(row, room))

    def settled(self, author_key: str, room: str, outcome: Outcome) -> None:
        """The author hears of the outcome; a backend service has no session that could."""
        if not _HAS_SESSIONS.fullmatch(author_key):
            return
        bulletin = self.authors.setdefault(author_key, Bulletin())
        bulletin.events.append((None, MessageSettled.encode(outcome, room)))

    def refused(self, room_id: int, outcome: Outcome) -> None:
        """The plain socket that sent it hears of a bad outcome; the good one is in the room."""
        if outcome.reason is not None:
            text = _PLAIN[outcome.status].format(reason=outcome.reason.message)
            own = self.rooms.setdefault(room_id, Bulletin()).own
            own.append((outcome.client_id, protocol.plain_error(outcome.status, text)))


def of_messages(messages: Iterable[Wire]) -> Bulletin:
    """What a room hears of messages that it has missed, in their order."""
    bulletin = Bulletin()
    for message in messages:
        _add(bulletin, message)
    return bulletin


def _add(bulletin: Bulletin, message: Wire) -> None:
    frame = MessagePosted.encode(message, message.room, message.seq)
    bulletin.events.append((message.seq, frame))
    bulletin.plain.append((message.seq, protocol.plain_message(message)))


_PLAIN = {
    "held": "Held for review. Only you can see this.",
    "rejected": "Not posted. {reason}",
}
