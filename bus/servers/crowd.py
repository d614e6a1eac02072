"""The open HTTP connections of this process: how many there may be, in all and of one address."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol

from bus.addresses import network_of
from bus.conf import conf


class Connection(Protocol):
    """A connection, as the crowd sees it."""

    @property
    def is_idle(self) -> bool:
        """Whether no request of it is being answered."""

    def drop(self) -> None:
        """End it."""


class Crowd:
    """Connections in the order in which they came; those who ask for nothing make room."""

    def __init__(self) -> None:
        self._all: dict[Connection, str] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._all)

    def enter(self, connection: Connection, address: str) -> bool:
        """Count a connection; False where there is no room, and then it is not counted."""
        place = _place(address)
        if place and self._counts[place] >= conf.address_http_connections > 0:
            neighbours = (other for other, where in self._all.items() if where == place)
            if not self._make_room(neighbours):
                return False
        if len(self._all) >= conf.http_connections > 0 and not self._make_room(self._all):
            return False
        self._all[connection] = place
        self._counts[place] += 1
        return True

    def leave(self, connection: Connection) -> None:
        """A connection is gone, or no HTTP any more; does nothing when it is not counted."""
        place = self._all.pop(connection, None)
        if place is not None:
            self._counts[place] -= 1
            if not self._counts[place]:
                del self._counts[place]

    def _make_room(self, connections: Iterable[Connection]) -> bool:
        """Drop the oldest one that is idle: who has something to ask has asked by now."""
        oldest = next((each for each in connections if each.is_idle), None)
        if oldest is None:
            return False
        self.leave(oldest)
        oldest.drop()
        return True


@lru_cache(10_000)
def _place(address: str) -> str:
    """What is counted together; "" for a proxy next door, which speaks for many."""
    try:
        return network_of(address) if ipaddress.ip_address(address).is_global else ""
    except ValueError:
        return ""
