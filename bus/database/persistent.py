"""Connections that are kept: for processes whose threads live as long as they do."""

from __future__ import annotations

from django.db import connections

# How long a thread keeps its connection, in seconds.
_AGE = 600


def keep_connections() -> None:
    """Let each thread of this process keep a connection of its own, whatever `DATABASES` says.

    A worker's threads are few and live as long as it: a reconnect for every message, or a way
    through a pool, would cost more than the message. Call it before the threads are started.
    """
    connections.close_all()
    for settings in connections.settings.values():
        settings["CONN_MAX_AGE"] = _AGE
        settings["OPTIONS"].pop("pool", None)
