"""A message of a room, as a client sees it."""

from __future__ import annotations

from dataclasses import dataclass

from bus.client.frames import Data


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote it: a user by number, or by text where the project's users have no numbers; a
    guest by text; a backend service by name alone."""

    id: int | str | None
    name: str
    # Where the project has them: a picture, and a page about the author.
    avatar_url: str | None = None
    profile_url: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message in its present state; a removed one has no body."""

    id: str
    seq: int
    # The seq of its last change.
    changed: int
    room: str
    author: Author
    body: str
    # UTC, in ISO 8601.
    posted_at: str
    client_id: str | None
    edited: bool
    removed: bool
    # The id of the message that it answers.
    reply_to: str | None
    # `author` or `moderator`, of a removed one.
    removed_by: str | None = None

    @classmethod
    def from_wire(cls, wire: Data) -> Message:
        """Read it from an event, a join or a page of history."""
        author = wire.get("author") or {}
        return cls(
            id=wire["id"],
            seq=wire["seq"],
            changed=wire.get("changed") or wire["seq"],
            room=wire.get("room", ""),
            author=Author(
                author.get("id"),
                author.get("name", ""),
                author.get("avatar_url"),
                author.get("profile_url"),
            ),
            body=wire.get("body", ""),
            posted_at=wire.get("posted_at", ""),
            client_id=wire.get("client_id"),
            edited=bool(wire.get("edited")),
            removed=bool(wire.get("removed")),
            reply_to=wire.get("reply_to"),
            removed_by=wire.get("removed_by"),
        )


@dataclass(frozen=True, slots=True)
class Removal:
    """A message is gone."""

    id: str
    seq: int
    # `author` or `moderator`.
    by: str | None = None
    # Not told by recovery.
    reason: str | None = None
