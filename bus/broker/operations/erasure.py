"""Takes messages out of what the broker keeps of a channel that is done with them."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from redis.exceptions import ResponseError

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.decode import decode
from bus.broker.operations.dead_letters import DeadLetters
from bus.broker.stream import pairs, text

# Messages read in one round trip.
_PAGE = 100

# Those of some messages that are meant: their positions in the list.
Meant = Callable[[list[dict[str, Any]]], Awaitable[set[int]]]


async def forget(layer: BusChannelLayer, channel: str, since: int, meant: Meant) -> int:
    """Drop those that are meant from a channel's handled messages and dead letters; how many.

    Nothing is handled before it is sent: `since`, in ms since 1970, is when the first was sent.
    """
    return await _of_handled(layer, channel, since, meant) + await _of_dead(layer, channel, meant)


async def _of_handled(layer: BusChannelLayer, channel: str, since: int, meant: Meant) -> int:
    connection, base = layer.connection(channel), layer.stream(channel).base
    start, dropped = str(max(0, since)), 0
    while rows := await connection.call("XRANGE", f"{base}:history", start, "+", "COUNT", _PAGE):
        payloads = ((id_, dict(pairs(row)).get(b"m", b"")) for id_, row in rows)
        ids = await _meant(layer, payloads, meant)
        if ids:
            dropped += await connection.run("forget", base, *ids)
        start = f"({text(rows[-1][0])}"
    return dropped


async def _of_dead(layer: BusChannelLayer, channel: str, meant: Meant) -> int:
    letters, dropped = DeadLetters(layer, channel), 0
    page = [letter async for letter in letters.each()]
    for start in range(0, len(page), _PAGE):
        payloads = ((letter.id, letter.payload) for letter in page[start : start + _PAGE])
        if ids := await _meant(layer, payloads, meant):
            dropped += await letters.discard(ids)
    return dropped


async def _meant(
    layer: BusChannelLayer, payloads: Iterable[tuple[Any, bytes]], meant: Meant
) -> list[str]:
    read = [(id_, decode(layer, payload)) for id_, payload in payloads]
    known = [(text(id_), message) for id_, message in read if message is not None]
    return [known[at][0] for at in await meant([message for _, message in known])] if known else []


async def rewrite_files(layer: BusChannelLayer, every: float) -> bool:
    """Have brokers write their append-only files anew, without what they hold no more.

    No more often than `every` seconds, whichever process asks; False where some are not due yet, or
    are busy. One that keeps no such file, or lets us not, is passed over. Raises BrokerUnavailable.
    """
    done = True
    for connection in layer.connections():
        key = f"{layer.prefix}:rewritten"
        if not await connection.call("SET", key, 1, "NX", "PX", math.ceil(every * 1000)):
            done = False
            continue
        try:
            await connection.call("BGREWRITEAOF")
        except ResponseError as error:
            if "progress" in str(error):
                await connection.call("DEL", key)
                done = False
    return done
