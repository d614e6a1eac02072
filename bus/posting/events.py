"""Makes events of domain events: what the room hears, and what the author hears."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import InterfaceError, OperationalError

from bus.chat import history, room_rights
from bus.chat.room_rights import FOR_GOOD, Rights
from bus.enforcement import review_serializer
from bus.messaging.event_batch import EventBatch
from bus.models import Message, Review, Sanction
from bus.posting.domain_events import Closed, DomainEvent, Opened, Posted, Removed, Settled, Shown
from bus.protocol import channel_names
from bus.protocol.errors import BusError
from bus.protocol.events import (
    MemberChanged,
    MessageEdited,
    MessagePosted,
    MessageRemoved,
    MessageSettled,
    ReviewClosed,
    ReviewOpened,
)
from bus.protocol.objects import Message as ProtocolMessage
from bus.protocol.objects import Outcome
from bus.protocol.plain_chat import plain_chat_error, plain_chat_message
from bus.protocol.types import timestamp

logger = logging.getLogger(__name__)


class failures_logged:
    """Make events of something that is stored: one that fails takes nothing else with it.

    It is logged. Raises only where the database is away. A class, since one for each message costs
    a fifth of what a `contextmanager` does.
    """

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, Exception) or isinstance(error, OperationalError | InterfaceError):
            return False
        logger.error("%s is stored, and cannot be told.", self._what, exc_info=error)
        return True


@dataclass(slots=True)
class EventBatches:
    """Events to publish, by room id and by author key."""

    rooms: dict[int, EventBatch] = field(default_factory=dict)
    authors: dict[str, EventBatch] = field(default_factory=dict)

    def posted(self, row: Message, room: str, *, retracted: bool = False) -> None:
        """The room hears of a new message; of one to be `retracted` it hears that next."""
        message = history.protocol_message(row, room)
        if retracted:
            as_posted = {"body": row.body, "removed": False, "removed_by": None, "changed": row.seq}
            message = message.model_copy(update=as_posted)
        _add(self.rooms.setdefault(row.room_id, EventBatch()), message)

    def changed(self, row: Message, room: str, reason: str = "") -> None:
        """The room hears of an edit or a removal; `reason` in a moderator's words, or a code."""
        message = history.protocol_message(row, room)
        event_batch = self.rooms.setdefault(row.room_id, EventBatch())
        event_batch.events.append((message.changed, frame_of(message, message.changed, reason)))

    def settled(self, author_key: str, room: str, outcome: Outcome) -> None:
        """The author hears of the outcome; a backend service has no session that could."""
        if author_key[:1] not in ("u", "g"):
            return
        event_batch = self.authors.setdefault(author_key, EventBatch())
        event_batch.events.append((None, MessageSettled.encode(outcome, room)))

    def refused(self, room_id: int, author_key: str, outcome: Outcome) -> None:
        """The plain socket that sent it hears of a bad outcome; the good one is in the room."""
        if outcome.reason is not None:
            text = _PLAIN_CHAT_TEXTS[outcome.status].format(reason=outcome.reason.message)
            for_senders = self.rooms.setdefault(room_id, EventBatch()).for_senders
            for_senders.append(
                (
                    channel_names.sender_mark(author_key, outcome.client_id),
                    plain_chat_error(outcome.status, text),
                )
            )

    def add(self, domain_event: DomainEvent, moderators: Iterable[str]) -> None:
        """Add the events of it; reviews concern the room's moderators, by author key."""
        with failures_logged(type(domain_event).__name__):
            self._add_events(domain_event, moderators)

    def _add_events(self, domain_event: DomainEvent, moderators: Iterable[str]) -> None:
        match domain_event:
            case Posted(row):
                self.posted(row, row.room.name)
            case Shown(row):
                self.changed(row, row.room.name)
            case Removed(row, reason):
                self.changed(row, row.room.name, reason)
            case Settled(row):
                outcome = history.outcome(row)
                self.settled(row.author_key, row.room.name, outcome)
                self.refused(row.room_id, row.author_key, outcome)
            case Opened(review) | Closed(review):
                kind = ReviewOpened if isinstance(domain_event, Opened) else ReviewClosed
                frame = kind.encode(review_serializer.of(review), review.message.room.name)
                for key in moderators:
                    self.authors.setdefault(key, EventBatch()).events.append((None, frame))


def of_domain_events(domain_events: Iterable[DomainEvent]) -> EventBatches:
    """What is to be published of what a service did; it looks up who moderates the rooms.

    It never fails, since what was done is done: what the database cannot tell now is logged.
    """
    listed = list(domain_events)
    event_batches = EventBatches()
    try:
        moderators = moderators_for(listed)
        for domain_event in listed:
            event_batches.add(domain_event, moderators.get(_room_of(domain_event), ()))
    except (OperationalError, InterfaceError) as error:
        logger.warning("What was done is stored, and not all of it can be told: %s", error)
    return event_batches


def of_report(review: Review) -> EventBatches:
    """What is to be published of a report that opened a review, or hid its message."""
    hidden: list[DomainEvent] = [Removed(review.message, "reported")] if review.hidden_now else []
    return of_domain_events([*hidden, Opened(review)])


def moderators_for(domain_events: Iterable[DomainEvent]) -> dict[int, list[str]]:
    """Who hears of the reviews among these, by room id; asks only if there are any."""
    reviews = [
        domain_event.review
        for domain_event in domain_events
        if isinstance(domain_event, Opened | Closed)
    ]
    rooms = {review.message.room for review in reviews}
    found: dict[int, list[str]] = {}
    for room_id, key in sorted(room_rights.moderators(rooms)) if rooms else ():
        found.setdefault(room_id, []).append(key)
    return found


def _room_of(domain_event: DomainEvent) -> int:
    row = (
        domain_event.review.message
        if isinstance(domain_event, Opened | Closed)
        else domain_event.row
    )
    return row.room_id


def member_changed(right: Rights | None, reason: str = "not_found") -> MemberChanged:
    """What somebody is in a room now; None where the room is not there, for this reason."""
    if right is None:
        return MemberChanged(role=None, reason=reason)
    role, reason, since = None, "", None
    try:
        you = right.access().you
        role, since = you.role, you.writes_from
    except BusError as error:
        reason = error.code
    sanction = right.banned or right.muted
    return MemberChanged(
        role=role,
        muted_until=_end(right.muted),
        banned_until=_end(right.banned),
        reason=(sanction.reason if sanction else "") or reason,
        writes_from=since,
    )


def _end(sanction: Sanction | None) -> str | None:
    return timestamp(sanction.until or FOR_GOOD) if sanction else None


def of_messages(messages: Iterable[ProtocolMessage]) -> EventBatch:
    """What a room hears of messages that it has missed, in the order of seq.

    One that was changed since is told as posted, in its present state, and as changed.
    """
    event_batch = EventBatch()
    for message in messages:
        _add(event_batch, message)
        if message.changed > message.seq:
            event_batch.events.append((message.changed, frame_of(message, message.changed)))
    event_batch.events.sort(key=lambda event: event[0] or 0)
    event_batch.plain_chat.sort(key=lambda event: event[0] or 0)
    return event_batch


def _add(event_batch: EventBatch, message: ProtocolMessage) -> None:
    frame = MessagePosted.encode(message, message.room, message.seq)
    event_batch.events.append((message.seq, frame))
    if not message.removed:
        event_batch.plain_chat.append((message.seq, plain_chat_message(message)))


def frame_of(message: ProtocolMessage, seq: int, reason: str = "") -> bytes:
    """What tells of a message at one seq: that it was posted, or how it was changed since."""
    if seq == message.seq:
        return MessagePosted.encode(message, message.room, seq)
    if message.removed:
        by = message.removed_by or "moderator"
        return MessageRemoved(id=message.id, by=by, reason=reason).frame(message.room, seq)
    return MessageEdited.encode(message, message.room, seq)


_PLAIN_CHAT_TEXTS = {
    "held": "Held for review. Only you can see this.",
    "rejected": "Not posted. {reason}",
}
