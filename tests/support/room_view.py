"""What a client shows of a room, what it has on its way there, and what may come back."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

Item = dict[str, Any]

# As in client.js, in seconds: until an outcome is asked for again, which doubles each time.
ANSWER = 10.0


class Refused(Exception):
    """The server refused a command."""

    def __init__(self, error: Item) -> None:
        super().__init__(error)
        self.code = error["code"]
        self.retry_after: float = error.get("retry_after") or 0.5


class Lost(Exception):
    """The connection ended, or the answer did not come."""


@dataclass
class Sent:
    """A message on its way."""

    client_id: str
    body: str
    # When it was sent first, and when this connection's last copy was accepted.
    sent_at: float = 0.0
    accepted_at: float | None = None
    # Accepted at least once.
    known: bool = False
    # How often its outcome was asked for.
    asked: int = 0

    def due(self) -> bool:
        """Whether it is to be sent, or sent again."""
        if self.accepted_at is None:
            return True
        patience: float = ANSWER * 2**self.asked
        return time.monotonic() - self.accepted_at > patience


@dataclass
class View:
    """A room as one client sees it."""

    name: str
    # (seq, author, client_id), in the order in which they were shown.
    shown: list[tuple[int, Any, str]] = field(default_factory=list)
    # The newest seq seen; None before the first join.
    head: int | None = None
    joined: bool = False
    # Events that wait for the reply to a join.
    held_back: list[Item] | None = None
    # Not settled, in the order of writing.
    queue: list[Sent] = field(default_factory=list)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    # Broken promises; empty in the end.
    faults: list[str] = field(default_factory=list)

    def lose(self) -> None:
        """The connection is gone: everything unsettled is to be sent again, in order."""
        self.joined, self.held_back = False, None
        for sent in self.queue:
            sent.accepted_at = None

    def show(self, message: Item) -> None:
        """Show one more message: the next, or something is wrong."""
        seq = message["seq"]
        if seq != (self.head or 0) + 1:
            self.faults.append(f"{self.name}: {seq} came after {self.head}")
        self.head = seq
        self.shown.append((seq, message["author"]["id"], message["client_id"]))

    def next(self) -> Sent | None:
        """The message to send now, if there is one: the oldest first."""
        return next((sent for sent in self.queue if self.joined and sent.due()), None)

    def settle(self, client_id: str) -> Sent | None:
        """Keep a message no longer; it, if it was kept."""
        for sent in self.queue:
            if sent.client_id == client_id:
                self.queue.remove(sent)
                return sent
        return None
