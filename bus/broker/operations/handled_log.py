"""The handled messages of a named channel, kept for a while where BUS_RETENTION says so."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.decode import decode, type_of
from bus.broker.stream import pairs, text

# Messages read in one round trip; each may have BUS_MESSAGE_SIZE_LIMIT.
_PAGE = 100


class Position(NamedTuple):
    """Where a kept message stands: in the order of sending, then of handling."""

    # First sent (ms since 1970), and which of its partition in that millisecond. So the order is
    # exact within an ordering key, and to the millisecond between them.
    sent_at: int
    number: int
    # Its id in the history: when it was handled (ms since 1970), and a number.
    handled_at: int
    handled_number: int

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read what `str` wrote; raises ValueError."""
        parts = [int(part) for part in text.split("-")]
        if len(parts) != len(cls._fields):
            raise ValueError(text)
        return cls(*parts)

    def __str__(self) -> str:
        return "-".join(map(str, self))

    @property
    def key(self) -> str:
        """Its id in the history."""
        return f"{self.handled_at}-{self.handled_number}"


@dataclass(frozen=True, slots=True)
class Kept:
    """One handled message."""

    id: str
    payload: bytes
    ordering_key: str


@dataclass(slots=True)
class Stretch:
    """The kept messages that were first sent within a range of time, in the order of sending."""

    positions: list[Position] = field(default_factory=list)
    types: Counter[str] = field(default_factory=Counter)


class HandledLog:
    """The handled messages of one channel."""

    def __init__(self, layer: BusChannelLayer, channel: str) -> None:
        self.channel = channel
        self.layer = layer
        self._connection = layer.connection(channel)
        self._key = f"{layer.stream(channel).base}:history"

    async def now(self) -> int:
        """The broker's clock, by which messages are kept, in ms since 1970."""
        seconds, microseconds = await self._connection.call("TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def stretch(self, start: int, end: int, after: Position | None = None) -> Stretch:
        """What was sent from `start` until before `end`, in ms since 1970, and is `after` that.

        It takes some 200 bytes of memory for each message.
        """
        found = Stretch()
        # Nothing is handled before it is sent.
        cursor = str(start)
        while rows := await self._connection.call("XRANGE", self._key, cursor, "+", "COUNT", _PAGE):
            for id_, row in rows:
                fields = _fields(row)
                position = _position(text(id_), fields)
                if position is None:
                    continue
                if start <= position.sent_at < end and (after is None or position > after):
                    found.positions.append(position)
                    found.types[type_of(decode(self.layer, fields["m"])) or "(none)"] += 1
            cursor = f"({text(rows[-1][0])}"
        found.positions.sort()
        return found

    async def fetch(self, positions: Sequence[Position]) -> list[Kept | None]:
        """The messages of some positions; None for those that are no longer kept."""
        answers = await asyncio.gather(
            *(self._connection.call("XRANGE", self._key, p.key, p.key) for p in positions)
        )
        return [_kept(rows[0][1]) if rows else None for rows in answers]


def _fields(row: Any) -> dict[str, bytes]:
    return {text(name): value for name, value in pairs(row)}


def _position(key: str, fields: dict[str, bytes]) -> Position | None:
    """Where a kept message stands; None for what is none, since anybody may write there."""
    if not {"m", "k", "f", "i"} <= fields.keys() or not fields["f"].isdigit():
        return None
    sent_at, (id_ms, _, number) = int(fields["f"]), text(fields["i"]).partition("-")
    # A message that was kept back has an id that says nothing of its place: `later-7`.
    order = int(number) if id_ms == str(sent_at) and number.isdecimal() else 0
    return Position(sent_at, order, *map(int, key.split("-")))


def _kept(row: Any) -> Kept:
    fields = _fields(row)
    return Kept(text(fields["i"]), fields["m"], text(fields["k"]))
