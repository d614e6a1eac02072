"""What was sent and is not settled yet: it goes out one at a time, in order."""

from __future__ import annotations

import asyncio

from bus.client.connection import Connection
from bus.client.constants import LIMITS, TRANSIENT
from bus.client.errors import Rejected, TooLong, Unanswered
from bus.client.frames import Data
from bus.client.sent import Sent

BUSY = 30.0  # s to go on while the server says that it is busy
LIMIT_PATIENCE = 60.0  # s, the longest pause that a limit of the room may ask for


class Unsettled:
    """The messages of one room that are not settled."""

    def __init__(self, room: str) -> None:
        self._room = room
        self.pending: list[Sent] = []
        self._connection: Connection | None = None
        # Why nothing goes out any more.
        self._end: Rejected | None = None
        self._pump: asyncio.Task[None] | None = None
        self._timers: dict[Sent, asyncio.TimerHandle] = {}

    def open(self, connection: Connection) -> None:
        """The room is joined on this connection: send."""
        self._connection = connection
        self._go()

    def shut(self) -> None:
        """The connection is gone: everything waits for the next."""
        self._connection = None
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for sent in self.pending:
            if sent.waits:
                sent.taken = False
                sent.tries = 0
                if not sent.known:
                    sent.become("queued")

    def give_up(self, error: Rejected) -> None:
        """The client is closed for good: whoever waits is told."""
        self._end = error
        self.shut()
        for sent in list(self.pending):
            if sent.waits:
                sent.refuse("failed", error)

    def add(self, sent: Sent) -> None:
        """Send it after all that is here."""
        self.forget(sent)
        self.pending.append(sent)
        if self._end is not None:
            sent.refuse("failed", self._end)
            return
        sent.become("sending" if self._connection else "queued")
        self._go()

    def disown(self, error: Rejected) -> None:
        """Somebody else is here now, in whose name none of it may go out."""
        pending, self.pending = self.pending, []
        for sent in pending:
            if sent.status != "held":
                sent.refuse("rejected", error)

    def forget(self, sent: Sent) -> None:
        """Wait for it no longer."""
        if sent in self.pending:
            self.pending.remove(sent)
        timer = self._timers.pop(sent, None)
        if timer is not None:
            timer.cancel()

    def settle(self, outcome: Data) -> None:
        """The server's word on one of them, if it is one of them."""
        client_id = outcome.get("client_id")
        sent = next((each for each in self.pending if each.client_id == client_id), None)
        if sent is None:
            return
        self.forget(sent)
        if outcome["status"] == "held":
            self.pending.append(sent)  # a moderator's decision follows
        sent.settle(outcome)

    def _go(self) -> None:
        if self._connection is not None and (self._pump is None or self._pump.done()):
            self._pump = asyncio.get_running_loop().create_task(self._run(self._connection))

    async def _run(self, connection: Connection) -> None:
        while not connection.over:
            ready = (each for each in self.pending if each.waits and not each.taken)
            sent = next(ready, None)
            if sent is None:
                return
            await self._transmit(connection, sent)

    async def _transmit(self, connection: Connection, sent: Sent) -> None:
        if not sent.tries:
            sent.since = _now()
        sent.tries += 1
        sent.become("sending")
        data = {
            "room": self._room,
            "body": sent.body,
            "client_id": sent.client_id,
            "reply_to": sent.reply_to,
        }
        try:
            reply = await connection.command("message.send", data, connection.waits.probe)
        except Rejected as error:
            alive = not connection.over or isinstance(error, TooLong)
            if sent in self.pending and sent.waits and alive:
                if isinstance(error, Unanswered):
                    connection.probe()
                await self._refused(connection, sent, error)
        else:
            self._answered(connection, sent, reply)

    def _answered(self, connection: Connection, sent: Sent, reply: Data) -> None:
        if reply.get("status") != "accepted":
            self.settle({**reply, "client_id": sent.client_id})
            return
        sent.accept()
        if not sent.waits or sent not in self.pending:
            return  # its outcome came first
        # The event with the outcome may be lost: ask again, ever more seldom; a repeat is harmless.
        wait = connection.waits.answer * 2**sent.asked
        sent.asked += 1
        self._timers[sent] = asyncio.get_running_loop().call_later(wait, self._ask_again, sent)

    def _ask_again(self, sent: Sent) -> None:
        self._timers.pop(sent, None)
        sent.taken = False
        self._go()

    async def _refused(self, connection: Connection, sent: Sent, error: Rejected) -> None:
        # A limit that meets a repeat says nothing about the first copy, which may be in already.
        patient = error.code in LIMITS and (error.retry_after or 0) <= LIMIT_PATIENCE
        limited = error.code in LIMITS and (patient or sent.known)
        if not limited and error.code not in TRANSIENT:
            # One that was accepted may be posted yet: its outcome settles it if it comes.
            if not sent.known:
                self.forget(sent)
            sent.refuse("failed" if sent.known else "rejected", error)
            return
        spent = _now() - sent.since
        longest = BUSY if error.code == "busy" else connection.waits.answer
        if not sent.known and not patient and spent >= longest:
            sent.refuse("failed", error)
        elif not isinstance(error, Unanswered):
            await asyncio.sleep(error.retry_after or min(sent.tries, 5))


def _now() -> float:
    return asyncio.get_running_loop().time()
