"""What can go wrong for a client.

ClientError
├── Rejected        the server said no; `code` says why, `retry_after` when asking again helps
│   ├── TooLong     the message is too long for this server
│   └── Unanswered  there was no answer: the connection is away, or the server is silent
└── Overrun         the reader of a stream is too slow; what it had not read is gone
"""

from __future__ import annotations

from bus.client.frames import Data


class ClientError(Exception):
    """Everything that this package raises on its own."""


class Rejected(ClientError):
    """A command, a join or a message was refused."""

    def __init__(
        self, code: str = "unavailable", message: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message or code
        # In seconds.
        self.retry_after = retry_after

    @classmethod
    def from_wire(cls, error: Data) -> Rejected:
        """The refusal in a reply."""
        return cls(
            error.get("code", "unavailable"), error.get("message", ""), error.get("retry_after")
        )


class TooLong(Rejected):
    """A command is longer than the server takes; it was not sent, or ended the connection."""

    def __init__(self) -> None:
        super().__init__("too_long", "The message is too long.")


class Unanswered(Rejected):
    """There was no answer, so that nobody knows whether the command was done."""

    def __init__(self) -> None:
        super().__init__("unavailable", "There was no answer.")


class Overrun(ClientError):
    """More waited in a stream than its limit."""
