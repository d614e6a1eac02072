"""Which named channels there are: those that the broker holds anything of."""

from __future__ import annotations

import asyncio
import re

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.redis_client import RedisClient
from bus.broker.stream import text

# Keys looked at in one round trip: few enough that nobody else waits for the broker.
_SCAN_COUNT = 1000
_MARKS = ("meta", "workers", "dead")
# Anybody may have made such keys, of any name.
_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,99}")


async def known_channels(layer: BusChannelLayer) -> list[str]:
    """The channels that were ever sent to or are worked on, by name; raises BrokerUnavailable.

    It looks at every key of the broker, so it takes a while where millions are kept.
    """
    found = await asyncio.gather(*(_scan(c, layer.prefix) for c in layer.connections()))
    return sorted(set().union(*found))


async def _scan(connection: RedisClient, prefix: str) -> set[str]:
    channels: set[str] = set()
    cursor = 0
    while True:
        answer = await connection.call(
            "SCAN", cursor, "MATCH", f"{{{prefix}:*}}:[mwd]*", "COUNT", _SCAN_COUNT
        )
        cursor = int(answer[0])
        for key in map(text, answer[1]):
            name, _, mark = key.removeprefix(f"{{{prefix}:").rpartition("}:")
            if mark in _MARKS and _NAME.fullmatch(name):
                channels.add(name)
        if not cursor:
            return channels
