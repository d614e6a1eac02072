"""Every event that clients are told of, with its fields; one class each, found by its `type`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field
from pydantic_core import to_json

from bus.protocol.frames import PROTOCOL
from bus.protocol.objects import (
    Author,
    Limits,
    Message,
    Outcome,
    Review,
    RoomInfo,
    SessionUser,
)
from bus.protocol.templates import Template, message_frame, settled_frame


class Event(BaseModel):
    """A fact; `room` and `seq` stand beside its data on the wire.

    One that is `sequenced` takes the next seq of its room; clients are told which do.
    """

    type: ClassVar[str]
    sequenced: ClassVar[bool]
    # Of the most frequent: makes the same bytes, or returns None; see `templates`.
    template: ClassVar[Template | None] = None

    def __init_subclass__(cls, type: str = "", sequenced: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = type
        cls.sequenced = sequenced
        EVENTS[type] = cls

    def frame(self, room: str | None = None, seq: int | None = None) -> bytes:
        """Encode it, once for everybody."""
        return self.encode(self, room, seq)

    @classmethod
    def encode(cls, data: BaseModel, room: str | None = None, seq: int | None = None) -> bytes:
        """Encode an event of this class from its data, where another model has the same fields."""
        if cls.template is not None and (made := cls.template(cls.type, data, room, seq)):
            return made
        wire: dict[str, Any] = {"type": cls.type}
        if room is not None:
            wire["room"] = room
        if seq is not None:
            wire["seq"] = seq
        wire["data"] = data
        return to_json(wire)


EVENTS: dict[str, type[Event]] = {}


class SessionStarted(Event, type="session.started"):
    """The first frame of a session."""

    session: str
    protocol: str = PROTOCOL
    server_time: str
    user: SessionUser
    heartbeat: int
    limits: Limits
    # A guest without cookies shows it to `session.authenticate` and is the same guest again.
    token: str | None = None


class SessionClosing(Event, type="session.closing"):
    """The server is about to close; come back in `reconnect_in` seconds."""

    reconnect_in: float
    reason: str


class MessagePosted(Event, Message, type="message.posted", sequenced=True):
    """A message is in the room."""

    template = message_frame


class MessageEdited(Event, Message, type="message.edited", sequenced=True):
    """A message says something else now."""

    template = message_frame


class MessageRemoved(Event, type="message.removed", sequenced=True):
    """A message is gone; nobody gets its text any more."""

    id: str
    by: Literal["author", "moderator"]
    reason: str = ""


class MessageSettled(Event, Outcome, type="message.settled"):
    """The author's message has its outcome."""

    template = settled_frame


class ReviewOpened(Event, Review, type="review.opened"):
    """A message waits for a moderator, or waits again."""


class ReviewClosed(Event, Review, type="review.closed"):
    """A review is decided."""


class RoomChanged(Event, RoomInfo, type="room.changed"):
    """The room has other settings now."""


class MemberChanged(Event, type="member.changed"):
    """What the hearer is in a room now; without a `role` they are in it no more."""

    role: str | None
    # 9999-12-31 where it has no end.
    muted_until: str | None = None
    banned_until: str | None = None
    # In a moderator's words, or a code.
    reason: str = ""
    # Of a newcomer who still waits.
    writes_from: Annotated[str | None, Field(exclude_if=lambda at: at is None)] = None


class UserChanged(Event, Author, type="user.changed"):
    """Somebody has another name: with a `room`, an author of its messages; without, the hearer."""


class PresenceChanged(Event, type="presence.changed"):
    """People came or went; `members` are all who are here, after a crowd that was not named.

    Who is called otherwise now is among `joined`, though they were here before.
    """

    count: int
    joined: list[Author]
    left: list[Author]
    members: Annotated[list[Author] | None, Field(exclude_if=lambda members: members is None)] = (
        None
    )


class TypingChanged(Event, type="typing.changed"):
    """Who is typing now, at most once a second; nobody is any more when it is empty."""

    members: list[Author]


class ReadChanged(Event, type="read.changed"):
    """The user has read up to `seq`, in this session or another."""

    seq: int


class EventPublished(Event, type="event.published"):
    """A backend service tells a room something."""

    name: str
    payload: Any
    source: str
    id: str
