"""What a visitor may do in all sessions of a process, and all guests from one network together."""

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
# Networks whose guests are counted together; of more, those who came last.
_NETWORKS = 10_000

Action = Literal["commands", "messages", "joins", "reports", "typing"]


def _rate_of(action: Action) -> tuple[float, float]:
    """How often one person may do something, a second on average and at once."""
    match action:
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


class ActionBuckets:
    """A token bucket for each thing that somebody does, or one of so many `times` the size."""

    __slots__ = ("__weakref__", "_buckets", "_times")

    def __init__(self, times: float = 1.0) -> None:
        self._times = times
        # Made when they are first asked for: most people read.
        self._buckets: dict[Action, TokenBucket] = {}

    def take(self, action: Action, count: int) -> float:
        """Count something and return 0; or return the seconds to wait."""
        bucket = self._buckets.get(action)
        if bucket is None:
            rate, burst = _rate_of(action)
            bucket = self._buckets[action] = TokenBucket(self._times * rate, self._times * burst)
        return bucket.take(count)


class VisitorLimit:
    """A visitor's own buckets, and of a guest those of all guests from there."""

    __slots__ = ("_all",)

    def __init__(self, *buckets: ActionBuckets) -> None:
        self._all = buckets

    def take(self, action: Action, count: int = 1) -> float:
        """Count something and return 0; or return the seconds to wait."""
        for buckets in self._all:
            if wait := buckets.take(action, count):
                return wait
        return 0.0


class VisitorLimits:
    """The buckets of everybody who has a socket in a process."""

    def __init__(self) -> None:
        # Those of a user live as long as one of the user's sessions.
        self._users: weakref.WeakValueDictionary[str, ActionBuckets] = weakref.WeakValueDictionary()
        # These outlive the sockets: a guest who comes again without a cookie is another one.
        self._networks: OrderedDict[str, ActionBuckets] = OrderedDict()

    def of(self, visitor: Visitor, network: str) -> VisitorLimit:
        """What bounds a visitor; `network` as in client_address.network_for_limits."""
        buckets = self._users.get(visitor.key)
        if buckets is None:
            buckets = self._users[visitor.key] = ActionBuckets()
        if visitor.guest and network and conf.address_rate > 0:
            return VisitorLimit(buckets, self._of_network(network))
        return VisitorLimit(buckets)

    def _of_network(self, network: str) -> ActionBuckets:
        found = self._networks.get(network)
        if found is None:
            found = self._networks[network] = ActionBuckets(conf.address_rate)
            if len(self._networks) > _NETWORKS:
                self._networks.popitem(last=False)
        self._networks.move_to_end(network)
        return found
