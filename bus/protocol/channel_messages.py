"""Channel messages: the work that named channels take, one class for each type.

Adding one here is half of adding it; the other half is the worker that handles it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from bus.conf import conf
from bus.protocol import channel_names as names
from bus.protocol.errors import Invalid, TooLong
from bus.protocol.events import EventPublished
from bus.protocol.objects import Author
from bus.protocol.plain_chat import plain_chat_announcement
from bus.protocol.types import (
    CLIENT_ID_LIMIT,
    Body,
    ClientId,
    Digest,
    EventName,
    Label,
    MessageId,
    Payload,
    RoomName,
    Rooms,
    Text,
    UserId,
    check_text,
    constructed,
    spelled_name,
    validate,
)


class ChannelMessage(BaseModel):
    """Work for a named channel; unknown fields are ignored, so that releases can overlap."""

    type: ClassVar[str]
    channel: ClassVar[str]
    # Whether it does no harm when it comes twice.
    repeatable: ClassVar[bool] = False

    def __init_subclass__(cls, type: str = "", channel: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = type
        cls.channel = channel
        CHANNEL_MESSAGES[channel, type] = cls

    @property
    def named_rooms(self) -> list[str]:
        """The rooms that it names."""
        return []

    def respell(self, names: Mapping[str, str]) -> None:
        """Name rooms by what they are called, where that is told."""

    def as_message(self) -> dict[str, Any]:
        """As the channel layer takes it."""
        return {"type": self.type, **self.model_dump(exclude_none=True)}


# The longest name of a room and the longest id of a message, and what the group message that brings
# an event to a room adds to it, in bytes; all of them less.
_ROOM, _ID = "\uac00" * 64, "0" * 48
_AROUND = 256


def _fits(event: EventPublished, field: str, plain_chat: bytes = b"") -> None:
    """Raise TooLong for an event that no group message could bring: JSON is longer than msgpack."""
    size = len(event.frame(_ROOM)) + len(plain_chat) + _AROUND
    if size > conf.message_size_limit:
        raise TooLong(
            f"As an event it has {size} bytes; {conf.message_size_limit} are allowed "
            "(BUS_MESSAGE_SIZE_LIMIT). Nothing was sent: send a reference to the content.",
            field=field,
        )


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

    # By room, author and client_id.
    repeatable = True
    room: RoomName
    author: Annotated[Author, BeforeValidator(_author)]
    # Checked for its length by the rules, so that its author is told the outcome.
    body: Text
    client_id: ClientId
    reply_to: MessageId | None = None
    # What stands for the network that a guest wrote from (chat.guest_networks).
    network: Digest | None = None

    @classmethod
    def checked(
        cls,
        room: str,
        author: Mapping[str, Any],
        body: str,
        client_id: str,
        reply_to: str | None,
        network: str,
    ) -> dict[str, Any]:
        """As the channel layer takes it, of what was checked before: a model of it costs more than
        to send it. `author` is an Author's fields, without None; `network` "" where nobody knows.
        """
        message = {
            "type": cls.type,
            "room": room,
            "author": author,
            "body": body,
            "client_id": client_id,
        }
        if reply_to is not None:
            message["reply_to"] = reply_to
        if network:
            message["network"] = network
        return message

    @property
    def named_rooms(self) -> list[str]:
        """The rooms that it names."""
        return [self.room]

    def respell(self, names: Mapping[str, str]) -> None:
        """Name rooms by what they are called, where that is told."""
        self.room = names.get(self.room, self.room)


class DryRunContinued(ChannelMessage, type="dry_run.continued", channel=names.MODERATION):
    """The next step of a dry run of a policy over a room's history; `bus moderation` asks."""

    run: int = Field(ge=1)
    # The id of the last message that it has looked at; a step that was done is not done again.
    after: int = Field(ge=0)


class _ToRooms:
    """What is for some rooms, or for all."""

    rooms: Rooms

    @property
    def named_rooms(self) -> list[str]:
        """The rooms that it names."""
        return [] if self.rooms == "all" else self.rooms

    def respell(self, names: Mapping[str, str]) -> None:
        """Name rooms by what they are called, where that is told."""
        if self.rooms != "all":
            self.rooms = [names.get(room, room) for room in self.rooms]


class AnnouncementRequested(
    _ToRooms, ChannelMessage, type="announcement.requested", channel=names.BROADCAST
):
    """Tell rooms something, now, to whoever is there."""

    rooms: Rooms
    body: Body
    source: Label = Field(default="announcement", max_length=150)

    @model_validator(mode="after")
    def _fits_an_event(self) -> Self:
        _fits(self.event(_ID), "body", plain_chat_announcement(_ROOM, self.body, self.source, _ID))
        return self

    def event(self, id: str) -> EventPublished:
        """What clients get: the event of that name with a body; the id is the message's."""
        payload = {"body": self.body}
        return EventPublished(name="announcement", payload=payload, source=self.source, id=id)


class _PublishedEvent(BaseModel):
    """An event of a backend service."""

    name: EventName
    payload: Payload = None
    source: Label = Field(default="", max_length=150)

    @model_validator(mode="after")
    def _fits_an_event(self) -> Self:
        _fits(self.event(_ID), "payload")
        return self

    def event(self, id: str) -> EventPublished:
        """What clients get; the id is the message's."""
        return EventPublished(name=self.name, payload=self.payload, source=self.source, id=id)


class EventRequested(
    _PublishedEvent, _ToRooms, ChannelMessage, type="event.requested", channel=names.BROADCAST
):
    """Publish an event of a backend service to rooms."""

    rooms: Rooms


class NotificationRequested(
    _PublishedEvent, ChannelMessage, type="notification.requested", channel=names.BROADCAST
):
    """Publish an event of a backend service to all sessions of users."""

    users: list[UserId] = Field(max_length=1000)


def parse_channel_message(channel: str, message: dict[str, Any]) -> ChannelMessage:
    """The typed message of a named channel; raises Invalid naming what is wrong."""
    kind = message.get("type")
    if kind == MessageSubmitted.type and channel == MessageSubmitted.channel:
        # Nearly all are such, and plainly right.
        found = _plainly_submitted(message)
        if found is not None:
            return found
    schema = CHANNEL_MESSAGES.get((channel, kind)) if isinstance(kind, str) else None
    if schema is None:
        known = sorted(t for c, t in CHANNEL_MESSAGES if c == channel)
        raise Invalid(
            f"The channel {channel!r} takes {', '.join(known) or 'nothing'}, not {kind!r}.",
            field="type",
        )
    return validate(schema, {k: v for k, v in message.items() if k != "type"})


# Nobody changes what a model says that it was given.
_GIVEN = {"room", "author", "body", "client_id"}
_GIVEN_AND_NETWORK = {*_GIVEN, "network"}
_DIGEST = re.compile("[0-9a-f]{32}").fullmatch


def _plainly_submitted(message: dict[str, Any]) -> MessageSubmitted | None:
    """A `message.submitted` as sessions send it, read in a third of the model's time; None where
    that takes a closer look. A test shows that both read the same."""
    network, body, client_id = message.get("network"), message.get("body"), message.get("client_id")
    author, room = message.get("author"), message.get("room")
    if (
        len(message) != (5 if network is None else 6)
        or not type(room) is type(body) is type(client_id) is str
        or type(author) is not dict
        or not 0 < len(client_id) <= CLIENT_ID_LIMIT
        or not (client_id.isascii() and client_id.isprintable())
        or not (network is None or (type(network) is str and _DIGEST(network)))
    ):
        return None
    spelled, writer = spelled_name(room), _cached_author(author)
    if spelled is None or writer is None:
        return None
    # A line that begins with a letter or a digit and ends with no space is as it should be.
    if not (body.isascii() and body.isprintable() and body[:1].isalnum() and body[-1] != " "):
        try:
            body = check_text(body)
        except ValueError:
            return None
    fields = {
        "room": spelled,
        "author": writer,
        "body": body,
        "client_id": client_id,
        "reply_to": None,
        "network": network,
    }
    return constructed(MessageSubmitted, fields, _GIVEN_AND_NETWORK if network else _GIVEN)


def _cached_author(author: dict[Any, Any]) -> Author | None:
    for value in author.values():
        # Nothing that is equal to another, as True is to 1.
        if type(value) is not str and type(value) is not int:
            return None
    return _author_of(tuple(author.items()))


@lru_cache(10_000)
def _author_of(fields: tuple[tuple[str, int | str], ...]) -> Author | None:
    try:
        return Author.model_validate(dict(fields))
    except ValueError:
        return None
