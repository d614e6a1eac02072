"""Tells outcomes as events: what the room hears, and what the author hears."""

from __future__ import annotations

from dataclasses import dataclass, field

from bus import protocol
from bus.models import Message
from bus.protocol import MessagePosted, MessageSettled, Outcome
from bus.publisher import Bulletin
from bus.services import history


@dataclass(slots=True)
class Bulletins:
    """Events to publish, by room id and by author key."""

    rooms: dict[int, Bulletin] = field(default_factory=dict)
    authors: dict[str, Bulletin] = field(default_factory=dict)

    def posted(self, row: Message, room: str) -> None:
        """The room hears of a new message."""
        message = history.wire(row, room)
        bulletin = self.rooms.setdefault(row.room_id, Bulletin())
        event = MessagePosted.model_construct(**dict(message))
        bulletin.events.append((row.seq, event.frame(room, row.seq)))
        bulletin.plain.append((row.seq, protocol.plain_message(message)))

    def settled(self, author_key: str, room: str, outcome: Outcome) -> None:
        """The author hears of the outcome."""
        bulletin = self.authors.setdefault(author_key, Bulletin())
        event = MessageSettled.model_construct(**dict(outcome))
        bulletin.events.append((None, event.frame(room)))

    def refused(self, room_id: int, outcome: Outcome) -> None:
        """The plain socket that sent it hears of a bad outcome; the good one is in the room."""
        if outcome.reason is not None:
            text = _PLAIN[outcome.status].format(reason=outcome.reason.message)
            own = self.rooms.setdefault(room_id, Bulletin()).own
            own.append((outcome.client_id, protocol.plain_error(outcome.status, text)))


_PLAIN = {
    "held": "Held for review. Only you can see this.",
    "rejected": "Not posted. {reason}",
}
