"""A room: what one does there, and what one hears of it."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable

from bus.client.connection import Connection
from bus.client.constants import NAMES, SEQUENCED
from bus.client.emitter import Emitter
from bus.client.errors import Rejected
from bus.client.frames import Data, Item
from bus.client.message import Message
from bus.client.sent import Sent
from bus.client.sequencer import Callbacks, Joined, Sequencer
from bus.client.stream import Stream
from bus.client.unsettled import Unsettled

TYPING = 3.0  # s between two words of "is typing"
STREAM_LIMIT = 10_000  # items that a slow reader may leave unread


class Room(Emitter):
    """A room of a Bus.

    Listen with `on()` to "message", "edited", "removed", "gap", "presence", "typing", "changed",
    "member", "event", "settled", "joined" and "rejected"; or read `messages()`.
    """

    def __init__(
        self,
        name: str,
        since: int | None,
        ask: Callable[[str, Data], Awaitable[Data]],
        random: Callable[[], float],
        user: Callable[[], int | str | None],
    ) -> None:
        super().__init__()
        self.name = name
        self._ask_bus = ask
        # The id of who one is.
        self._user = user
        self._unsettled = Unsettled(name)
        self._connection: Connection | None = None
        # Why the client is closed for good.
        self._end: Rejected | None = None
        self._sequencer = Sequencer(
            name,
            since,
            random,
            Callbacks(self.emit, self._new_message, self._old_message, self._unsettled.open),
        )
        self._typed = float("-inf")
        self._streams: weakref.WeakSet[Stream[Message]] = weakref.WeakSet()

    @property
    def called(self) -> str | None:
        """What the server calls it, which events bear: lower case, for one."""
        return self._sequencer.called

    @property
    def seq(self) -> int | None:
        """The last seq seen."""
        return self._sequencer.seq

    @property
    def joined(self) -> bool:
        """Whether one is in the room now."""
        return self._sequencer.joined

    # ── What one does there ──────────────────────────────────────────────────────────────────────

    async def join(self) -> Joined:
        """Come in, and stay in over reconnects; raises Rejected where that is refused for good."""
        if self._end is not None:
            raise self._end
        return await self._sequencer.join(self._connection)

    async def leave(self) -> None:
        """Go out."""
        connection = self._connection
        self._sequencer.leave(Rejected("not_member", "You left the room."))
        if connection is None:
            return
        try:
            await self._ask("room.leave")
        finally:
            # The server says what becomes of the rest.
            if self._connection is connection and not self._sequencer.wanted:
                self._unsettled.open(connection)

    def send(self, body: str, *, reply_to: str | None = None, client_id: str | None = None) -> Sent:
        """Send a message; the handle says how it fares. Also without a connection."""
        sent = Sent(body, reply_to, client_id, self._unsettled.add, self._unsettled.forget)
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
        return await self._ask_bus(type, {"room": self.name, **data})

    # ── The connection comes and goes ────────────────────────────────────────────────────────────

    def connected(self, connection: Connection) -> None:
        """There is a connection: come in again, and send what waits."""
        self._connection = connection
        if self._sequencer.wanted:
            self._sequencer.enter(connection)
        else:
            self._unsettled.open(connection)

    def lost(self) -> None:
        """The connection is gone."""
        self._connection = None
        self._sequencer.halt()
        self._unsettled.shut()

    def give_up(self, error: Rejected) -> None:
        """The client is closed for good."""
        self._end = error
        self.lost()
        self._sequencer.refuse_waiting(error)
        self._unsettled.give_up(error)
        for stream in self._streams:
            stream.end()

    def disown(self, error: Rejected) -> None:
        """Somebody else is here now: what waits is not sent in that name."""
        self._unsettled.disown(error)

    # ── Events ───────────────────────────────────────────────────────────────────────────────────

    def take(self, item: Item) -> None:
        """Take an event of the room."""
        if item.type == "message.settled":
            self._unsettled.settle(item.data)
        if item.type not in SEQUENCED:
            self.emit(NAMES.get(item.type, item.type), item.data)
        else:
            self._sequencer.take(item, self._connection)

    def _new_message(self, message: Message) -> None:
        self._old_message(message)
        self.emit("message", message)
        for stream in self._streams:
            stream.put(message)

    def _old_message(self, message: Message) -> None:
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
