"""A room's events in the order of `seq`, without holes or repeats, over joins and reconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bus.client.connection import Connection
from bus.client.constants import LIMITS, TRANSIENT
from bus.client.errors import Rejected, Unanswered
from bus.client.frames import Data, Item
from bus.client.message import Message, Removal

HOLE = 0.4  # s, about, that a hole in `seq` has to fill itself; doubles while it does not


@dataclass(frozen=True, slots=True)
class Joined:
    """What a room says to who comes in."""

    seq: int
    recovered: bool
    messages: list[Message]
    # The room, one's own role in it, and who else is there, as on the wire.
    room: Data = field(default_factory=dict)
    you: Data = field(default_factory=dict)
    presence: Data = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something was missed: with `messages`, too much, and these are the newest."""

    since: int
    seq: int
    messages: list[Message] | None = None


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What is called of what happens in the room, each once and in order."""

    # A change, a gap, a join or a refusal, by its name.
    emit: Callable[[str, Any], None]
    # A message is new.
    new_message: Callable[[Message], None]
    # A message was there before, perhaps one's own.
    old_message: Callable[[Message], None]
    # The server has told all that it had to say of one's own: the rest may be sent.
    open: Callable[[Connection], None]


class Sequencer:
    """Keeps a room joined, and its events in order, while it is wanted."""

    def __init__(
        self, name: str, since: int | None, random: Callable[[], float], callbacks: Callbacks
    ) -> None:
        self._name = name
        # What the server calls it, which events bear: lower case, for one.
        self.called: str | None = None
        # The last seq seen.
        self.seq = since
        self.joined = False
        self.wanted = False
        self._random = random
        self._call = callbacks
        # Events that wait for the reply to a join, or for a hole to fill.
        self._buffer: list[Item] | None = None
        self._waiting: list[asyncio.Future[Joined]] = []
        self._task: asyncio.Task[None] | None = None
        # Holes in a row that a join did not fill.
        self._gaps = 0

    async def join(self, connection: Connection | None) -> Joined:
        """Come in, now or with the next connection; raises Rejected where that is refused."""
        self.wanted = True
        waiter: asyncio.Future[Joined] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if connection is not None and self._buffer is None:
            self.enter(connection)
        return await waiter

    def enter(self, connection: Connection) -> None:
        """Join on this connection, from the last seq seen."""
        self._buffer = self._buffer or []
        self.joined = False
        self._task = asyncio.get_running_loop().create_task(self._join(connection))

    def leave(self, error: Rejected) -> None:
        """Be in the room no more; who waits for a join is told."""
        self.wanted = False
        self.halt()
        self.refuse_waiting(error)

    def halt(self) -> None:
        """Hear nothing more until the next join."""
        self.joined = False
        self._buffer = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def refuse_waiting(self, error: Rejected) -> None:
        """Whoever waits for a join is told that there will be none."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_exception(error)

    def take(self, item: Item, connection: Connection | None) -> None:
        """Take an event that has a place in the order."""
        if self._buffer is not None:
            self._buffer.append(item)
        elif self.joined and self.seq is not None and item.seq > self.seq:
            if item.seq > self.seq + 1:
                self._hole(item, connection)
                return
            self._gaps = 0
            self.seq = item.seq
            self._change(item)

    async def _join(self, connection: Connection) -> None:
        since = self.seq
        data = {"room": self._name, "since": since}
        while True:
            try:
                reply = await connection.command("room.join", data)
                break
            except Rejected as error:
                if isinstance(error, Unanswered):
                    connection.probe()
                elif error.code not in TRANSIENT | LIMITS:
                    self._refused(error, connection)
                    return
                await asyncio.sleep(error.retry_after or 1 + 4 * self._random())
        self._entered(reply, since)
        self._release(connection)

    def _refused(self, error: Rejected, connection: Connection) -> None:
        self._task = None  # this one, which ends here
        self.leave(error)
        self._call.emit("rejected", error)
        self._call.open(connection)

    def _entered(self, reply: Data, since: int | None) -> None:
        joined = Joined(
            seq=reply["seq"],
            recovered=reply.get("recovered", True),
            messages=[Message.from_wire(each) for each in reply.get("messages", [])],
            room=reply.get("room") or {},
            you=reply.get("you") or {},
            presence=reply.get("presence") or {},
        )
        if since is not None and not joined.recovered:
            self._call.emit("gap", Gap(since, joined.seq, joined.messages))
        for message in joined.messages:
            if since is None:
                self._call.old_message(message)
            elif message.removed:
                self._call.emit("removed", Removal(message.id, message.changed, message.removed_by))
            elif message.seq > since:
                self._call.new_message(message)
            elif joined.recovered:
                self._call.emit("edited", message)
        self.seq = joined.seq
        self.called = joined.room.get("name")
        self._call.emit("joined", joined)
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(joined)

    def _release(self, connection: Connection) -> None:
        buffer, self._buffer = self._buffer or [], None
        self.joined = True
        for item in sorted(buffer, key=lambda item: item.seq):
            self.take(item, connection)
        self._call.open(connection)

    def _change(self, item: Item) -> None:
        if item.type == "message.removed":
            by, reason = item.data.get("by"), item.data.get("reason")
            self._call.emit("removed", Removal(item.data["id"], item.seq, by, reason))
        elif item.type == "message.edited":
            self._call.emit("edited", Message.from_wire(item.data))
        else:
            self._call.new_message(Message.from_wire(item.data))

    def _hole(self, item: Item, connection: Connection | None) -> None:
        self._buffer = [item]
        assert connection is not None
        self._task = asyncio.get_running_loop().create_task(self._mend(item, connection))

    async def _mend(self, item: Item, connection: Connection) -> None:
        # The server mends most holes unasked, and a thousand clients must not all ask at once.
        await asyncio.sleep(HOLE * (0.5 + self._random()) * 2 ** min(self._gaps, 5))
        self._gaps += 1
        since = self.seq or 0
        filled = any(each.seq == since + 1 for each in self._buffer or [])
        if filled and not self._waiting:
            self._release(connection)
            return
        self._call.emit("gap", Gap(since, item.seq))
        self.enter(connection)
