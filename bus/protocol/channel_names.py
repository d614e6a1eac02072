"""The only place that spells the names of channels and groups."""

from __future__ import annotations

import re
from binascii import crc32

MODERATION = "moderation"
BROADCAST = "broadcast"

# What the name of a named channel is: as Channels has it, and not process-local.
NAMED_CHANNEL = r"^[a-zA-Z0-9_.-]{1,99}$"

# The named channels that a running Bus has workers for.
WORKED_CHANNELS = (MODERATION, BROADCAST)

# The field of a channel's messages that orders them when the sender names no ordering key.
ORDERING_FIELDS = {MODERATION: "room"}

# What the channels of tasks take: `id`, that of the task's result, and `task`, its path.
TASK_REQUESTED = "task.requested"
# What their names begin with, by what the priority of their tasks is: below, at or above 0.
_TASK_BANDS = {-1: "tasks-low", 0: "tasks", 1: "tasks-high"}

# The group of all web processes, which hear whose rights have changed.
RIGHTS_GROUP = "rights"
# Authors share so many groups: a process subscribes to few, and a worker publishes few messages.
_AUTHOR_GROUPS = 16


def room_group(room_id: int) -> str:
    """The group of everyone in a room; by id, since names may be in any script."""
    return f"room.{room_id}"


def author_group(author_key: str) -> str:
    """The group that tells one author, and others, what concerns them alone: `u7` is a user,
    `g…` a guest."""
    return f"authors.{crc32(author_key.encode()) % _AUTHOR_GROUPS}"


def sender_mark(author_key: str, client_id: str) -> str:
    """Which plain socket a message is from: by who wrote it, and what its `client_id` begins with.

    Everybody in the room can read a `client_id`, and send another message with it.
    """
    # Neither has a line end in it.
    return f"{author_key}\n{client_id.rpartition('-')[0]}"


def is_named_channel(name: str) -> bool:
    """Whether a named channel may be called so."""
    return re.fullmatch(NAMED_CHANNEL, name) is not None


def task_channel(queue: str, priority: int) -> str:
    """The named channel of a queue's tasks whose priority is below, at or above 0."""
    return f"{_TASK_BANDS[(priority > 0) - (priority < 0)]}.{queue}"


def task_channels(queue: str) -> list[str]:
    """The named channels of a queue's tasks, the most urgent first."""
    return [task_channel(queue, priority) for priority in (1, 0, -1)]
