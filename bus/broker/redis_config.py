"""What a broker host is set to that would lose messages, or keep Bus from working at all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

from redis.exceptions import ResponseError

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.redis_client import RedisClient
from bus.broker.redis_refusal import CLUSTER

Kind = Literal["cluster", "eviction", "persistence"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a broker host, and what to do about it."""

    kind: Kind
    text: str

    @property
    def grave(self) -> bool:
        """Whether messages are lost while all is well, or nothing works; else by a crash alone."""
        return self.kind != "persistence"


async def faults(layer: BusChannelLayer) -> list[Fault]:
    """What is wrong with the hosts of a layer; raises BrokerUnavailable.

    A host that does not tell (its user may not ask) has none that is known.
    """
    found = await asyncio.gather(*map(_faults_of, layer.connections()))
    return list(dict.fromkeys(fault for each in found for fault in each))


async def _faults_of(connection: RedisClient) -> list[Fault]:
    try:
        info: dict[str, Any] = await connection.call("INFO")
    except ResponseError:
        return []
    if int(info.get("cluster_enabled", 0)):
        return [Fault("cluster", CLUSTER)]
    found = []
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        found.append(Fault("eviction", _EVICTS.format(policy=policy)))
    if not int(info.get("aof_enabled", 0)) and not await _takes_snapshots(connection):
        found.append(Fault("persistence", _FORGETS))
    return found


_EVICTS = (
    "The broker drops keys when its memory is full (maxmemory-policy {policy}), and with them "
    "messages that were accepted, without a word. Set maxmemory-policy noeviction: then it refuses "
    "instead."
)
_FORGETS = (
    "The broker writes nothing to its disk: when it ends, all messages that were accepted and not "
    "settled are gone. Set appendonly yes."
)


async def _takes_snapshots(connection: RedisClient) -> bool:
    """Whether it does, or will not say so: a managed server has ways of its own."""
    try:
        answer: dict[Any, Any] = await connection.call("CONFIG", "GET", "save")
    except ResponseError:
        return True
    return any(answer.values())
