"""What one socket may do: by itself, and together with the others of its visitor."""

from __future__ import annotations

from bus.chat.visitors import Visitor
from bus.conf import conf
from bus.consumers.visitor_limits import Action, VisitorLimit, VisitorLimits
from bus.protocol.errors import RateLimited
from bus.token_bucket import TokenBucket

# Commands a second that a client may send on average, and at once (joins after a reconnect).
_COMMAND_RATE = 100.0
_COMMAND_BURST = 500


class SocketLimits:
    """Counts what a socket does, and refuses what is too much."""

    __slots__ = (
        "_commands", "_limited", "_messages", "_network", "_of_visitor", "_rate", "_visitor",
        "_visitors",
    )  # fmt: skip

    def __init__(
        self, visitors: VisitorLimits, visitor: Visitor, network: str, rate: float
    ) -> None:
        """`rate` in messages per second on average; 0 leaves commands and messages unlimited.

        `network` as in client_address.network_for_limits.
        """
        self._visitors = visitors
        self._visitor = visitor
        self._network = network
        self._rate = rate
        self._limited = rate > 0
        # Made when something is first counted: most people read.
        self._commands: TokenBucket | None = None
        self._messages: TokenBucket | None = None
        self._of_visitor: VisitorLimit | None = None

    def become(self, visitor: Visitor) -> None:
        """Count for somebody else from now on."""
        self._visitor = visitor
        self._of_visitor = None

    def allows_commands(self, count: int) -> bool:
        """Count commands; False when there are too many."""
        if self._limited and self._command_bucket().take(count):
            return False
        return not (self._limited and self._visitor_limit().take("commands", count))

    def check_message(self) -> None:
        """Count a message or an edit; raises RateLimited when there are too many."""
        if not self._limited:
            return
        if self._messages is None:
            self._messages = TokenBucket(self._rate, conf.send_burst)
        wait = self._messages.take() or self._visitor_limit().take("messages")
        if wait:
            raise RateLimited(retry_after=wait)

    def check(self, action: Action) -> None:
        """Count something that a visitor does; raises RateLimited when it is too much."""
        if wait := self._visitor_limit().take(action):
            raise RateLimited(retry_after=wait)

    def _command_bucket(self) -> TokenBucket:
        if self._commands is None:
            rate = max(_COMMAND_RATE, 2 * self._rate)
            self._commands = TokenBucket(rate, max(_COMMAND_BURST, 2 * conf.send_burst))
        return self._commands

    def _visitor_limit(self) -> VisitorLimit:
        if self._of_visitor is None:
            self._of_visitor = self._visitors.of(self._visitor, self._network)
        return self._of_visitor
