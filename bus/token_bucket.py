"""How fast something may happen: a token bucket."""

from __future__ import annotations

import time


class TokenBucket:
    """Lets `burst` happen at once and `rate` a second on average; a rate of 0 lets all happen."""

    __slots__ = ("_burst", "_filled", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._filled = time.monotonic()

    def take(self, count: int = 1) -> float:
        """Take tokens and return 0; or take none and return the seconds to wait."""
        if self._rate <= 0:
            return 0.0
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens >= count:
            self._tokens -= count
            return 0.0
        return (count - self._tokens) / self._rate
