"""The errors of Bus, each with its code on the wire, its meaning, and what the caller can do.

BusError
├── Invalid            the command, frame or payload is wrong; mend it
├── Unauthenticated    nobody is signed in; sign in or be a guest where that is allowed
├── Forbidden          known, but not allowed
│   ├── NotMember      join the room first
│   ├── Muted          wait until the mute ends
│   └── Banned         stay away
├── NotFound           no such room or message
├── RoomArchived       the room takes no more messages
├── TooLong            shorten the body
├── RateLimited        wait `retry_after`
│   └── SlowMode       wait `retry_after`
├── Conflict           somebody else was first
├── Busy               the channel is full; wait `retry_after`
├── Unavailable        the broker or the database is away; nothing was accepted, send again later
└── Internal           our fault; logged, send again later
"""

from __future__ import annotations

import math
from typing import Any

from bus.broker.errors import BrokerUnavailable


class BusError(Exception):
    """A refusal that renders itself as an error on the wire."""

    code = "internal"
    message = "Something went wrong on our side. Nothing was accepted; try again later."

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message or self.message)
        self.text = message or self.message
        self.field = field
        self.retry_after = retry_after

    def as_wire(self) -> dict[str, Any]:
        """The error object: code, message, and field and retry_after where they are known."""
        wire: dict[str, Any] = {"code": self.code, "message": self.text}
        if self.field is not None:
            wire["field"] = self.field
        if self.retry_after is not None:
            # Up, never down: who waits as long is not told to wait again.
            wire["retry_after"] = math.ceil(self.retry_after * 100) / 100
        return wire


class Invalid(BusError):
    """The command, frame or payload is wrong."""

    code = "invalid"
    message = "This is not a valid request."


class Unauthenticated(BusError):
    """Nobody is signed in."""

    code = "unauthenticated"
    message = "Sign in first."


class Forbidden(BusError):
    """The visitor is known, but not allowed."""

    code = "forbidden"
    message = "You are not allowed to do this."


class NotMember(Forbidden):
    """The session has not joined the room."""

    code = "not_member"
    message = "Join the room first."


class Muted(Forbidden):
    """The author may read but not write."""

    code = "muted"
    message = "You are muted in this room."


class Banned(Forbidden):
    """The author may not enter the room."""

    code = "banned"
    message = "You are banned from this room."

    def __init__(self, *, by_address: bool = False) -> None:
        """`by_address` is for a guest from where another one is banned."""
        text = "A guest from your address is banned from this room. Sign in to enter it."
        super().__init__(text if by_address else None)
        self.by_address = by_address


class NotFound(BusError):
    """There is no such thing, or none that this visitor may know of."""

    code = "not_found"
    message = "There is no such room."


class RoomArchived(BusError):
    """The room can be read but takes nothing new."""

    code = "room_archived"
    message = "This room is archived and takes no new messages."


class TooLong(BusError):
    """The body is longer than the limit."""

    code = "too_long"
    message = "The message is too long."


class RateLimited(BusError):
    """Too much in too short a time."""

    code = "rate_limited"
    message = "You are sending too fast."


class SlowMode(RateLimited):
    """The room asks everyone to wait between messages."""

    code = "slow_mode"
    message = "This room is in slow mode."


class Conflict(BusError):
    """Somebody else was first."""

    code = "conflict"
    message = "Somebody else was first."


class Busy(BusError):
    """A channel is full and takes nothing more for now."""

    code = "busy"
    message = "The service is busy. Nothing was accepted; try again in a moment."


# The broker's, too, so that a worker waits for whichever of the two a handler raises.
class Unavailable(BusError, BrokerUnavailable):
    """The broker or the database is away."""

    code = "unavailable"
    message = "The service is not available. Nothing was accepted; try again in a moment."

    def __init__(self, detail: str | None = None, *, retry_after: float | None = None) -> None:
        """`detail` is for the log: it may name our servers, which clients have no business with."""
        super().__init__(retry_after=retry_after)
        self.detail = detail

    def __str__(self) -> str:
        """What the log says."""
        return self.detail or self.text


class Internal(BusError):
    """Our own fault."""


# What a WebSocket is closed with. 4401 and 4403 mean: do not come back.
CLOSE_RESTART = 1012
CLOSE_BAD_FRAME = 4400
CLOSE_UNAUTHENTICATED = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_TOO_SLOW = 4408
CLOSE_TOO_MANY = 4429

# What the wire promises and nothing here says yet: nobody may use them for anything else. Clients
# that know them are right to.
RESERVED_CODES = {"duplicate": "This was already done."}
RESERVED_CLOSE_CODES = {4409: "replaced by another session"}
