"""A tap on a named channel: hears what is sent without taking it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import msgpack
import redis

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.decode import decode
from bus.broker.errors import BrokerUnavailable
from bus.broker.redis_urls import sync_client
from bus.broker.stream import text

# The send script tells of messages only while this is renewed: in ms, and every so many seconds.
_TTL_MS = 10_000
_RENEWAL = 2.0
# Longest wait for one message, in seconds.
_LOOK = 0.5


@dataclass(frozen=True, slots=True)
class Sent:
    """One message as it was sent."""

    id: str
    ordering_key: str
    # None where it cannot be decoded.
    message: dict[str, Any] | None
    payload: bytes
    # By the broker's clock, in ms since 1970; not_before 0 means at once.
    sent_at: int
    not_before: int
    # The id of the handled message that a replay repeats with it; empty for any other.
    replayed_from: str


class Tap:
    """Hears what is sent to one channel, from now on; in a thread, since it blocks."""

    def __init__(self, layer: BusChannelLayer, channel: str) -> None:
        self._layer = layer
        self._host = layer.host_of(channel)
        self._key = f"{{{layer.prefix}:{channel}}}:tap"

    def follow(self) -> Iterator[Sent | None]:
        """Each message as it is sent; None once when it begins to hear, and now and then.

        Raises BrokerUnavailable where the broker goes away, or drops a listener that is too slow.
        """
        try:
            with closing(sync_client(self._host)) as client, closing(client.pubsub()) as pubsub:  # type: ignore[no-untyped-call]
                pubsub.subscribe(self._key)
                renewed = -_RENEWAL
                while True:
                    if time.monotonic() - renewed >= _RENEWAL:
                        client.set(self._key, 1, px=_TTL_MS)
                        renewed = time.monotonic()
                    heard = pubsub.get_message(ignore_subscribe_messages=True, timeout=_LOOK)
                    yield self._sent(heard["data"]) if heard else None
        except (redis.RedisError, OSError) as error:
            raise BrokerUnavailable(
                f"The broker does not answer, or dropped this listener ({error})."
            ) from error

    def _sent(self, packed: bytes) -> Sent | None:
        """What the send script told; None where somebody else said something."""
        try:
            id_, payload, key, sent_at, not_before, origin = msgpack.unpackb(packed, raw=True)
        except Exception:
            # Each of the ways in which it can be wrong has an error of its own.
            return None
        if not (isinstance(sent_at, int | float) and isinstance(not_before, int | float)):
            return None
        return Sent(
            id=text(id_),
            ordering_key=text(key),
            message=decode(self._layer, payload),
            payload=payload,
            sent_at=int(sent_at),
            not_before=int(not_before),
            replayed_from=text(origin),
        )
