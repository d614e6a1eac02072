"""The open HTTP connections of this process: how many there may be, in all and of one address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from bus.conf import conf
from bus.http.client_address import network_of_direct_peer

# How many may have come whose first request nobody has read yet: more than a kernel hands over at
# once, as when everybody comes back after a restart.
_ARRIVING_LIMIT = 4096


class Connection(Protocol):
    """A connection, as those who count them see it."""

    @property
    def is_idle(self) -> bool:
        """Whether no request of it is being answered."""

    def drop(self) -> None:
        """End it."""


class HttpConnections:
    """Connections in the order in which they came; those who ask for nothing make room."""

    def __init__(self) -> None:
        self._all: dict[Connection, str] = {}
        self._arriving: dict[Connection, None] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._all)

    def arrive(self, connection: Connection) -> None:
        """A connection is there, and had no time to ask for anything: it takes nobody's room yet,
        and nobody takes its own, until it enters."""
        if len(self._arriving) >= _ARRIVING_LIMIT:
            oldest = next(iter(self._arriving))
            del self._arriving[oldest]
            oldest.drop()
        self._arriving[connection] = None

    def enter(self, connection: Connection, address: str) -> bool:
        """Count a connection; False where there is no room, and then it is not counted."""
        self._arriving.pop(connection, None)
        network = network_of_direct_peer(address)
        if network and self._counts[network] >= conf.address_http_connections > 0:
            neighbours = (other for other, where in self._all.items() if where == network)
            if not self._make_room(neighbours):
                return False
        if len(self._all) >= conf.http_connections > 0 and not self._make_room(self._all):
            return False
        self._all[connection] = network
        self._counts[network] += 1
        return True

    def leave(self, connection: Connection) -> None:
        """A connection is gone, or no HTTP any more; does nothing when it is not counted."""
        self._arriving.pop(connection, None)
        network = self._all.pop(connection, None)
        if network is not None:
            self._counts[network] -= 1
            if not self._counts[network]:
                del self._counts[network]

    def _make_room(self, connections: Iterable[Connection]) -> bool:
        """Drop the oldest one that is idle: who has something to ask has asked by now."""
        oldest = next((each for each in connections if each.is_idle), None)
        if oldest is None:
            return False
        self.leave(oldest)
        oldest.drop()
        return True
