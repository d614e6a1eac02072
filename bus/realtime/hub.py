"""The hub of a web process: one subscription per group, its bytes forwarded to who listens here."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from bus import names, publisher
from bus.errors import Unavailable
from bus.realtime.presence import PresenceKeeper
from bus.realtime.topic import AuthorTopic, Counts, Listener, RoomTopic, Seat, Topic

logger = logging.getLogger(__name__)

# A broker that took no subscription within this is away, in seconds.
_LISTEN_TIMEOUT = 5.0
# What a stopping process gives to its last calls to the broker, in seconds.
_CLOSE_WAIT = 2.0
# Between bad messages in a row the reader pauses, doubling from this up to that, in seconds.
_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 1.0

T = TypeVar("T", bound=Topic)
# A room's id and a seq → its events after that, None where they are too many.
Missed = Callable[[int, int], Awaitable[publisher.Bulletin | None]]


class Inbox(Protocol):
    """Where group messages arrive; see publisher.Inbox."""

    async def listen(self, group: str) -> None:
        """Hear a group."""

    async def ignore(self, group: str) -> None:
        """Hear a group no more."""

    async def receive(self) -> dict[str, Any]:
        """The next group message."""


# Takes what to call after an outage.
OpenInbox = Callable[[Callable[[], None]], Awaitable[Inbox]]


class Hub:
    """Listens to groups for the sockets of one event loop; a delivery costs no task and no wait."""

    def __init__(
        self,
        open_inbox: OpenInbox = publisher.Inbox.open,
        missed: Missed | None = None,
    ) -> None:
        """`missed` reads what a room's listeners missed in an outage; see `repair_with`."""
        self.counts = Counts()
        self.presence = PresenceKeeper()
        self._open_inbox = open_inbox
        self._missed = missed
        self._opening = asyncio.Lock()
        self._inbox: Inbox | None = None
        self._topics: dict[str, Topic] = {}
        # Kept until they are done: the event loop alone would not.
        self._tasks: set[asyncio.Task[None]] = set()

    async def join_room(self, room: int, listener: Listener, *, mark: str | None = None) -> Seat:
        """Listen to a room; events are held back until the seat is released. Raises Unavailable.

        A plain socket gives the `mark` that its client_ids begin with.
        """
        topic = self._topic(names.room_group(room), RoomTopic)
        topic.room = room
        seat = Seat(topic, listener, mark)
        topic.add(seat)
        try:
            await self._listen(topic)
        except BaseException:
            self.leave_room(seat)
            raise
        return seat

    def leave_room(self, seat: Seat) -> None:
        """Take a listener out of a room."""
        seat.topic.remove(seat)
        self._retire(seat.topic)

    async def join_author(self, key: str, listener: Listener) -> None:
        """Listen to what concerns an author alone. Raises Unavailable."""
        topic = self._topic(names.author_group(key), AuthorTopic)
        topic.sessions.add(listener)
        try:
            await self._listen(topic)
        except BaseException:
            self.leave_author(key, listener)
            raise

    def leave_author(self, key: str, listener: Listener) -> None:
        """Take a listener from an author; does nothing when it is not there."""
        topic = self._topics.get(names.author_group(key))
        if isinstance(topic, AuthorTopic):
            topic.sessions.discard(listener)
            self._retire(topic)

    async def close(self) -> None:
        """Stop listening, and take this process's people out of every room."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_WAIT)
        self._topics.clear()
        self._inbox = None
        await self.presence.close()

    def _topic(self, group: str, kind: type[T]) -> T:
        topic = self._topics.get(group)
        if topic is None:
            topic = self._topics[group] = kind(group)
        assert isinstance(topic, kind)
        return topic

    async def _listen(self, topic: Topic) -> None:
        async with topic.lock:
            if not topic.listening:
                inbox = await self._opened()
                topic.begin()
                try:
                    async with asyncio.timeout(_LISTEN_TIMEOUT):
                        await inbox.listen(topic.group)
                except TimeoutError as error:
                    raise Unavailable from error
                topic.listening = True

    async def _opened(self) -> Inbox:
        async with self._opening:
            if self._inbox is None:
                self._inbox = await self._open_inbox(self.heard_again)
                self._spawn(self._read(self._inbox))
            return self._inbox

    def heard_again(self) -> None:
        """Groups are heard again after an outage: give the rooms what they missed."""
        self._spawn(self._repair())

    async def _repair(self) -> None:
        rooms = [t for t in self._topics.values() if isinstance(t, RoomTopic) and t.listening]
        for topic in rooms:
            topic.pause()
        for topic in rooms:
            try:
                since = topic.position
                found = None
                if self._missed is not None and since is not None:
                    found = await self._missed(topic.room, since)
            except Exception:
                logger.exception("%s could not be repaired; its sockets come back.", topic.group)
                found = None
            if found is None:
                topic.fail()
            else:
                self.counts.repaired += len(found.events)
                topic.deliver_missed(found.events, found.plain, self.counts)
            topic.resume(self.counts)

    def _retire(self, topic: Topic) -> None:
        """End a subscription that nobody wants, without making who leaves wait for it."""
        if not topic.wanted:
            self._spawn(self._ignore(topic))

    async def _ignore(self, topic: Topic) -> None:
        async with topic.lock:
            if topic.wanted:
                return
            try:
                if self._inbox is not None:
                    await self._inbox.ignore(topic.group)
            except Unavailable as error:
                logger.debug("%s is still heard: %s", topic.group, error)
            topic.listening = False
            if not topic.wanted and self._topics.get(topic.group) is topic:
                del self._topics[topic.group]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, inbox: Inbox) -> None:
        """Deliver what arrives; what is broken is logged, and reading goes on."""
        pause = _FIRST_PAUSE
        while True:
            try:
                self._deliver(await inbox.receive())
                pause = _FIRST_PAUSE
            except Exception:
                logger.exception("A group message could not be delivered; the next one may.")
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _deliver(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == publisher.ROOM_EVENTS:
            group = names.room_group(message["room"])
        elif kind == publisher.AUTHOR_EVENTS:
            group = names.author_group(message["author"])
        else:
            self.counts.unknown += 1
            logger.warning("A group message of type %r is ignored.", kind)
            return
        topic = self._topics.get(group)
        if topic is not None:
            topic.deliver(message["events"], message["plain"], message["own"], self.counts)


class _Repair:
    """How the hubs of this process read what was missed."""

    missed: Missed | None = None


def repair_with(missed: Missed) -> None:
    """Have every hub made from now on read what a room missed by this."""
    _Repair.missed = staticmethod(missed)


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None:
        found = _hubs[loop] = Hub(missed=_Repair.missed)
    return found


async def close() -> None:
    """Close the running event loop's hub, if it has one."""
    found = _hubs.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()
