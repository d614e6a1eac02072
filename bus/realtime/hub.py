"""The hub of a web process: one subscription per group, its bytes forwarded to who listens here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, Protocol

from bus.conf import conf
from bus.database.batch_loader import BatchLoader
from bus.messaging import inbox, publisher
from bus.posting import catch_up
from bus.protocol import channel_names
from bus.protocol.errors import Unavailable
from bus.realtime import recovery
from bus.realtime.flush_scheduler import FlushScheduler
from bus.realtime.gap_repair import GapRepair
from bus.realtime.presence import PresenceKeeper
from bus.realtime.recent_messages import EncodedRecovery
from bus.realtime.recovery import RecoveryCache
from bus.realtime.room_subscription import Listener, RoomSubscription
from bus.realtime.topic import AuthorsTopic, Counts, RoomTopic, Topic
from bus.realtime.typing import TypingKeeper

logger = logging.getLogger(__name__)

# A broker that took no subscription within this is away, in seconds.
_LISTEN_TIMEOUT = 5.0
# What a stopping process gives to its last calls to the broker, in seconds.
_CLOSE_WAIT = 2.0
# Of so many messages that cannot be delivered, the log tells of one.
_SAY_EVERY = 1000


class Inbox(Protocol):
    """Where group messages arrive; see bus.messaging.inbox."""

    async def listen(self, group: str) -> None:
        """Hear a group."""

    async def ignore(self, group: str) -> None:
        """Hear a group no more."""

    def deliver_to(self, take: Callable[[dict[str, Any]], None]) -> None:
        """Have each group message taken as it comes."""


# Takes what to call after an outage.
OpenInbox = Callable[[Callable[[], None]], Awaitable[Inbox]]


class Hub:
    """Listens to groups for the sockets of one event loop; a delivery costs no task and no wait."""

    def __init__(self, open_inbox: OpenInbox = inbox.Inbox.open) -> None:
        self.counts = Counts()
        self.presence = PresenceKeeper()
        self.typing = TypingKeeper(self.deliver_locally, self.presence.here)
        self._open_inbox = open_inbox
        self._opening = asyncio.Lock()
        self._inbox: Inbox | None = None
        self._topics: dict[str, Topic] = {}
        # Kept until they are done: the event loop alone would not.
        self._tasks: set[asyncio.Task[None]] = set()
        self.repairs = GapRepair(self._topics, self._spawn)
        self._recovery_cache = RecoveryCache()
        self._heads = BatchLoader(catch_up.heads)
        self._flush_scheduler = FlushScheduler(self._flush)
        # Topics with something to flush, in the order in which it came.
        self._unflushed: dict[Topic, None] = {}

    async def join_room(
        self, room: int, listener: Listener, *, sender_mark: str | None = None
    ) -> RoomSubscription:
        """Listen to a room; its events are held back until the subscription is released.

        A plain-chat socket gives the `sender_mark` of what it writes (channel_names.sender_mark).
        Raises Unavailable.
        """
        group = channel_names.room_group(room)
        topic = self._topics.get(group)
        if topic is None:
            topic = self._topics[group] = RoomTopic(group, room, self.counts, self._needs_flush)
        assert isinstance(topic, RoomTopic)
        subscription = RoomSubscription(room, listener, sender_mark)
        topic.add(subscription)
        try:
            if not topic.listening or topic.lock.locked():
                await self._listen(topic)
        except BaseException:
            self.leave_room(subscription)
            raise
        return subscription

    def position(self, room: int) -> int | None:
        """The newest seq that was delivered to a room here; None where that is not known."""
        topic = self._topics.get(channel_names.room_group(room))
        return topic.sequencer.head if isinstance(topic, RoomTopic) else None

    async def recover(
        self, subscription: RoomSubscription, since: int | None, limit: int | None, least: int = 0
    ) -> EncodedRecovery:
        """What a join is answered of the room's messages; raises Unavailable.

        `least` is a head of the room that was seen in the database: the answer is as new. The
        subscription is to be released with its head before anything else is awaited.
        """
        topic = self._topics.get(channel_names.room_group(subscription.room))
        found = None
        if isinstance(topic, RoomTopic):
            found = await self._recovery_cache.answer(topic, since, limit, least)
        return found or await recovery.read(subscription, since, limit)

    def leave_room(self, subscription: RoomSubscription) -> None:
        """Take a listener out of a room."""
        topic = self._topics.get(channel_names.room_group(subscription.room))
        if isinstance(topic, RoomTopic):
            topic.remove(subscription)
            self._retire(topic)

    async def join_author(self, key: str, listener: Listener) -> None:
        """Listen to what concerns an author alone. Raises Unavailable."""
        group = channel_names.author_group(key)
        topic = self._topics.get(group)
        if topic is None:
            topic = self._topics[group] = AuthorsTopic(group, self.counts, self._needs_flush)
        assert isinstance(topic, AuthorsTopic)
        topic.add(key, listener)
        try:
            if not topic.listening or topic.lock.locked():
                await self._listen(topic)
            else:
                # In an outage no longer, and what an author misses is not repaired.
                await self._hear(topic)
        except BaseException:
            self.leave_author(key, listener)
            raise

    def leave_author(self, key: str, listener: Listener) -> None:
        """Take a listener from an author; does nothing when it is not there."""
        topic = self._topics.get(channel_names.author_group(key))
        if isinstance(topic, AuthorsTopic):
            topic.remove(key, listener)
            self._retire(topic)

    def rooms(self) -> list[int]:
        """The rooms that somebody here listens to."""
        return [topic.room for topic in self._topics.values() if isinstance(topic, RoomTopic)]

    def forget_authors(self, keys: Collection[str]) -> None:
        """Keep nothing that these authors are called: they have other names now."""
        self.typing.forget(keys)
        for topic in self._topics.values():
            if isinstance(topic, RoomTopic):
                topic.recent.forget_authors(keys)

    def deliver_locally(self, room: int, frame: bytes) -> None:
        """Deliver a frame to a room's sessions in this process alone."""
        events = [(None, frame)]
        self._deliver(
            {"type": publisher.ROOM_EVENTS, "room": room, "events": events, "plain": (), "own": ()}
        )

    async def close(self) -> None:
        """Stop listening, and take this process's people out of every room."""
        self._heads.close()
        self._recovery_cache.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_WAIT)
        self.typing.close()
        self._topics.clear()
        self._inbox = None
        await self.presence.close()

    async def _listen(self, topic: Topic) -> None:
        async with topic.lock:
            if topic.listening:
                return
            heard = await self._opened()
            if isinstance(topic, RoomTopic):
                topic.pause()
            try:
                async with asyncio.timeout(_LISTEN_TIMEOUT):
                    await heard.listen(topic.group)
                    if isinstance(topic, RoomTopic):
                        # After the subscription, so that nothing falls between the two.
                        topic.start_from(await self._heads.load(topic.room))
                        topic.resume()
            except TimeoutError as error:
                raise Unavailable from error
            topic.listening = True

    async def _hear(self, topic: Topic) -> None:
        """Raise Unavailable where the broker does not tell us a topic; costs nothing else."""
        heard = await self._opened()
        try:
            async with asyncio.timeout(_LISTEN_TIMEOUT):
                await heard.listen(topic.group)
        except TimeoutError as error:
            raise Unavailable from error

    async def _opened(self) -> Inbox:
        async with self._opening:
            if self._inbox is None:
                self._inbox = await self._open_inbox(self.on_reconnected)
                self._inbox.deliver_to(self._take)
                self._spawn(self._watch())
            return self._inbox

    def on_reconnected(self) -> None:
        """Groups are heard again after an outage: give the rooms what they missed."""
        self._spawn(self.repairs.after_outage())

    async def _watch(self) -> None:
        """Every few seconds: what is missing is repaired, and memory stays within its bounds."""
        while True:
            await asyncio.sleep(conf.position_check)
            try:
                await self.repairs.check()
                rooms = [topic for topic in self._topics.values() if isinstance(topic, RoomTopic)]
                self._recovery_cache.make_room(rooms)
            except Exception:
                logger.exception("The positions of rooms could not be compared.")

    def _needs_flush(self, topic: Topic) -> None:
        self._unflushed[topic] = None
        self._flush_scheduler.schedule()
        if isinstance(topic, RoomTopic) and topic.sequencer.has_gap:
            self.repairs.notice_gap(topic)

    def _flush(self) -> None:
        news, self._unflushed = self._unflushed, {}
        for topic in news:
            topic.flush()

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

    def _take(self, message: dict[str, Any]) -> None:
        """Deliver a group message; one that is broken is logged, and the next one is taken."""
        try:
            self._deliver(message)
        except Exception:
            self.counts.broken += 1
            if self.counts.broken % _SAY_EVERY == 1:
                logger.exception("A group message could not be delivered; the next one may.")

    def _deliver(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == publisher.ROOM_EVENTS:
            group = channel_names.room_group(message["room"])
        elif kind == publisher.AUTHORS_EVENTS:
            self._deliver_to_authors(message["authors"])
            return
        elif kind == publisher.ROOM_TYPING:
            self.typing.receive(message)
            return
        else:
            self.counts.unknown += 1
            logger.warning("A group message of type %r is ignored.", kind)
            return
        topic = self._topics.get(group)
        if isinstance(topic, RoomTopic):
            topic.deliver(message["events"], message["plain"], message["own"])

    def _deliver_to_authors(self, authors: dict[str, list[bytes]]) -> None:
        """All are of one group, and few of them are here."""
        for key in authors:
            topic = self._topics.get(channel_names.author_group(key))
            if isinstance(topic, AuthorsTopic):
                topic.deliver(authors)
            return
