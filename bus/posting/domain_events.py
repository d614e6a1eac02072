"""What happened in a transaction: once it has committed, `events.py` makes events of it."""

from __future__ import annotations

from dataclasses import dataclass

from bus.models import Message, Review


@dataclass(frozen=True, slots=True)
class Posted:
    """A message is in its room."""

    row: Message


@dataclass(frozen=True, slots=True)
class Shown:
    """A message that was out of its room is in it again."""

    row: Message


@dataclass(frozen=True, slots=True)
class Removed:
    """A message is out of its room."""

    row: Message
    # A code of bus/protocol/reasons.py.
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """The author's message has an outcome, or another one."""

    row: Message


@dataclass(frozen=True, slots=True)
class Opened:
    """A review waits for a moderator, or its message was hidden meanwhile."""

    review: Review


@dataclass(frozen=True, slots=True)
class Closed:
    """A review is decided."""

    review: Review


# Rows have their `room` loaded. Sanctions are published by a signal of their own.
DomainEvent = Posted | Shown | Removed | Settled | Opened | Closed
