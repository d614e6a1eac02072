"""The last texts of each author, shared by all workers; forgotten after a while."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.redis_client import RedisClient
from bus.broker.stream import text
from bus.messaging import default_layer
from bus.messaging.errors import with_protocol_errors
from bus.messaging.lua import SCRIPTS

# Enough to see repeats and flooding.
REMEMBERED = 20
_AGE_MS = 10 * 60 * 1000


class TextStore:
    """The last texts under each name; it may forget, so nothing may depend on it for good."""

    def __init__(self, layer: BusChannelLayer) -> None:
        self._layer = layer
        # Not `recent`: there an earlier release keeps texts of more than one line.
        self._base = f"{layer.prefix}:said"

    def _key(self, name: str) -> str:
        return f"{self._base}:{name}"

    async def recall(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """The texts under each name, oldest first, in one round trip; raises Unavailable."""
        connection_of = self._layer.connection_of()
        wanted: dict[RedisClient, list[str]] = {}
        for name in dict.fromkeys(names):
            wanted.setdefault(connection_of(self._key(name)), []).append(name)
        answers = await asyncio.gather(
            *(
                connection.run(
                    "recall_texts",
                    self._base,
                    _AGE_MS,
                    *map(self._key, known),
                    directory=SCRIPTS,
                )
                for connection, known in wanted.items()
            )
        )
        found: dict[str, tuple[str, ...]] = {}
        for known, answer in zip(wanted.values(), answers, strict=True):
            for name, said in zip(known, answer, strict=True):
                found[name] = tuple(text(said).split("\n")) if said else ()
        return [found[name] for name in names]

    async def remember(self, texts: Iterable[tuple[str, str]]) -> None:
        """Keep (name, text) pairs, in one round trip; a text is one line. Raises Unavailable."""
        connection_of = self._layer.connection_of()
        kept: dict[RedisClient, list[str]] = {}
        for name, said in texts:
            key = self._key(name)
            kept.setdefault(connection_of(key), []).extend((key, said))
        await asyncio.gather(
            *(
                connection.run(
                    "remember_texts", self._base, REMEMBERED, _AGE_MS, *pairs, directory=SCRIPTS
                )
                for connection, pairs in kept.items()
            )
        )


@with_protocol_errors
async def recall(names: Sequence[str]) -> list[tuple[str, ...]]:
    """The last texts kept under each name, oldest first; raises Unavailable."""
    return await TextStore(default_layer.get()).recall(names)


@with_protocol_errors
async def remember(texts: Iterable[tuple[str, str]]) -> None:
    """Keep (name, text) pairs for a while; a text is one line. Raises Unavailable."""
    await TextStore(default_layer.get()).remember(texts)
