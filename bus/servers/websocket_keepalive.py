"""Pings the sockets of a server from one timer: each of its own would be a fortieth of a socket."""

from __future__ import annotations

import asyncio
import random
from itertools import islice, takewhile
from typing import NamedTuple, Protocol

# Between two rounds of pings, at least, in seconds.
_PAUSE = 0.1


class Pinged(Protocol):
    """A socket, as it is pinged."""

    def ping(self, payload: bytes) -> None:
        """Send a ping."""

    def expire(self) -> None:
        """End: the peer did not answer in time."""


class _Ping(NamedTuple):
    payload: bytes
    sent: float


class Keepalive:
    """Pings each socket `interval` after it opened or answered last; one that answers not
    within `timeout` ends, unless that is None. Both in seconds, as uvicorn has them."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, interval: float, timeout: float | None
    ) -> None:
        self._loop = loop
        self._interval = interval
        self._timeout = timeout
        # When each is pinged next, and what it did not answer yet; who is first comes first.
        self._due: dict[Pinged, float] = {}
        self._unanswered: dict[Pinged, _Ping] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._due) + len(self._unanswered)

    def add(self, socket: Pinged) -> None:
        """A socket is open."""
        self._due[socket] = self._loop.time() + self._interval
        if self._timer is None:
            self._plan()

    def remove(self, socket: Pinged) -> None:
        """It is closing, or gone; does nothing when it is not pinged."""
        self._due.pop(socket, None)
        self._unanswered.pop(socket, None)

    def answered(self, socket: Pinged, payload: bytes) -> None:
        """A pong came; one that answers nothing, or an older ping, is nothing."""
        ping = self._unanswered.get(socket)
        if ping is not None and ping.payload == payload:
            del self._unanswered[socket]
            # Counted from now, so that who is first stays first.
            self._due[socket] = self._loop.time() + self._interval

    def _plan(self) -> None:
        """Look again when the first ping is due, or the first answer overdue."""
        moments = list(islice(self._due.values(), 1))
        if self._timeout is not None:
            oldest = islice(self._unanswered.values(), 1)
            moments += [ping.sent + self._timeout for ping in oldest]
        self._timer = None
        if moments:
            wait = max(min(moments) - self._loop.time(), _PAUSE)
            self._timer = self._loop.call_later(wait, self._run)

    def _run(self) -> None:
        now = self._loop.time()
        try:
            for socket, _ in list(takewhile(lambda item: item[1] <= now, self._due.items())):
                self._ping(socket, now)
            if self._timeout is not None:
                late = now - self._timeout
                overdue = takewhile(lambda item: item[1].sent <= late, self._unanswered.items())
                for socket, _ in list(overdue):
                    del self._unanswered[socket]
                    socket.expire()
        finally:
            self._plan()

    def _ping(self, socket: Pinged, now: float) -> None:
        payload = random.randbytes(4)
        del self._due[socket]
        if self._timeout is None:
            self._due[socket] = now + self._interval
        self._unanswered[socket] = _Ping(payload, now)
        socket.ping(payload)
