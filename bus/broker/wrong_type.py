"""Keys of ours that hold something else: said by name, since the broker only says that one does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

# What the keys under a channel's base, or a room's, are; partitions are streams.
_KINDS = {
    "meta": "hash",
    "due": "zset",
    "later": "hash",
    "dead": "stream",
    "history": "stream",
    "history:size": "string",
    "counts": "hash",
    "workers": "zset",
    "about": "hash",
    "people": "zset",
    "who": "hash",
    "seats": "hash",
    "changes": "hash",
}
# Partitions that are looked at by name; of more, the broker's own words have to do.
_LOOKED_AT = 1000

Call = Callable[..., Awaitable[Any]]


async def wrong_keys(call: Call, base: str) -> list[str]:
    """Each key under a base that is not what it should be, in a few words."""
    names = {f"{base}:{name}": kind for name, kind in _KINDS.items()}
    names |= dict.fromkeys(await _partitions(call, base), "stream")
    kinds = await asyncio.gather(*(call("TYPE", key) for key in names))
    return [
        f"the key {key} is a {kind.decode()} and should be a {wanted}"
        for (key, wanted), kind in zip(names.items(), kinds, strict=True)
        if kind.decode() not in (wanted, "none")
    ]


async def _partitions(call: Call, base: str) -> list[str]:
    """The streams of a channel; none where its meta cannot be read."""
    try:
        oldest, newest = map(int, await call("HMGET", f"{base}:meta", "oldest", "newest"))
        counts = {
            generation: int(await call("HGET", f"{base}:meta", f"partitions:{generation}"))
            for generation in range(oldest, min(newest, oldest + 10) + 1)
        }
    except Exception:
        # It is another type, or its fields are no numbers.
        return []
    return [
        f"{base}:{generation}:{partition}"
        for generation, count in counts.items()
        for partition in range(min(count, _LOOKED_AT))
    ]
