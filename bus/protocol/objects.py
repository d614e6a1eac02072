"""What the frames of the wire hold: messages, authors, rooms, and the data of replies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from bus.protocol.types import (
    GuestKey,
    Link,
    Name,
    Seq,
    Status,
    UserNumber,
    UserText,
    readable_name,
)


class Author(BaseModel):
    """Who wrote a message: a user by number, or by text where the user model has no numbers; a
    guest by text; a backend service by name alone."""

    model_config = ConfigDict(frozen=True)

    id: UserNumber | GuestKey | UserText | None = None
    name: Annotated[Name, Field(max_length=150)]
    # Where the project has them: a picture, and a page about the author.
    avatar_url: Annotated[Link | None, Field(exclude_if=lambda url: url is None)] = None
    profile_url: Annotated[Link | None, Field(exclude_if=lambda url: url is None)] = None

    @classmethod
    def of_stored(
        cls,
        id: int | str | None,
        name: str,
        avatar_url: str | None = None,
        profile_url: str | None = None,
    ) -> Author:
        """An author as stored, which may be older than the rules for names; it never raises."""
        try:
            return cls(id=id, name=name, avatar_url=avatar_url, profile_url=profile_url)
        except ValidationError:
            shown = readable_name(name)
            return cls.model_construct(
                id=id, name=shown, avatar_url=avatar_url, profile_url=profile_url
            )


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
    removed_by: Literal["author", "moderator"] | None = None
    reply_to: str | None = None


class Reason(BaseModel):
    """The kind of reason that an author is told, never the rule itself."""

    code: str
    message: str


class RoomInfo(BaseModel):
    """A room as those in it see it."""

    name: str
    title: str
    topic: str
    access: str
    moderation: str
    slow_mode: int
    archived: bool = False
    # What newcomers wait before they may write, in seconds.
    newcomer_wait: int = 0


class You(BaseModel):
    """What the asker is in a room."""

    role: str
    muted_until: str | None = None
    # Where newcomers wait, and the asker still does.
    writes_from: Annotated[str | None, Field(exclude_if=lambda at: at is None)] = None


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
    # Null for guests, whose marks are not kept.
    read: Seq | None = None
    unread: int | None = None

    def encode(self, messages: bytes) -> bytes:
        """As JSON, with these messages, which are encoded already."""
        # Inside of a text it would have its quotes escaped.
        return to_json(self).replace(b'"messages":[]', b'"messages":' + messages, 1)


class Reading(BaseModel):
    """How far a user has read a room: null where never, and up to 999 that are newer."""

    read: Seq | None
    unread: int


class Unread(Reading):
    """One of the user's rooms, its newest seq, and how much of it is unread."""

    room: str
    seq: Seq


class History(BaseModel):
    """The reply data of `history.list`, oldest first."""

    messages: list[Message]
    more: bool


class Contact(BaseModel):
    """Who listens to people in danger; a country by two letters, or none."""

    country: str
    phone: str
    name: str


class Notice(BaseModel):
    """What the author of a message alone is shown: help for people in danger (`crisis`)."""

    code: str
    text: str
    contacts: list[Contact]


class Outcome(BaseModel):
    """What became of a message; the data of `message.settled`, and of the reply to a repeat."""

    client_id: str
    status: Status
    id: str | None = None
    seq: Seq | None = None
    reason: Reason | None = None
    notice: Annotated[Notice | None, Field(exclude_if=lambda notice: notice is None)] = None


class SessionUser(BaseModel):
    """Who the server takes the client for."""

    id: int | str
    name: str
    guest: bool
    avatar_url: Annotated[str | None, Field(exclude_if=lambda url: url is None)] = None
    profile_url: Annotated[str | None, Field(exclude_if=lambda url: url is None)] = None


class Limits(BaseModel):
    """What the client may send: characters of a body, bytes of a frame."""

    body: int
    frame: int


class ReviewHit(BaseModel):
    """What a rule found, and where in the text as written: characters from `start` to `end`."""

    rule: str
    severity: int
    start: int
    end: int
    matched: str
    # Of personal data its kind; `matched` is starred then.
    kind: Annotated[str | None, Field(exclude_if=lambda kind: kind is None)] = None


class Review(BaseModel):
    """A message that waits for a moderator, or what became of it; for moderators alone."""

    id: str
    kind: str
    state: str
    room: str
    message: str
    author: Author
    body: str
    reason: Reason
    rule: str
    hits: list[ReviewHit]
    # The reasons of the newest few, and how many reports count.
    reports: list[str]
    report_count: int
    opened_at: str
    expires_at: str
    claimed_by: str
    claimed_until: str
    decided_by: str
    note: str
    appeal: str
