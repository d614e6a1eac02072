"""How one message is sent: its order, its times and what becomes of a repeat."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, TypedDict

from bus.broker.errors import InvalidMessage
from bus.broker.redis_commands import encoded

# A day far enough for every use (year 5138), in ms since 1970: the scripts read times of up to 15
# digits, since more are no longer exact there.
_LATEST = 10**14
# A repeat of a send is known for this long, in ms.
_REPEATS_KNOWN_FOR = 24 * 3600 * 1000


class SendArguments(TypedDict, total=False):
    """The keyword arguments of `BusChannelLayer.send`, for those who pass them on."""

    ordering_key: str | None
    not_before: int
    expires_at: int
    delay: float
    ttl: float | None
    repeatable: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in ms: `at` since 1970 by the calendar, or `after` the broker took the message."""

    counted: Literal["at", "after"]
    ms: int

    def packed(self) -> dict[str, int]:
        """As send.lua reads it."""
        return {self.counted: self.ms}


@dataclass(frozen=True, slots=True)
class SendOptions:
    """The options of one send, from `send` down to send.lua, which reads them by name."""

    # None until the layer says which one a message without a key has.
    ordering_key: str | bytes | None = None
    # Not handled before; None is at once.
    due: Moment | None = None
    # Dropped and counted where it is not handled before; None is never.
    expires: Moment | None = None
    # Sent again, before any later one, where the broker lost it: for what does no harm twice.
    repeatable: bool = False
    # Of one name within a day only the first is appended; empty for none.
    idempotency_key: str = ""
    # The id of the handled message that this one repeats; empty for any other.
    replayed_from: str = ""

    @classmethod
    def of(
        cls,
        *,
        ordering_key: str | bytes | None = None,
        not_before: int = 0,
        expires_at: int = 0,
        delay: float = 0,
        ttl: float | None = None,
        repeatable: bool = False,
        idempotency_key: str = "",
    ) -> SendOptions:
        """From the arguments of a send: a `delay` or a `ttl` goes before its absolute time.

        `not_before` and `expires_at` in ms since 1970 (0 is none), `delay` and `ttl` in seconds.
        Raises InvalidMessage where one is no number.
        """
        after, lifetime = _after(delay, "delay"), None if ttl is None else _after(ttl, "ttl")
        return cls(
            ordering_key,
            after if after.ms else _at(not_before, "not_before"),
            lifetime or _at(expires_at, "expires_at"),
            repeatable,
            idempotency_key,
        )

    def with_key(self, ordering_key: str | bytes) -> SendOptions:
        """The same for a message of this ordering key, where it has none of its own."""
        return self if self.ordering_key is not None else replace(self, ordering_key=ordering_key)

    def packed(self) -> dict[str, Any]:
        """By the names that send.lua reads, without what is not set; raises InvalidMessage."""
        packed: dict[str, Any] = {"ordering_key": encoded(self.ordering_key or "")}
        if self.due is not None:
            packed["due"] = self.due.packed()
        if self.expires is not None:
            packed["expires"] = self.expires.packed()
        if self.idempotency_key:
            packed["idempotency_key"] = encoded(self.idempotency_key)
            packed["repeats_known_for"] = _REPEATS_KNOWN_FOR
        if self.replayed_from:
            packed["replayed_from"] = encoded(self.replayed_from)
        return packed


def _after(seconds: float, what: str) -> Moment:
    """A span of time as the broker counts it: rounded up, and none where it is over already."""
    try:
        return Moment("after", min(max(0, math.ceil(seconds * 1000)), _LATEST))
    except (TypeError, ValueError, OverflowError) as error:
        said = f"A {what} is a number of seconds, not {seconds}. Nothing was sent."
        raise InvalidMessage(said) from error


def _at(ms: int, what: str) -> Moment | None:
    """A time of the calendar; 0 is none, and what is before 1970 is over like any other."""
    try:
        return Moment("at", min(max(1, int(ms)), _LATEST)) if ms else None
    except (TypeError, ValueError, OverflowError) as error:
        said = f"{what} is a number of ms since 1970, not {ms}. Nothing was sent."
        raise InvalidMessage(said) from error
