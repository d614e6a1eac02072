"""One attempt at one channel message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Delivery:
    """One attempt at one channel message, as a worker holds it."""

    channel: str
    stream: str
    id: str
    payload: bytes
    ordering_key: str
    # Attempts before this one that were counted, and deliveries of this stream entry: 1 at first.
    attempts_before: int
    deliveries: int
    # By the broker's clock, in ms since 1970; expires_at 0 means never.
    sent_at: int
    expires_at: int
    # When it was sent by the steady clock, in ms: for intervals, never for a calendar.
    steady_at: int
    # The id of the message that this one repeats: a handled one, by a replay; or, with `dead-`
    # before it, a dead letter that was put back. Empty for any other.
    replayed_from: str = ""
    # What the sender was told; `id` is of this stream entry, and another one after a retry.
    message_id: str = ""
    # The slot, or receiver, that holds it in the broker.
    holder: str = ""
    # Decoded by the worker; what cannot be decoded goes straight to the dead letters.
    message: dict[str, Any] = field(default_factory=dict)
    # How often it was handed to an application in this attempt: more than once after an outage, or
    # where it was given back.
    tries: int = 0
    # What is kept in place of the payload, for a replay or as a dead letter, where its handler has
    # found something in it that nobody is to keep; empty for none.
    kept: bytes = b""

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self.attempts_before + self.deliveries

    @property
    def redelivered(self) -> bool:
        """Whether an earlier attempt, which failed, may have had effects."""
        return self.attempt > 1 or self.tries > 1 or self.replayed_from.startswith("dead-")


class Undeliverable(Exception):
    """Raised by a consumer where no further attempt can help: a dead letter at once."""
