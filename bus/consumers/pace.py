"""What one user may do in all sessions of a process."""

from __future__ import annotations

import weakref

from bus.conf import conf
from bus.pace import Pace

# Commands a second that a user may send in all sessions of a process, on average, and at once.
_COMMAND_RATE = 300.0
_COMMAND_BURST = 2000


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
