"""The last texts of each author, shared by all workers; forgotten after a while."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from bus.layer.channel_layer import BusChannelLayer
from bus.layer.stream import text

# Enough to see repeats and flooding.
_KEPT = 8
_AGE_MS = 10 * 60 * 1000


class Memory:
    """The last texts under each name; it may forget, so nothing may depend on it for good."""

    def __init__(self, layer: BusChannelLayer) -> None:
        self._layer = layer

    def _key(self, name: str) -> str:
        return f"{self._layer.prefix}:recent:{name}"

    async def recall(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """The texts under each name, oldest first, in one round trip; raises Unavailable."""
        keys = {name: self._key(name) for name in names}
        answers = await asyncio.gather(
            *(self._layer.connection(key).call("LRANGE", key, 0, -1) for key in keys.values())
        )
        found = {
            name: tuple(text(part) for part in answer)
            for name, answer in zip(keys, answers, strict=True)
        }
        return [found[name] for name in names]

    async def remember(self, texts: Iterable[tuple[str, str]]) -> None:
        """Keep (name, text) pairs, in one round trip; raises Unavailable."""
        await asyncio.gather(
            *(
                self._layer.connection(key).run("remember", key, said, _KEPT, _AGE_MS)
                for key, said in ((self._key(name), said) for name, said in texts)
            )
        )
