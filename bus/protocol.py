"""The wire: every command, reply, event and channel message, with its fields and limits.

    command  {"ref": "7", "type": "message.send", "data": {…}}      a client asks
    reply    {"ref": "7", "type": "reply", "ok": true, "data": {…}} the answer to one command
    event    {"type": "message.posted", "room": "lobby", "seq": 118, "data": {…}}  a fact
    channel message  {"type": "message.submitted", …}               work for a named channel

One class each. A class with a `type` is found by it; adding one here is half of adding it to the
wire, the other half is the method that handles it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json

from bus import names
from bus.conf import conf
from bus.errors import BusError, Invalid, TooLong

PROTOCOL = "bus.v1"

# What joins letters of some scripts; never first or last.
_JOINERS = "\u200c\u200d"
# Look like nothing, though Unicode calls them letters or symbols.
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
# Control characters say nothing in a chat; line ends and tabs do.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def _room_name(value: str) -> str:
    name = unicodedata.normalize("NFC", value)
    # Word characters as Unicode has them (UTS 18): marks too, which Python's \w leaves out.
    fits = 1 <= len(name) <= 64 and all(
        c == "_" or c in _JOINERS or unicodedata.category(c)[0] in "LMN" for c in name
    )
    if not fits or any(unicodedata.category(name[end])[0] == "C" for end in (0, -1)):
        raise ValueError("a room's name is 1 to 64 letters, digits or underscores")
    if not _visible(name):
        raise ValueError("a room's name can be seen")
    return name


def _visible(text: str) -> bool:
    return any(unicodedata.category(c)[0] not in "CZM" and c not in _BLANKS for c in text)


def _clean(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("control characters are not allowed")
    return value


def _text(value: str) -> str:
    text = _clean(value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not _visible(text):
        raise ValueError("there is nothing in it")
    return text


def _body(value: str) -> str:
    text = _text(value)
    if len(text) > conf.body_limit:
        raise TooLong(
            f"The message has {len(text)} characters; {conf.body_limit} are allowed.", field="body"
        )
    return text


RoomName = Annotated[str, AfterValidator(_room_name)]
Body = Annotated[str, AfterValidator(_body)]
ClientId = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_clean)]
MessageId = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
UserId = Annotated[int, Field(strict=True, ge=1, lt=2**63)]
GuestKey = Annotated[str, Field(pattern=r"^g[0-9a-zA-Z_-]{1,62}$")]
Ref = Annotated[str, Field(max_length=64)]
Seq = int
Status = Literal["posted", "held", "rejected"]


def canonical_name(name: str) -> str | None:
    """The one spelling of a room's name, or None if no room can be called so."""
    try:
        return _room_name(name)
    except ValueError:
        return None


class Author(BaseModel):
    """Who wrote a message: a user by number, a guest by text, a backend service by name alone."""

    model_config = ConfigDict(frozen=True)

    id: UserId | GuestKey | None = None
    name: Annotated[str, AfterValidator(_text), Field(max_length=150)]


class Message(BaseModel):
    """A message as clients see it; removed ones have no body."""

    id: str
    seq: Seq
    changed: Seq
    room: str
    author: Author
    body: str
    posted_at: str
    client_id: str
    edited: bool = False
    removed: bool = False
    reply_to: str | None = None


class Reason(BaseModel):
    """The kind of reason that an author is told, never the rule itself."""

    code: str
    message: str


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


class HistoryList(Command, type="history.list"):
    """A page of a room's messages, before or after a seq."""

    room: RoomName
    before: Seq | None = None
    after: Seq | None = None
    limit: int = Field(default=50, ge=1, le=100)


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
    frame = _validate(Frame, item)
    kind = COMMANDS.get(frame.type)
    if kind is None:
        raise Invalid(f"There is no command {frame.type!r}.", field="type")
    return _validate(kind, frame.data)


# ── Replies ──────────────────────────────────────────────────────────────────────────────────────


def reply_ok(ref: str, data: dict[str, Any] | BaseModel) -> bytes:
    """The reply of a command that was done."""
    return to_json({"ref": ref, "type": "reply", "ok": True, "data": data})


def reply_error(ref: str | None, error: BusError) -> bytes:
    """The reply of a command that was refused; without a `ref` where the one given is none."""
    return to_json({"ref": ref, "type": "reply", "ok": False, "error": error.as_wire()})


class RoomInfo(BaseModel):
    """A room as those in it see it."""

    name: str
    title: str
    topic: str
    access: str
    moderation: str
    slow_mode: int


class You(BaseModel):
    """What the asker is in a room."""

    role: str
    muted_until: str | None = None


class Presence(BaseModel):
    """Who is in a room; above 100 members the count alone tells."""

    count: int
    members: list[Author]


class Joined(BaseModel):
    """The reply data of `room.join`."""

    room: RoomInfo
    you: You
    seq: Seq
    recovered: bool
    messages: list[Message]
    presence: Presence


class History(BaseModel):
    """The reply data of `history.list`, oldest first."""

    messages: list[Message]
    more: bool


class Outcome(BaseModel):
    """What became of a message; the data of `message.settled`, and of the reply to a repeat."""

    client_id: str
    status: Status
    id: str | None = None
    seq: Seq | None = None
    reason: Reason | None = None


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


class SessionUser(BaseModel):
    """Who the server takes the client for."""

    id: int | str
    name: str
    guest: bool


class Limits(BaseModel):
    """What the client may send: characters of a body, bytes of a frame."""

    body: int
    frame: int


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


class MessageSettled(Event, Outcome, type="message.settled"):
    """The author's message has its outcome."""


class PresenceChanged(Event, type="presence.changed"):
    """People came or went."""

    count: int
    joined: list[Author]
    left: list[Author]


class EventPublished(Event, type="event.published"):
    """A backend service tells a room something."""

    name: str
    payload: Any
    source: str
    id: str


# ── Plain chat, the protocol of the Channels tutorials ───────────────────────────────────────────


def plain_message(message: Message) -> bytes:
    """A posted message for a plain chat client."""
    return to_json(
        {
            "type": "chat.message",
            "message": message.body,
            "room": message.room,
            "author": message.author.name,
            "id": message.id,
            "seq": message.seq,
        }
    )


def plain_announcement(room: str, body: str, source: str, id: str) -> bytes:
    """An announcement for a plain chat client; it has no seq, since it is not a message."""
    return to_json(
        {
            "type": "chat.message",
            "message": body,
            "room": room,
            "author": source,
            "id": id,
            "seq": None,
        }
    )


def plain_error(code: str, message: str) -> bytes:
    """A refusal for a plain chat client."""
    return to_json({"type": "error", "code": code, "message": message})


# ── Channel messages ─────────────────────────────────────────────────────────────────────────────


class ChannelMessage(BaseModel):
    """Work for a named channel; unknown fields are ignored, so that releases can overlap."""

    type: ClassVar[str]
    channel: ClassVar[str]

    def __init_subclass__(cls, type: str = "", channel: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = type
        cls.channel = channel
        CHANNEL_MESSAGES[channel, type] = cls

    def as_message(self) -> dict[str, Any]:
        """As the channel layer takes it."""
        return {"type": self.type, **self.model_dump(exclude_none=True)}


CHANNEL_MESSAGES: dict[tuple[str, str], type[ChannelMessage]] = {}


def _author(value: Any) -> Any:
    """Backend services may name an author by a user's number or by a name of their own."""
    if isinstance(value, bool):
        raise ValueError("an author is a user's id, a name, or {id, name}")
    if isinstance(value, int):
        return {"id": value, "name": f"#{value}"}
    if isinstance(value, str):
        return {"id": None, "name": value}
    return value


class MessageSubmitted(ChannelMessage, type="message.submitted", channel=names.MODERATION):
    """Somebody wrote in a room; moderate, store, broadcast."""

    room: RoomName
    author: Annotated[Author, BeforeValidator(_author)]
    # Checked for its length by the rules, so that its author is told the outcome.
    body: Annotated[str, AfterValidator(_text)]
    client_id: ClientId
    reply_to: MessageId | None = None


def _payload(value: Any) -> Any:
    try:
        to_json(value)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it cannot be written as JSON: {error}") from None
    return value


# Anything that JSON can say.
Payload = Annotated[Any, AfterValidator(_payload)]
Rooms = list[RoomName] | Literal["all"]
EventName = Annotated[str, Field(min_length=1, max_length=100)]


class AnnouncementRequested(ChannelMessage, type="announcement.requested", channel=names.BROADCAST):
    """Tell rooms something, now, to whoever is there."""

    rooms: Rooms
    body: Body
    source: str = Field(default="announcement", max_length=150)


class EventRequested(ChannelMessage, type="event.requested", channel=names.BROADCAST):
    """Publish an event of a backend service to rooms."""

    rooms: Rooms
    name: EventName
    payload: Payload = None
    source: str = Field(default="", max_length=150)


class NotificationRequested(ChannelMessage, type="notification.requested", channel=names.BROADCAST):
    """Publish an event of a backend service to all sessions of users."""

    users: list[int] = Field(max_length=1000)
    name: EventName
    payload: Payload = None
    source: str = Field(default="", max_length=150)


def parse_channel_message(channel: str, message: dict[str, Any]) -> ChannelMessage:
    """The typed message of a named channel; raises Invalid naming what is wrong."""
    kind = message.get("type")
    schema = CHANNEL_MESSAGES.get((channel, kind)) if isinstance(kind, str) else None
    if schema is None:
        known = sorted(t for c, t in CHANNEL_MESSAGES if c == channel)
        raise Invalid(
            f"The channel {channel!r} takes {', '.join(known) or 'nothing'}, not {kind!r}.",
            field="type",
        )
    return _validate(schema, {k: v for k, v in message.items() if k != "type"})


M = TypeVar("M", bound=BaseModel)


def _validate(schema: type[M], data: dict[str, Any]) -> M:
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        refusal = refusal_of(error)
    # Out here, so that the refusal does not hold the error: that one holds frames in a way which
    # the garbage collector cannot see, and with them whoever was sent the wrong field.
    raise refusal


def refusal_of(error: ValidationError) -> Invalid:
    """The first thing that is wrong, as a refusal; raise it after the `except` block."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    text = first["msg"].removeprefix("Value error, ")
    return Invalid(f"{field}: {text}" if field else text, field=field or None)
