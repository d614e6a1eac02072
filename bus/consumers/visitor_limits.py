"""What a visitor may do in all sessions of a process, and all guests from one address together."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from typing import Literal

from bus.chat.visitors import Visitor
from bus.conf import conf
from bus.token_bucket import TokenBucket

# A second on average, and at once: commands of a user,
_COMMAND_RATE, _COMMAND_BURST = 300.0, 2000
# reports,
_REPORT_RATE, _REPORT_BURST = 1.0, 50
# and signs of typing; a client gives one in three seconds for a room.
_TYPING_RATE, _TYPING_BURST = 10.0, 200
# Addresses whose guests are counted together; of more, those who came last.
_ADDRESSES = 10_000

What = Literal["commands", "messages", "joins", "reports", "typing"]


def _pace_of(what: What) -> tuple[float, float]:
    """How often one person may do something, a second on average and at once."""
    match what:
        case "commands":
            return _COMMAND_RATE, _COMMAND_BURST
        case "messages":
            return conf.user_send_rate, 3 * conf.send_burst
        case "joins":
            # Two sessions may come back at once, and some people look around.
            return conf.join_rate, 2 * conf.join_limit + 10
        case "reports":
            return _REPORT_RATE, _REPORT_BURST
        case "typing":
            return _TYPING_RATE, _TYPING_BURST


class Budget:
    """What one user may do in all sessions of this process, or so many `times` of that."""

    __slots__ = ("__weakref__", "_paces", "_times")

    def __init__(self, times: float = 1.0) -> None:
        self._times = times
        # Made when they are first asked for: most people read.
        self._paces: dict[What, TokenBucket] = {}

    def take(self, what: What, count: int) -> float:
        """Count something and return 0; or return the seconds to wait."""
        pace = self._paces.get(what)
        if pace is None:
            rate, burst = _pace_of(what)
            pace = self._paces[what] = TokenBucket(self._times * rate, self._times * burst)
        return pace.take(count)


class Budgets:
    """A visitor's own, and of a guest that of all guests from there."""

    __slots__ = ("_budgets",)

    def __init__(self, visitor: Visitor, place: str) -> None:
        """`place` as client_address.network_for_limits."""
        self._budgets = [budget_of(visitor.key)]
        if visitor.guest and place and conf.address_rate > 0:
            self._budgets.append(_budget_of_address(place))

    def take(self, what: What, count: int = 1) -> float:
        """Count something and return 0; or return the seconds to wait."""
        for budget in self._budgets:
            if wait := budget.take(what, count):
                return wait
        return 0.0


_budgets: weakref.WeakValueDictionary[str, Budget] = weakref.WeakValueDictionary()
# These outlive the sockets: a guest who comes again without a cookie is another one.
_addresses: OrderedDict[str, Budget] = OrderedDict()


def budget_of(user: str) -> Budget:
    """The budget that a user's sessions share, as long as one of them lives."""
    found = _budgets.get(user)
    if found is None:
        found = _budgets[user] = Budget()
    return found


def _budget_of_address(place: str) -> Budget:
    found = _addresses.get(place)
    if found is None:
        found = _addresses[place] = Budget(conf.address_rate)
        if len(_addresses) > _ADDRESSES:
            _addresses.popitem(last=False)
    _addresses.move_to_end(place)
    return found
