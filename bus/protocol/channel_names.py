"""The only place that spells the names of channels and groups."""

from __future__ import annotations

MODERATION = "moderation"
BROADCAST = "broadcast"

# What the name of a named channel is: as Channels has it, and not process-local.
NAMED_CHANNEL = r"^[a-zA-Z0-9_.-]{1,99}$"

# The named channels that a running Bus has workers for.
WORKED_CHANNELS = (MODERATION, BROADCAST)

# The field of a channel's messages that orders them when the sender names no ordering key.
ORDERING_FIELDS = {MODERATION: "room"}


# The group of all web processes, which hear whose rights have changed.
RIGHTS_GROUP = "rights"


def room_group(room_id: int) -> str:
    """The group of everyone in a room; by id, since names may be in any script."""
    return f"room.{room_id}"


def author_group(author_key: str) -> str:
    """The group of all sessions of one author: `u7` is a user, `g…` a guest."""
    return f"author.{author_key}"


def own_mark(author_key: str, client_id: str) -> str:
    """Which plain socket a message is from: by who wrote it, and what its `client_id` begins with.

    Everybody in the room can read a `client_id`, and send another message with it.
    """
    return f"{author_key} {client_id.rpartition('-')[0]}"
