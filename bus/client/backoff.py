"""How long to wait before the next attempt to connect."""

from __future__ import annotations

from collections.abc import Callable

FIRST_DELAY = 0.5  # s, the most that the first attempt waits; doubles with each
LAST_DELAY = 20.0  # s, the most that any attempt waits
STEADY = 5.0  # s of uptime that make the attempts count from zero again
CROWDED = 5  # attempts that "too many connections" counts for


class Backoff:
    """Full jitter: anything from zero to a bound that doubles with each attempt."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._attempt = 0

    def next(self, uptime: float = 0.0, *, crowded: bool = False) -> float:
        """Seconds until the next attempt, after a connection that was up for `uptime`."""
        if uptime >= STEADY:
            self._attempt = 0
        if crowded:
            self._attempt = max(self._attempt, CROWDED)
        # The exponent is bounded, since a server may be away for weeks.
        most = min(LAST_DELAY, FIRST_DELAY * 2.0 ** min(self._attempt, 16))
        self._attempt += 1
        return self._random() * most
