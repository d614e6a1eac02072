"""What the broker refuses with. Of Channels it raises ChannelFull and, for names, TypeError.

BrokerError
├── BrokerUnavailable     it does not answer, or takes nothing now; send again later
│   └── UnusableKeys      what lies under our keys is nothing that we wrote
└── InvalidMessage        it cannot be sent; mend it
    └── OversizedMessage  it has more bytes than a channel takes
"""

from __future__ import annotations

from channels.exceptions import MessageTooLarge


class BrokerError(Exception):
    """What the broker refuses with."""


class BrokerUnavailable(BrokerError):
    """The broker does not answer, or takes nothing now; what was sent may not have arrived."""


class UnusableKeys(BrokerUnavailable):
    """What lies under our keys is nothing that we wrote; until it is gone they cannot be used."""


class InvalidMessage(BrokerError):
    """The message cannot be sent; nothing was."""

    def __init__(self, text: str, *, field: str | None = None) -> None:
        """`field` is the path to what is wrong in it, where that is known."""
        super().__init__(text)
        self.field = field


class OversizedMessage(InvalidMessage, MessageTooLarge):
    """The message has more bytes than a channel takes."""
