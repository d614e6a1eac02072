"""One message on its way."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bus.client.emitter import Emitter
from bus.client.errors import Rejected
from bus.client.frames import Data

Status = Literal["queued", "sending", "held", "posted", "rejected", "failed"]


@dataclass(frozen=True, slots=True)
class Reason:
    """The kind of reason for which a message was held or rejected."""

    code: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a message ended: posted, or held for a moderator."""

    status: Status
    client_id: str
    id: str | None = None
    seq: int | None = None
    reason: Reason | None = None


class Sent(Emitter):
    """A handle of a message: its status, and futures for the two answers it gets.

    `accepted` is done when the server has it safely, `settled` when it is posted or held.
    Both raise Rejected where it was refused. Listen to "status" for every step.
    """

    def __init__(
        self,
        body: str,
        reply_to: str | None,
        client_id: str | None,
        again: Callable[[Sent], None],
        forget: Callable[[Sent], None],
    ) -> None:
        super().__init__()
        self.body = body
        self.reply_to = reply_to
        self.client_id = client_id or uuid.uuid4().hex
        self.status: Status = "queued"
        self.outcome: Outcome | None = None
        self.error: Rejected | None = None
        self._again = again
        self._forget = forget
        # Accepted on the present connection; accepted at all, so that it is safe with the server.
        self.taken = False
        self.known = False
        # Sends on the present connection, and when the first was.
        self.tries = 0
        self.since = 0.0
        # Times that the outcome was asked for after the message was accepted.
        self.asked = 0
        self._promise()

    @property
    def waits(self) -> bool:
        """Whether it is still to be sent or settled."""
        return self.status in ("queued", "sending")

    def retry(self) -> None:
        """Send a failed message again; the same message, never a second."""
        if self.status == "failed":
            self._promise()
            self.tries = 0
            self.error = None
            self._again(self)

    def cancel(self) -> None:
        """Send it no more, and wait for no outcome; what has gone out may be posted yet."""
        self._forget(self)

    def become(self, status: Status) -> None:
        """Take a status, and tell."""
        if status != self.status:
            self.status = status
            self.emit("status", status)

    def accept(self) -> None:
        """It is safe with the server."""
        self.known = self.taken = True
        _resolve(self.accepted, None)

    def settle(self, outcome: Data) -> None:
        """Take the server's word on it."""
        wire = outcome.get("reason")
        reason = Reason(wire.get("code", ""), wire.get("message", "")) if wire else None
        status: Status = outcome["status"]
        self.known = True
        self.outcome = Outcome(
            status, self.client_id, outcome.get("id"), outcome.get("seq"), reason
        )
        if status == "rejected":
            self.refuse(status, Rejected.from_wire(wire or {"code": "rejected"}))
            return
        _resolve(self.accepted, None)
        _resolve(self.settled, self.outcome)
        self.become(status)

    def refuse(self, status: Status, error: Rejected) -> None:
        """It is not posted: rejected, or failed for want of an answer."""
        self.error = error
        for future in (self.accepted, self.settled):
            if not future.done():
                future.set_exception(error)
        self.become(status)

    def _promise(self) -> None:
        loop = asyncio.get_running_loop()
        self.accepted: asyncio.Future[None] = loop.create_future()
        self.settled: asyncio.Future[Outcome] = loop.create_future()
        # Nobody has to wait for these.
        self.accepted.add_done_callback(_look)
        self.settled.add_done_callback(_look)


def _resolve(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _look(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
