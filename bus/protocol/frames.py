"""The wire: every command, reply and event, with its fields and limits.

    command  {"ref": "7", "type": "message.send", "data": {…}}      a client asks
    reply    {"ref": "7", "type": "reply", "ok": true, "data": {…}} the answer to one command
    event    {"type": "message.posted", "room": "lobby", "seq": 118, "data": {…}}  a fact

One class each. A class with a `type` is found by it; adding one here is half of adding it to the
wire, the other half is the method that handles it.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json, to_json

from bus.protocol.errors import BusError, Invalid
from bus.protocol.objects import Author as Author
from bus.protocol.objects import History as History
from bus.protocol.objects import Joined as Joined
from bus.protocol.objects import Limits as Limits
from bus.protocol.objects import Message as Message
from bus.protocol.objects import Outcome as Outcome
from bus.protocol.objects import Presence as Presence
from bus.protocol.objects import Reading as Reading
from bus.protocol.objects import Reason as Reason
from bus.protocol.objects import Review as Review
from bus.protocol.objects import ReviewHit as ReviewHit
from bus.protocol.objects import RoomInfo as RoomInfo
from bus.protocol.objects import SessionUser as SessionUser
from bus.protocol.objects import Unread as Unread
from bus.protocol.objects import You as You
from bus.protocol.plain_chat import plain_announcement as plain_announcement
from bus.protocol.plain_chat import plain_error as plain_error
from bus.protocol.plain_chat import plain_message as plain_message
from bus.protocol.plain_chat import plain_refusal as plain_refusal
from bus.protocol.types import (
    Body,
    ClientId,
    MessageId,
    Ref,
    Remark,
    RoomName,
    Seq,
    validate,
)

PROTOCOL = "bus.v1"


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────


class Command(BaseModel):
    """A client asks; the class's `type` is its name on the wire."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    type: ClassVar[str]

    def __init_subclass__(cls, type: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = type
        COMMANDS[type] = cls


COMMANDS: dict[str, type[Command]] = {}


class SessionAuthenticate(Command, type="session.authenticate"):
    """Say who one is, by a token; the first command of a session, if any."""

    token: str = Field(max_length=4096)


class SessionPing(Command, type="session.ping"):
    """Ask for a sign of life."""


class RoomJoin(Command, type="room.join"):
    """Enter a room; with `since`, get what changed after that seq."""

    room: RoomName
    since: Seq | None = None
    limit: int | None = Field(default=None, ge=1, le=100)


class RoomLeave(Command, type="room.leave"):
    """Hear no more of a room."""

    room: RoomName


class MessageSend(Command, type="message.send"):
    """Write in a room; the same `client_id` again is the same message."""

    room: RoomName
    body: Body
    client_id: ClientId
    reply_to: MessageId | None = None


class MessageEdit(Command, type="message.edit"):
    """Change the words of one's own message; the same words again change nothing."""

    room: RoomName
    id: MessageId
    body: Body


class MessageDelete(Command, type="message.delete"):
    """Remove a message, as its author or a moderator; or withdraw one's own that is held."""

    room: RoomName
    id: MessageId
    # What a moderator wants the room to know.
    reason: Annotated[Remark, Field(max_length=200)] = ""


class MessageReport(Command, type="message.report"):
    """Say that a message should not stand; moderators look at it."""

    room: RoomName
    id: MessageId
    reason: Annotated[Remark, Field(max_length=500)] = ""


class HistoryList(Command, type="history.list"):
    """A page of a room's messages, before or after a seq."""

    room: RoomName
    before: Seq | None = None
    after: Seq | None = None
    limit: int = Field(default=50, ge=1, le=100)


class TypingStart(Command, type="typing.start"):
    """Say that one is typing; again every few seconds, as long as it goes on."""

    room: RoomName


class ReadMark(Command, type="read.mark"):
    """Say how far one has read; it only moves forward."""

    room: RoomName
    seq: Seq = Field(ge=0, lt=2**63)


class UnreadList(Command, type="unread.list"):
    """Ask how much is unread in each room that one is a member of or has read in."""


class Frame(BaseModel):
    """The envelope of a command."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: str = Field(min_length=1, max_length=64)
    ref: Ref | None = None
    data: dict[str, Any] = Field(default_factory=dict)


def parse_frame(text: str | bytes) -> list[Any]:
    """The objects of one frame; raises Invalid when it is not an object or an array of objects."""
    try:
        value = from_json(text)
    except ValueError as error:
        try:
            value = _mended(text)
        except (ValueError, RecursionError):
            raise Invalid(f"The frame is not JSON: {error}.") from None
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in items):
        raise Invalid("A frame is a JSON object or an array of objects.")
    return items


def _mended(text: str | bytes) -> Any:
    """Read JSON that holds half a character, as a client does that cuts an emoji in two."""
    whole = json.dumps(json.loads(text), ensure_ascii=False)
    return from_json(whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def ref_of(item: dict[str, Any]) -> str | None:
    """The `ref` to answer with, if it is one; also of a command that is otherwise wrong."""
    ref = item.get("ref")
    return ref if isinstance(ref, str) and len(ref) <= 64 else None


def parse_command(item: dict[str, Any]) -> Command:
    """The typed command in one object; raises Invalid naming the field, or TooLong."""
    frame = validate(Frame, item)
    kind = COMMANDS.get(frame.type)
    if kind is None:
        raise Invalid(f"There is no command {frame.type!r}.", field="type")
    return validate(kind, frame.data)


# ── Replies ──────────────────────────────────────────────────────────────────────────────────────


def reply_ok(ref: str, data: dict[str, Any] | BaseModel | bytes) -> bytes:
    """The reply of a command that was done; `data` may be encoded already."""
    if isinstance(data, bytes):
        return b'{"ref":%b,"type":"reply","ok":true,"data":%b}' % (to_json(ref), data)
    return to_json({"ref": ref, "type": "reply", "ok": True, "data": data})


def reply_error(ref: str | None, error: BusError) -> bytes:
    """The reply of a command that was refused; without a `ref` where the one given is none."""
    return to_json({"ref": ref, "type": "reply", "ok": False, "error": error.as_wire()})


# ── Events ───────────────────────────────────────────────────────────────────────────────────────


class Event(BaseModel):
    """A fact; `room` and `seq` stand beside its data on the wire."""

    type: ClassVar[str]

    def __init_subclass__(cls, type: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = type
        EVENTS[type] = cls

    def frame(self, room: str | None = None, seq: int | None = None) -> bytes:
        """Encode it, once for everybody."""
        return self.encode(self, room, seq)

    @classmethod
    def encode(cls, data: BaseModel, room: str | None = None, seq: int | None = None) -> bytes:
        """Encode an event of this class from its data, where another model has the same fields."""
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


class MessagePosted(Event, Message, type="message.posted"):
    """A message is in the room."""


class MessageEdited(Event, Message, type="message.edited"):
    """A message says something else now."""


class MessageRemoved(Event, type="message.removed"):
    """A message is gone; nobody gets its text any more."""

    id: str
    by: Literal["author", "moderator"]
    reason: str = ""


class MessageSettled(Event, Outcome, type="message.settled"):
    """The author's message has its outcome."""


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
