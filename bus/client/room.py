"""A room: its events in the order of `seq`, without holes or repeats, and what is sent to it."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bus.client.connection import ANSWER, Connection
from bus.client.constants import LIMITS, NAMES, SEQUENCED, TRANSIENT
from bus.client.emitter import Emitter
from bus.client.errors import Rejected, Unanswered
from bus.client.frames import Data, Item
from bus.client.message import Message, Removal
from bus.client.sent import Sent
from bus.client.stream import Stream
from bus.client.unsettled import Unsettled

HOLE = 0.4  # s, about, that a hole in `seq` has to fill itself; doubles while it does not
TYPING = 3.0  # s between two words of "is typing"
STREAM_LIMIT = 10_000  # items that a slow reader may leave unread


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


class Room(Emitter):
    """A room of a Bus.

    Listen with `on()` to "message", "edited", "removed", "gap", "presence", "typing", "changed",
    "member", "event", "settled", "joined" and "rejected"; or read `messages()`.
    """

    def __init__(
        self,
        name: str,
        since: int | None,
        ask: Callable[[str, Data, float], Awaitable[Data]],
        random: Callable[[], float],
        user: Callable[[], int | str | None],
    ) -> None:
        super().__init__()
        self.name = name
        # What the server calls it, which events bear: lower case, for one.
        self.called: str | None = None
        # The last seq seen.
        self.seq = since
        self.joined = False
        self._ask_bus = ask
        self._random = random
        # The id of who one is.
        self._user = user
        self._unsettled = Unsettled(name)
        self._connection: Connection | None = None
        # Why the client is closed for good.
        self._end: Rejected | None = None
        self._wanted = False
        # Events that wait for the reply to a join, or for a hole to fill.
        self._buffer: list[Item] | None = None
        self._waiting: list[asyncio.Future[Joined]] = []
        self._task: asyncio.Task[None] | None = None
        # Holes in a row that a join did not fill.
        self._gaps = 0
        self._typed = float("-inf")
        self._streams: weakref.WeakSet[Stream[Message]] = weakref.WeakSet()

    # ── What one does there ──────────────────────────────────────────────────────────────────────

    async def join(self) -> Joined:
        """Come in, and stay in over reconnects; raises Rejected where that is refused for good."""
        if self._end is not None:
            raise self._end
        self._wanted = True
        waiter: asyncio.Future[Joined] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if self._connection is not None and self._buffer is None:
            self._enter(self._connection)
        return await waiter

    async def leave(self) -> None:
        """Go out."""
        self._wanted = False
        connection = self._connection
        self._halt()
        self._refuse_waiting(Rejected("not_member", "You left the room."))
        if connection is None:
            return
        try:
            await self._ask("room.leave")
        finally:
            # The server says what becomes of the rest.
            if self._connection is connection and not self._wanted:
                self._unsettled.open(connection)

    def send(self, body: str, *, reply_to: str | None = None, client_id: str | None = None) -> Sent:
        """Send a message; the handle says how it fares. Also without a connection."""
        sent = Sent(body, reply_to, client_id, self._unsettled.add)
        self._unsettled.add(sent)
        return sent

    @property
    def pending(self) -> list[Sent]:
        """What was sent and is not settled: queued, sending, held or failed."""
        return list(self._unsettled.pending)

    def messages(self, limit: int = STREAM_LIMIT) -> Stream[Message]:
        """All messages from now on, in order, each once."""
        stream: Stream[Message] = Stream(limit)
        self._streams.add(stream)
        if self._end is not None:
            stream.end()
        return stream

    async def history(
        self, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> tuple[list[Message], bool]:
        """A page of older or newer messages, oldest first, and whether there are more."""
        page = await self._ask("history.list", before=before, after=after, limit=limit)
        return [Message.from_wire(each) for each in page["messages"]], bool(page["more"])

    async def edit(self, id: str, body: str) -> Data:
        """Change the text of a message of one's own."""
        return await self._ask("message.edit", id=id, body=body)

    async def delete(self, id: str) -> Data:
        """Take a message away."""
        return await self._ask("message.delete", id=id)

    async def report(self, id: str, reason: str) -> Data:
        """Tell the moderators of a message."""
        return await self._ask("message.report", id=id, reason=reason)

    async def read(self, seq: int | None = None) -> Data:
        """Mark the room as read, up to `seq` or the newest message."""
        return await self._ask("read.mark", seq=self.seq if seq is None else seq)

    async def typing(self) -> None:
        """Say that one is typing; more often than once in 3 s it says nothing."""
        now = asyncio.get_running_loop().time()
        if now - self._typed >= TYPING:
            self._typed = now
            await self._ask("typing.start")

    async def _ask(self, type: str, **data: object) -> Data:
        return await self._ask_bus(type, {"room": self.name, **data}, ANSWER)

    # ── The connection comes and goes ────────────────────────────────────────────────────────────

    def connected(self, connection: Connection) -> None:
        """There is a connection: come in again, and send what waits."""
        self._connection = connection
        if self._wanted:
            self._enter(connection)
        else:
            self._unsettled.open(connection)

    def lost(self) -> None:
        """The connection is gone."""
        self._connection = None
        self._stop()

    def give_up(self, error: Rejected) -> None:
        """The client is closed for good."""
        self._end = error
        self.lost()
        self._refuse_waiting(error)
        self._unsettled.give_up(error)
        for stream in self._streams:
            stream.end()

    def disown(self, error: Rejected) -> None:
        """Somebody else is here now: what waits is not sent in that name."""
        self._unsettled.disown(error)

    def _stop(self) -> None:
        self._halt()
        self._unsettled.shut()

    def _halt(self) -> None:
        self.joined = False
        self._buffer = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _refuse_waiting(self, error: Rejected) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_exception(error)

    # ── Joining ──────────────────────────────────────────────────────────────────────────────────

    def _enter(self, connection: Connection) -> None:
        self._buffer = self._buffer or []
        self.joined = False
        self._task = asyncio.get_running_loop().create_task(self._join(connection))

    async def _join(self, connection: Connection) -> None:
        since = self.seq
        data = {"room": self.name, "since": since}
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
        self._wanted = False
        self._task = None  # this one, which ends here
        self._halt()
        self._refuse_waiting(error)
        self.emit("rejected", error)
        self._unsettled.open(connection)

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
            self.emit("gap", Gap(since, joined.seq, joined.messages))
        for message in joined.messages:
            if since is None:
                self._own(message)
            elif message.removed:
                self.emit("removed", Removal(message.id, message.changed, message.removed_by))
            elif message.seq > since:
                self._tell(message)
            elif joined.recovered:
                self.emit("edited", message)
        self.seq = joined.seq
        self.called = joined.room.get("name")
        self.emit("joined", joined)
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(joined)

    def _release(self, connection: Connection) -> None:
        buffer, self._buffer = self._buffer or [], None
        self.joined = True
        for item in sorted(buffer, key=lambda item: item.seq):
            self.take(item)
        self._unsettled.open(connection)

    # ── Events ───────────────────────────────────────────────────────────────────────────────────

    def take(self, item: Item) -> None:
        """Take an event of the room."""
        if item.type == "message.settled":
            self._unsettled.settle(item.data)
        if item.type not in SEQUENCED:
            self.emit(NAMES.get(item.type, item.type), item.data)
        elif self._buffer is not None:
            self._buffer.append(item)
        elif self.joined and self.seq is not None and item.seq > self.seq:
            if item.seq > self.seq + 1:
                self._hole(item)
                return
            self._gaps = 0
            self.seq = item.seq
            self._change(item)

    def _change(self, item: Item) -> None:
        if item.type == "message.removed":
            by, reason = item.data.get("by"), item.data.get("reason")
            self.emit("removed", Removal(item.data["id"], item.seq, by, reason))
        elif item.type == "message.edited":
            self.emit("edited", Message.from_wire(item.data))
        else:
            self._tell(Message.from_wire(item.data))

    def _tell(self, message: Message) -> None:
        self._own(message)
        self.emit("message", message)
        for stream in self._streams:
            stream.put(message)

    def _own(self, message: Message) -> None:
        # Anybody may send a message with the client_id of another's.
        if message.client_id and message.author.id == self._user():
            self._unsettled.settle(
                {
                    "client_id": message.client_id,
                    "status": "posted",
                    "id": message.id,
                    "seq": message.seq,
                }
            )

    def _hole(self, item: Item) -> None:
        self._buffer = [item]
        assert self._connection is not None
        self._task = asyncio.get_running_loop().create_task(self._mend(item, self._connection))

    async def _mend(self, item: Item, connection: Connection) -> None:
        # The server mends most holes unasked, and a thousand clients must not all ask at once.
        await asyncio.sleep(HOLE * (0.5 + self._random()) * 2 ** min(self._gaps, 5))
        self._gaps += 1
        since = self.seq or 0
        filled = any(each.seq == since + 1 for each in self._buffer or [])
        if filled and not self._waiting:
            self._release(connection)
            return
        self.emit("gap", Gap(since, item.seq))
        self._enter(connection)
