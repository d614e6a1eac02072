"""How fast something may happen: a token bucket."""

from __future__ import annotations

import time
import weakref

from bus.conf import conf

# Commands a second that a user may send in all sessions of a process, on average, and at once.
_COMMAND_RATE = 300.0
_COMMAND_BURST = 2000


class Pace:
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


class Budget:
    """What one user may do in all sessions of this process."""

    __slots__ = ("__weakref__", "commands", "joins", "messages")

    def __init__(self) -> None:
        self.commands = Pace(_COMMAND_RATE, _COMMAND_BURST)
        self.messages = Pace(conf.user_send_rate, 3 * conf.send_burst)
        # Two sessions may come back at once, and some people look around.
        self.joins = Pace(conf.join_rate, 2 * conf.join_limit + 10)


_budgets: weakref.WeakValueDictionary[str, Budget] = weakref.WeakValueDictionary()


def budget_of(user: str) -> Budget:
    """The budget that a user's sessions share, as long as one of them lives."""
    found = _budgets.get(user)
    if found is None:
        found = _budgets[user] = Budget()
    return found
