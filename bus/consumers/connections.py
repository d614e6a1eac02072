"""The sockets of this process: how many there may be, and their end when it stops."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import Protocol

from bus.conf import conf
from bus.protocol.errors import CLOSE_RESTART

logger = logging.getLogger(__name__)

# How many clients a second are asked to come back, and how many are closed, where the windows of
# the settings are long enough for that.
_RETURN_RATE = 500.0
_CLOSE_RATE = 1000.0
# Between two batches of closes, in seconds.
_BATCH_PAUSE = 0.05
# What the last closes may take to reach their peers, in seconds.
_LAST_WAIT = 1.0


class Connection(Protocol):
    """A socket, as its end needs it."""

    def announce_end(self, reconnect_in: float) -> None:
        """Tell the client that the end is near, where it has a word for that."""

    def end(self, code: int) -> None:
        """Finish the command in hand, then close."""


class Connections:
    """Counts sockets by who opened them and from where; and closes them all in the end."""

    def __init__(self) -> None:
        # Whether this process stops, and takes no more.
        self.draining = False
        self._all: dict[Connection, tuple[tuple[str, str], ...]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, connection: Connection, user: str, network: str) -> bool:
        """Count a socket of a user from a place, "" for one that tells nobody apart; False where
        there are too many, and then it is not counted. One that is there already is counted anew.
        """
        self.remove(connection)
        counts, keys = self._counts, [("user", user)]
        if (limit := conf.user_connections) and counts.get(keys[0], 0) >= limit:
            return False
        if network:
            keys.append(("network", network))
            if (limit := conf.address_connections) and counts.get(keys[1], 0) >= limit:
                return False
        self._all[connection] = tuple(keys)
        for key in keys:
            counts[key] = counts.get(key, 0) + 1
        return True

    def remove(self, connection: Connection) -> None:
        """A socket is closed; does nothing when it is not counted."""
        for key in self._all.pop(connection, ()):
            left = self._counts[key] - 1
            if left:
                self._counts[key] = left
            else:
                del self._counts[key]

    async def drain(self) -> None:
        """Take no more; tell every client when to come back, and close them a few at a time."""
        self.draining = True
        waiting = list(self._all)
        random.shuffle(waiting)
        spread = min(conf.reconnect_window, len(waiting) / _RETURN_RATE)
        for connection in waiting:
            connection.announce_end(round(random.uniform(0, spread), 3))
        # What was sent before clients knew, and waits to be read, is read before the first close.
        await asyncio.sleep(_BATCH_PAUSE)
        began = time.monotonic()
        window = min(conf.closing_window, len(waiting) / _CLOSE_RATE)
        total = len(waiting)
        while waiting:
            passed = time.monotonic() - began
            left = 0 if passed >= window else int(total * (1 - passed / window))
            for connection in waiting[left:]:
                connection.end(CLOSE_RESTART)
            del waiting[left:]
            if waiting:
                await asyncio.sleep(_BATCH_PAUSE)
        late = time.monotonic() + _LAST_WAIT
        while self._all and time.monotonic() < late:  # noqa: ASYNC110  # the last one tells nobody
            await asyncio.sleep(_BATCH_PAUSE)
        if total:
            logger.info("%d sockets were closed; %d did not answer.", total, len(self._all))
