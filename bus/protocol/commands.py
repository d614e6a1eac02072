"""Every command that a client can give, with its fields and limits; one class each.

A class is found by its `type`. Adding one here is half of adding a command, the other half is the
function in `bus/consumers/commands/` that handles it.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from bus.protocol.errors import Invalid
from bus.protocol.objects import History, Joined
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

# The data of a reply, as the docs say it: in words, or the object whose fields it has.
Reply = str | type[BaseModel]


class Command(BaseModel):
    """A client asks; the class's `type` is its name on the wire."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    type: ClassVar[str]
    reply: ClassVar[Reply]

    def __init_subclass__(cls, type: str = "", reply: Reply = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = type
        cls.reply = reply
        COMMANDS[type] = cls


COMMANDS: dict[str, type[Command]] = {}


class SessionAuthenticate(Command, type="session.authenticate", reply="`user`"):
    """Say who one is, by a token; the first command of a session, if any."""

    token: str = Field(max_length=4096)


class SessionPing(Command, type="session.ping", reply="`server_time`"):
    """Ask for a sign of life."""


class RoomJoin(Command, type="room.join", reply=Joined):
    """Enter a room; with `since`, get what changed after that seq."""

    room: RoomName
    since: Seq | None = None
    limit: int | None = Field(default=None, ge=1, le=100)


class RoomLeave(Command, type="room.leave"):
    """Hear no more of a room."""

    room: RoomName


class MessageSend(
    Command,
    type="message.send",
    reply="`status`; of a repeat that is settled, the outcome",
):
    """Write in a room; the same `client_id` again is the same message."""

    room: RoomName
    body: Body
    client_id: ClientId
    reply_to: MessageId | None = None


class MessageEdit(Command, type="message.edit", reply="`seq`"):
    """Change the words of one's own message; the same words again change nothing."""

    room: RoomName
    id: MessageId
    body: Body


class MessageDelete(
    Command,
    type="message.delete",
    reply="`seq`; null of a held message, which had none",
):
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


class HistoryList(Command, type="history.list", reply=History):
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


class UnreadList(Command, type="unread.list", reply="`rooms`"):
    """Ask how much is unread in each room that one is a member of or has read in."""


class Envelope(BaseModel):
    """What a command stands in: its type, the `ref` to answer with, and its data."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: str = Field(min_length=1, max_length=64)
    ref: Ref | None = None
    data: dict[str, Any] = Field(default_factory=dict)


def command_by_model(item: dict[str, Any]) -> Command:
    """The typed command in one object; raises Invalid naming the field, or TooLong."""
    envelope = validate(Envelope, item)
    kind = COMMANDS.get(envelope.type)
    if kind is None:
        raise Invalid(f"There is no command {envelope.type!r}.", field="type")
    return validate(kind, envelope.data)
