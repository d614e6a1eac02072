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
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from bus.broker.errors import BrokerUnavailable


class BusError(Exception):
    """A refusal that renders itself as an error on the wire.

    What clients, pages and docs have to know of an error is said here, and written there by
    `make docs`.
    """

    code: ClassVar[str] = "internal"
    message: ClassVar[str] = (
        "Something went wrong on our side. Nothing was accepted; try again later."
    )
    # Why, after "Not posted:" on the page; in English, which the page translates.
    phrase: ClassVar[str] = "something went wrong on our side"
    # Over HTTP: the status, and what a caller does about it.
    status: ClassVar[int] = 500
    remedy: ClassVar[str] = "our fault, and in the log; send again later"
    # Whether the same thing may well be done when it is asked for again.
    transient: ClassVar[bool] = False

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
    phrase = "it has something that cannot be sent"
    status = 400
    remedy = "mend the request; 405 where the path does not take the method"


class Unauthenticated(BusError):
    """Nobody is signed in."""

    code = "unauthenticated"
    message = "Sign in first."
    phrase = "you are not signed in"
    status = 401
    remedy = "show a key"


class Forbidden(BusError):
    """The visitor is known, but not allowed."""

    code = "forbidden"
    message = "You are not allowed to do this."
    phrase = "you may not write here"
    status = 403
    remedy = "ask somebody who may"


class NotMember(Forbidden):
    """The session has not joined the room."""

    code = "not_member"
    message = "Join the room first."
    phrase = "you are not in this room"


class Muted(Forbidden):
    """The author may read but not write."""

    code = "muted"
    message = "You are muted in this room."
    phrase = "you are muted in this room"


class Banned(Forbidden):
    """The author may not enter the room."""

    code = "banned"
    message = "You are banned from this room."
    phrase = "you are banned from this room"

    def __init__(self, *, by_address: bool = False) -> None:
        """`by_address` is for a guest from where another one is banned."""
        text = "A guest from your address is banned from this room. Sign in to enter it."
        super().__init__(text if by_address else None)
        self.by_address = by_address


class NotFound(BusError):
    """There is no such thing, or none that this visitor may know of."""

    code = "not_found"
    message = "There is no such room."
    phrase = "the room is gone"
    status = 404
    remedy = "mend the path or the name"


class RoomArchived(BusError):
    """The room can be read but takes nothing new."""

    code = "room_archived"
    message = "This room is archived and takes no new messages."
    phrase = "the room is archived"
    status = 409
    remedy = "look at how things are now"


class TooLong(BusError):
    """The body is longer than the limit."""

    code = "too_long"
    message = "The message is too long."
    phrase = "it is too long"
    status = 413
    remedy = (
        "send less: a body of `BUS_API_BODY_LIMIT`, a message of `BUS_MESSAGE_SIZE_LIMIT`, "
        "a text of `BUS_BODY_LIMIT`"
    )


class RateLimited(BusError):
    """Too much in too short a time."""

    code = "rate_limited"
    message = "You are sending too fast."
    phrase = "you are sending too fast"
    status = 429
    remedy = "wait `retry_after`; among them too many wrong keys from one address"


class SlowMode(RateLimited):
    """The room asks everyone to wait between messages."""

    code = "slow_mode"
    message = "This room is in slow mode."
    phrase = "the room is in slow mode"
    remedy = "wait `retry_after`"


class Conflict(BusError):
    """Somebody else was first."""

    code = "conflict"
    message = "Somebody else was first."
    phrase = "somebody else was first"
    status = 409
    remedy = "look at how things are now"


class Busy(BusError):
    """A channel is full and takes nothing more for now."""

    code = "busy"
    message = "The service is busy. Nothing was accepted; try again in a moment."
    phrase = "the service is busy"
    status = 503
    remedy = "the channel is full; wait `retry_after`"
    transient = True


# The broker's, too, so that a worker waits for whichever of the two a handler raises.
class Unavailable(BusError, BrokerUnavailable):
    """The broker or the database is away."""

    code = "unavailable"
    message = "The service is not available. Nothing was accepted; try again in a moment."
    phrase = "the service did not answer"
    status = 503
    remedy = "the broker or the database is away; wait `retry_after`"
    transient = True

    def __init__(self, detail: str | None = None, *, retry_after: float | None = None) -> None:
        """`detail` is for the log: it may name our servers, which clients have no business with."""
        super().__init__(retry_after=retry_after)
        self.detail = detail

    def __str__(self) -> str:
        """What the log says."""
        return self.detail or self.text


class Internal(BusError):
    """Our own fault."""

    transient = True


def by_code() -> dict[str, type[BusError]]:
    """Every error by its code; a refinement elsewhere, with its parent's code, is the same."""

    def below(kind: type[BusError]) -> Iterator[type[BusError]]:
        for child in kind.__subclasses__():
            if child.__module__ == __name__:
                yield child
            yield from below(child)

    return {kind.code: kind for kind in below(BusError)}


# What a WebSocket is closed with.
CLOSE_RESTART = 1012
CLOSE_BAD_FRAME = 4400
CLOSE_UNAUTHENTICATED = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_TOO_SLOW = 4408
CLOSE_TOO_MANY = 4429


class CloseCode(NamedTuple):
    """What a close code means, and when a client comes back; `reason` is what clients call it."""

    reason: str
    meaning: str
    back: str
    final: bool = False


CLOSE_CODES = {
    CLOSE_RESTART: CloseCode("restart", "the server restarts", "yes, at once"),
    1009: CloseCode(
        "", "a frame of over 1 MiB, which the server itself does not read", "yes, mended"
    ),
    1013: CloseCode("busy", "what is between, a proxy say, has no room for now", "yes"),
    CLOSE_BAD_FRAME: CloseCode("", "bad frame", "yes, mended"),
    CLOSE_UNAUTHENTICATED: CloseCode("unauthenticated", "unauthenticated", "no", final=True),
    CLOSE_FORBIDDEN: CloseCode("forbidden", "forbidden or banned", "no", final=True),
    CLOSE_TOO_SLOW: CloseCode("too_slow", "too slow", "yes, with `since`"),
    CLOSE_TOO_MANY: CloseCode(
        "too_many", "too many connections, frames, or new guests from one address", "later"
    ),
}

# What the wire promises and nothing here says yet: nobody may use them for anything else. Clients
# that know them are right to.
RESERVED_CODES = {"duplicate": "This was already done."}
RESERVED_PHRASES = {"duplicate": "you said the same a moment ago"}
RESERVED_CLOSE_CODES = {
    4409: CloseCode("replaced", "replaced by another session", "no", final=True),
}
