"""How often something may happen, and what was seen, kept in the broker for all processes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bus.broker.channel_layer import BusChannelLayer
from bus.messaging import default_layer
from bus.messaging.errors import with_protocol_errors
from bus.messaging.lua import SCRIPTS


@dataclass(frozen=True, slots=True)
class Quota:
    """`count` times in `period` seconds under one key; all at once, or spread."""

    key: str
    count: int
    period: float


class Throttle:
    """The generic cell rate algorithm (ITU-T I.371) under each key, by the broker's clock."""

    def __init__(self, layer: BusChannelLayer) -> None:
        self._layer = layer
        self._base = f"{{{layer.prefix}:throttle}}"

    async def take(self, quotas: Iterable[Quota]) -> float:
        """Count once under every key and return 0; or nowhere, and return the seconds to wait.

        Raises Unavailable.
        """
        return await self._run("1", quotas)

    async def look(self, quotas: Iterable[Quota]) -> float:
        """As `take`, but nothing is counted."""
        return await self._run("0", quotas)

    async def give(self, quotas: Iterable[Quota]) -> None:
        """Take back what was counted once under every key; raises Unavailable."""
        await self._run("-1", quotas)

    async def forget(self, quotas: Iterable[Quota]) -> None:
        """Take back all that was counted under these keys; raises Unavailable."""
        for quota in quotas:
            await self._call("DEL", f"{self._base}:{quota.key}")

    async def mark(self, key: str, seconds: float) -> None:
        """Keep in mind that something was seen, for so long; raises Unavailable."""
        await self._call("SET", f"{self._base}:seen:{key}", 1, "PX", math.ceil(seconds * 1000))

    async def unmark(self, key: str) -> None:
        """Keep it in mind no longer; raises Unavailable."""
        await self._call("DEL", f"{self._base}:seen:{key}")

    async def is_marked(self, key: str) -> bool:
        """Whether it is kept in mind; raises Unavailable."""
        return bool(await self._call("EXISTS", f"{self._base}:seen:{key}"))

    @with_protocol_errors
    async def _call(self, *command: str | int) -> object:
        found: object = await self._layer.connection_of()(self._base).call(*command)
        return found

    @with_protocol_errors
    async def _run(self, counts: str, quotas: Iterable[Quota]) -> float:
        args: list[str] = []
        for quota in quotas:
            window = quota.period * 1000
            args += (f"{self._base}:{quota.key}", f"{window / quota.count:.3f}", f"{window:.3f}")
        if not args:
            return 0.0
        connection = self._layer.connection_of()(self._base)
        wait = await connection.run("throttle", self._base, counts, *args, directory=SCRIPTS)
        return int(wait) / 1000


def default_throttle() -> Throttle:
    """How often something may happen, counted for all processes."""
    return Throttle(default_layer.get())
