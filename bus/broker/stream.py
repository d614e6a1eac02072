"""One named channel: partitions of a Redis stream, with order, claims, retries and dead letters."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgpack
from channels.exceptions import ChannelFull
from redis.exceptions import ResponseError

from bus.broker import wrong_type
from bus.broker.channel_stats import ChannelStats, about_of
from bus.broker.delivery import Delivery
from bus.broker.errors import UnusableKeys
from bus.broker.redis_client import RedisClient
from bus.broker.send_batch import SendBatch
from bus.broker.send_log import SendLog
from bus.broker.send_options import SendOptions
from bus.conf import conf
from bus.conf.rates import per_channel

# A worker whose last beat is older than this is dead, in ms; it beats every second.
LIVENESS_MS = 5000
# What a worker packed_options of itself is shown until it did not beat for this long, in ms.
FORGET_MS = 15_000
# Wake-ups can be lost with the connection, and a partition set free sends none: look again, in s.
IDLE_PAUSE = 1.0
LOCKED_PAUSE = 0.02
# Whoever lowers BUS_MESSAGE_SIZE_LIMIT still gets what is in the broker; what is larger than this
# many times the limit came past us, and is not even read.
_LARGEST = 16
# Tracebacks in dead letters are cut to their last part, in characters.
_TRACEBACK_LIMIT = 8000


@dataclass(slots=True)
class Claim:
    """What a worker got: deliveries, and what it may wait for."""

    deliveries: list[Delivery]
    # Partitions with a backlog that somebody else works on.
    locked: int
    # Seconds until the next message that was set aside is due; None when there is none.
    next_due: float | None
    # Partitions that wait behind a message that a dead worker held, or one tried and given back.
    suspects: int = 0

    @property
    def pause(self) -> float:
        """How long to wait for a wake-up before looking again, in seconds."""
        longest = LOCKED_PAUSE if self.locked else IDLE_PAUSE
        return longest if self.next_due is None else min(longest, self.next_due + 0.001)


class Stream:
    """One named channel in the broker."""

    def __init__(self, connection: RedisClient, prefix: str, channel: str) -> None:
        self.channel = channel
        # All keys of a channel share one hash tag, so that one script may touch them all.
        self.base = f"{{{prefix}:{channel}}}"
        self._connection = connection
        self._start = 0
        self._send_log = SendLog()
        self._sends = SendBatch(connection, self.base, self._send_log.about)

    @property
    def wake_channel(self) -> str:
        """The pub/sub channel that tells idle workers of a new backlog."""
        return f"{self.base}:wake"

    async def send(
        self, payload: bytes, options: SendOptions, *, capacity: int, partitions: int
    ) -> str:
        """Append one message and return its id.

        What has expired already is counted and dropped when a worker comes to it. Raises
        ChannelFull beyond the capacity, InvalidMessage, BrokerUnavailable where the broker is away
        or full.
        """
        append = partial(self._append, payload, options.packed(), (capacity, partitions))
        try:
            if options.repeatable:
                return text(await self._send_log.send(len(payload), append))
            return text(await append({}))
        except ResponseError as error:
            if str(error).startswith("BUSFULL"):
                raise ChannelFull(
                    f"{self.channel} holds {capacity} messages and takes no more"
                ) from None
            raise
        except UnusableKeys as error:
            raise await self._connection.naming_keys(self.base, error) from error

    def _append(
        self,
        payload: bytes,
        options: dict[str, Any],
        limits: tuple[int, int],
        numbered: Mapping[str, int],
    ) -> asyncio.Future[Any]:
        packed = msgpack.packb({**options, **numbered}, use_bin_type=False)
        return self._sends.add(payload, packed, limits)

    async def claim(self, worker: str, count: int, *, ahead: bool = False) -> Claim:
        """Claim up to `count` messages, each partition's in order and by one worker at a time.

        What a dead worker held comes first and alone; `ahead` where the worker has others in hand:
        then none of that.
        """
        self._start += 1
        options = {
            "count": count,
            "start": self._start,
            "visibility": int(conf.visibility_timeout * 1000),
            "liveness": LIVENESS_MS,
            "ahead": ahead,
            "dead_letter_limit": conf.dead_letter_limit,
            "largest": _LARGEST * conf.message_size_limit,
        }
        packed = msgpack.packb(options, use_bin_type=False)
        answer = await self._connection.run("claim", self.base, worker, packed)
        locked, wait, claimed, suspects = answer
        deliveries = [self._delivery(worker, row) for row in claimed]
        return Claim(deliveries, locked, None if wait < 0 else wait / 1000, suspects)

    def _delivery(self, worker: str, row: Sequence[Any]) -> Delivery:
        (stream, id_, payload, key, attempts, deliveries, sent_at, expires_at) = row[:8]
        replayed_from, message_id, tries, steady_at = row[8:]
        return Delivery(
            self.channel,
            text(stream),
            text(id_),
            payload,
            text(key),
            attempts,
            deliveries,
            sent_at,
            int(expires_at),
            steady_at,
            text(replayed_from),
            text(message_id),
            worker,
            tries=tries,
        )

    async def acknowledge(self, deliveries: Iterable[Delivery]) -> int:
        """Acknowledge what was handled; returns how many nobody else had acknowledged."""
        return await self._settle(
            [("done", d.stream, d.id, d.holder, *([d.kept] if d.kept else ())) for d in deliveries]
        )

    async def retry_later(self, delivery: Delivery, delay: float) -> None:
        """Keep one failed message for another attempt in `delay` seconds; its partition goes on."""
        await self._settle(
            [
                (
                    "later",
                    delivery.stream,
                    delivery.id,
                    delivery.holder,
                    int(delay * 1000),
                    delivery.payload,
                    delivery.ordering_key,
                    delivery.attempt,
                    delivery.sent_at,
                    str(delivery.expires_at),
                    delivery.replayed_from,
                    delivery.message_id,
                    delivery.steady_at,
                )
            ]
        )

    async def dead_letter(self, delivery: Delivery, error: BaseException | str) -> None:
        """Move one message to the dead letters, with its error, attempts and times."""
        trace = ""
        if isinstance(error, BaseException):
            trace = "".join(traceback.format_exception(error))[-_TRACEBACK_LIMIT:]
            error = f"{type(error).__name__}: {error}"
        fields = {
            "payload": delivery.kept or delivery.payload,
            "ordering_key": delivery.ordering_key,
            "error": error,
            "traceback": trace,
            "attempts": str(delivery.attempt),
            "sent_at": str(delivery.sent_at),
            "message_id": delivery.message_id,
            "replayed_from": delivery.replayed_from,
        }
        flat = [part for pair in fields.items() for part in pair]
        await self._settle([("dead", delivery.stream, delivery.id, delivery.holder, *flat)])

    async def _settle(self, rows: Sequence[tuple[Any, ...]]) -> int:
        if not rows:
            return 0
        # Raw strings, not bin: the only kind that every broker's cmsgpack reads.
        packed = [msgpack.packb(tuple(map(raw, row)), use_bin_type=False) for row in rows]
        kept = {
            "dead_letter_limit": conf.dead_letter_limit,
            "retention": int(per_channel(conf.retention, self.channel) * 1000),
            "retention_limit": conf.retention_limit,
            "retention_size": conf.retention_size,
        }
        finished: int = await self._connection.run(
            "settle", self.base, msgpack.packb(kept, use_bin_type=False), *packed
        )
        return finished

    async def release(self, worker: str, deliveries: Iterable[Delivery]) -> None:
        """Give back what was claimed, in order; it counts as no attempt.

        What was tried, and cut off or waiting for a server, is no first delivery to the next one.
        """
        args: list[Any] = []
        for d in deliveries:
            unseen = d.deliveries == 1 and not d.tries
            args += (d.stream, d.id, 0 if unseen else d.deliveries)
        if args:
            await self._connection.run("release", self.base, worker, *args)

    async def extend_lease(self, worker: str, deliveries: Iterable[Delivery]) -> list[Delivery]:
        """Keep hold of deliveries that take long; returns those that others took meanwhile."""
        asked = list(deliveries)
        if not asked:
            return []
        args = [part for d in asked for part in (d.stream, d.id)]
        lost = await self._connection.run("extend_lease", self.base, worker, *args)
        return [asked[position] for position in lost]

    async def recover(self, worker: str, in_hand: Iterable[Delivery]) -> int:
        """Give back what the broker says this worker holds, but it does not; returns how many."""
        known = [f"{d.stream} {d.id}" for d in in_hand]
        returned: int = await self._connection.run("recover", self.base, worker, *known)
        return returned

    async def workers(self) -> list[dict[str, Any]]:
        """What the live workers of this channel tell of themselves, with their `id`."""
        packed, beats, now = await asyncio.gather(
            self._connection.call("HGETALL", f"{self.base}:about"),
            self._connection.call("ZRANGE", f"{self.base}:workers", 0, -1, "WITHSCORES"),
            self._connection.call("TIME"),
        )
        newest = int(now[0]) * 1000 - FORGET_MS
        about = {text(k): v for k, v in pairs(packed)}
        return [
            {"id": text(worker), **about_of(about[text(worker)])}
            for worker, beat in pairs(beats)
            if float(beat) >= newest and text(worker) in about
        ]

    async def wrong_keys(self) -> list[str]:
        """Those keys of the channel that somebody else has put something else into."""
        return await wrong_type.wrong_keys(self._connection.call, self.base)

    async def stats(self, capacity: int) -> ChannelStats:
        """What the channel holds and does now, in one round trip; raises BrokerUnavailable."""
        answer = await self._connection.run("stats", self.base, LIVENESS_MS, FORGET_MS)
        return ChannelStats.read(self.channel, capacity, answer)

    async def ping(self) -> None:
        """Ask the broker for a sign of life; raises BrokerUnavailable."""
        await self._connection.call("PING")

    async def retire(self, worker: str) -> None:
        """Forget a worker that stopped."""
        await self._connection.run("retire", self.base, worker)


def raw(part: Any) -> Any:
    """Text as the bytes that `text` made it of, whatever they were."""
    if not isinstance(part, str):
        return part
    try:
        return part.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return part.encode("utf-8", "surrogatepass")


def pairs(answer: Any) -> Iterable[tuple[Any, Any]]:
    """The broker's map or flat list as pairs; which one depends on the protocol's version."""
    if isinstance(answer, dict):
        return answer.items()
    if answer and isinstance(answer[0], list | tuple):
        return [(pair[0], pair[1]) for pair in answer]
    return zip(answer[::2], answer[1::2], strict=True)


def text(value: bytes | str) -> str:
    """The broker's bytes as text."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
