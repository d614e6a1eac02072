"""The messages of a named channel that were given up on: to look at, put back, or drop."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgpack
from channels.exceptions import ChannelFull

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.decode import decode, type_of
from bus.broker.stream import pairs, text
from bus.conf import conf

# Letters read, and put back or dropped, at once; a payload may have BUS_MESSAGE_SIZE_LIMIT.
_PAGE = 100
_CHUNK = 200
_ID = re.compile(r"\d{1,20}-\d{1,20}")
# What a letter holds. Anybody may write into the broker, so nothing relies on its being there.
_FIELDS = frozenset(
    (
        *("payload", "ordering_key", "error", "traceback", "attempts", "sent_at", "message_id"),
        *("replayed_from", "raw"),
    )
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that was given up on."""

    channel: str
    id: str
    # What it was while it was a message; `message` is None where it cannot be decoded.
    message_id: str
    ordering_key: str
    payload: bytes
    message: dict[str, Any] | None
    error: str
    traceback: str
    attempts: int
    # By the broker's clock, in ms since 1970.
    sent_at: int
    died_at: int
    # What lay in the stream, field by field, where it was no message of ours.
    raw: dict[str, bytes]

    @property
    def type(self) -> str | None:
        """The message's type; None where it has none or cannot be decoded."""
        return type_of(self.message)


class DeadLetters:
    """The dead letters of one channel."""

    def __init__(self, layer: BusChannelLayer, channel: str) -> None:
        self.channel = channel
        self._layer = layer
        self._connection = layer.connection(channel)
        self._base = layer.stream(channel).base

    async def newest(self, limit: int = _PAGE, before: str | None = None) -> list[DeadLetter]:
        """A page of them, newest first; the next page is that `before` the last one's id."""
        end = f"({before}" if before else "+"
        rows = await self._connection.call(
            "XREVRANGE", f"{self._base}:dead", end, "-", "COUNT", limit
        )
        return [self._letter(*row) for row in rows]

    async def each(self) -> AsyncIterator[DeadLetter]:
        """All of them, oldest first."""
        start = "-"
        while rows := await self._connection.call(
            "XRANGE", f"{self._base}:dead", start, "+", "COUNT", _PAGE
        ):
            for row in rows:
                yield self._letter(*row)
            start = f"({text(rows[-1][0])}"

    async def get(self, id_: str) -> DeadLetter | None:
        """One of them; None where there is none of this id (any more)."""
        if not _ID.fullmatch(id_):
            return None
        rows = await self._connection.call("XRANGE", f"{self._base}:dead", id_, id_)
        return self._letter(*rows[0]) if rows else None

    async def retry(self, ids: Iterable[str]) -> list[str]:
        """Put some back into the channel, in this order; returns the ids of those that went.

        Each goes once, whoever else asks for it: with its ordering key, at the end of its
        partition, its attempts counted anew. Raises ChannelFull, saying how many went before, and
        BrokerUnavailable, after which some may have gone: asking again puts back the rest.
        """
        back: list[str] = []
        options = {
            "partitions": self._layer.partitions or conf.partitions,
            "capacity": self._layer.capacity_of(self.channel),
        }
        packed = msgpack.packb(options)
        for chunk in _chunks(ids):
            full, ids_back = await self._connection.run(
                "dead_letters", self._base, "retry", packed, *chunk
            )
            back += map(text, ids_back)
            if full:
                raise ChannelFull(
                    f"{self.channel} holds {self._layer.capacity_of(self.channel)} messages and "
                    f"takes no more; {len(back)} were put back before, the rest are kept"
                )
        return back

    async def discard(self, ids: Iterable[str]) -> int:
        """Drop some, for good, and count them; returns how many there were."""
        gone = 0
        for chunk in _chunks(ids):
            gone += await self._connection.run("dead_letters", self._base, "discard", *chunk)
        return gone

    async def discard_all(self) -> int:
        """Drop all, for good, and count them; returns how many there were."""
        gone: int = await self._connection.run("dead_letters", self._base, "discard", "all")
        return gone

    def _letter(self, id_: bytes, row: Any) -> DeadLetter:
        fields: dict[str, bytes] = {text(name): value for name, value in pairs(row)}
        raw = _raw(fields.get("raw"))
        payload = fields.get("payload") or raw.get("m", b"")
        return DeadLetter(
            channel=self.channel,
            id=text(id_),
            message_id=text(fields.get("message_id", b"")),
            ordering_key=text(fields.get("ordering_key") or raw.get("k", b"")),
            payload=payload,
            message=decode(self._layer, payload),
            error=text(fields.get("error", b"")),
            traceback=text(fields.get("traceback", b"")),
            attempts=_number(fields.get("attempts")),
            sent_at=_number(fields.get("sent_at")),
            died_at=_number(id_.partition(b"-")[0]),
            raw=raw or {name: value for name, value in fields.items() if name not in _FIELDS},
        )


def _number(value: bytes | None) -> int:
    return int(value) if value is not None and value.isdigit() and len(value) < 16 else 0


def _raw(packed: bytes | None) -> dict[str, bytes]:
    """The fields of what was no message, as the claim script packed them."""
    if packed is None:
        return {}
    try:
        row = msgpack.unpackb(packed, raw=True)
        return {text(name): value for name, value in pairs(row)}
    except Exception:
        # Whatever else lies there is shown as it is.
        return {"raw": packed}


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """The ids without those that no letter can have, which the broker would not take."""
    good = [id_ for id_ in ids if _ID.fullmatch(id_)]
    return (good[start : start + _CHUNK] for start in range(0, len(good), _CHUNK))
