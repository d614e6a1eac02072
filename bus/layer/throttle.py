"""How often something may happen, counted in the broker for all processes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bus.layer.channel_layer import BusChannelLayer


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

    async def _run(self, counts: str, quotas: Iterable[Quota]) -> float:
        args: list[str] = []
        for quota in quotas:
            window = quota.period * 1000
            args += (f"{self._base}:{quota.key}", f"{window / quota.count:.3f}", f"{window:.3f}")
        if not args:
            return 0.0
        connection = self._layer.connection_of()(self._base)
        return int(await connection.run("throttle", self._base, counts, *args)) / 1000
