"""The limits of a web process: they share `BUS_DATABASE_CONNECTIONS`."""

from __future__ import annotations

from bus.conf import conf
from bus.database.connection_limit import ConnectionLimit


def _of_sockets() -> int:
    return (conf.database_connections - 1) // 2


def _of_requests() -> int:
    return conf.database_connections - 1 - _of_sockets()


requests = ConnectionLimit(_of_requests)
sockets = ConnectionLimit(_of_sockets)
# Told apart from both: whoever asks whether all is well hears of it when they are full.
probes = ConnectionLimit(lambda: 1)
