"""Who of the rooms is here, kept up in the broker, and the news of it for the rooms."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bus.conf import conf
from bus.messaging import presence_store, publisher
from bus.messaging.event_batch import EventBatch
from bus.messaging.presence_store import PresenceStore
from bus.protocol.errors import Unavailable
from bus.protocol.events import PresenceChanged
from bus.protocol.objects import Author, Presence

logger = logging.getLogger(__name__)

T = TypeVar("T")

# What the broker keeps of a process expires after two and a half of these, in seconds.
_RENEWAL = 6.0
# Changes gather for this long before a room hears of them, in seconds; a reload of a page is none.
_GATHERING = 1.0
# The broker counts a grace by its own clock; we look this much later, in seconds.
_AFTER_GRACE = 0.1
# What a stopping process gives to calls that are under way, in seconds.
_CLOSE_WAIT = 2.0


@dataclass(slots=True)
class _Local:
    """The people of one room that this process has: how many sockets each."""

    name: str
    people: dict[str, Author] = field(default_factory=dict)
    sockets: dict[str, int] = field(default_factory=dict)
    # Who came and went since the broker was called last: True for who is here.
    changed: dict[str, bool] = field(default_factory=dict)
    # The next call to the broker, which takes all of these; one is under way at a time.
    next: asyncio.Task[Presence] | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    publishing: bool = False
    # Whether somebody left whose grace is not over, and whether somebody looks after it.
    departed: bool = False
    looking: bool = False


class PresenceKeeper:
    """Keeps the broker's roster true to the sockets of this process."""

    def __init__(self) -> None:
        # Tells what this process keeps from what others do.
        self._process = uuid.uuid4().hex
        self._rooms: dict[int, _Local] = {}
        self._renewing = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._calls: set[asyncio.Task[Any]] = set()

    async def enter(self, room: int, name: str, key: str, author: Author) -> Presence:
        """Note that a socket entered, and return who is here; those who come together share a round
        trip. Raises Unavailable, and then it did not."""
        try:
            return await asyncio.shield(self.arrive(room, name, key, author))
        except BaseException:
            self.leave(room, key)
            raise

    def arrive(self, room: int, name: str, key: str, author: Author) -> asyncio.Task[Presence]:
        """Note that a socket entered; the broker hears of it soon."""
        local = self._rooms.setdefault(room, _Local(name))
        local.people[key] = author
        local.sockets[key] = local.sockets.get(key, 0) + 1
        local.changed[key] = True
        if not self._renewing:
            self._renewing = True
            _keep(self._tasks, self._renew())
        return self._call(room, local)

    def here(self, room: int) -> int:
        """How many people of a room this process has."""
        return len(self._rooms[room].people) if room in self._rooms else 0

    async def look(self, room: int) -> Presence:
        """Who is in a room; one round trip. Raises Unavailable."""
        found = await presence_store.of(room).attend(self._process, {})
        return Presence(count=found.count, members=found.members)

    def leave(self, room: int, key: str) -> None:
        """Note that a socket left; the broker hears of it soon."""
        local = self._rooms.get(room)
        if local is None or key not in local.sockets:
            return  # this process is closing, and everybody was taken out
        local.sockets[key] -= 1
        if local.sockets[key] == 0:
            del local.sockets[key], local.people[key]
            local.changed[key] = False
            self._call(room, local)

    def rename(self, room: int, key: str, author: Author) -> None:
        """Note that somebody here is called otherwise now."""
        local = self._rooms.get(room)
        if local is not None and local.people.get(key, author) != author:
            local.people[key] = author
            local.changed[key] = True
            self._call(room, local)

    async def close(self) -> None:
        """Take everybody of this process out of every room; who comes back elsewhere never left."""
        for task in list(self._tasks):
            task.cancel()
        if self._calls:
            await asyncio.wait(list(self._calls), timeout=_CLOSE_WAIT)
        rooms, self._rooms = self._rooms, {}
        for room, local in rooms.items():
            try:
                await presence_store.of(room).depart(self._process, local.people)
            except Unavailable:
                return

    def _call(self, room: int, local: _Local) -> asyncio.Task[Presence]:
        """The call that takes all changes up to now to the broker."""
        if local.next is None:
            local.next = _keep(self._calls, self._update_broker(room, local))
        return local.next

    async def _update_broker(self, room: int, local: _Local) -> Presence:
        async with local.turn:
            local.next = None
            changed, local.changed = local.changed, {}
            gone = [key for key, here in changed.items() if not here]
            came = {key: local.people[key] for key, here in changed.items() if here}
            store = presence_store.of(room)
            try:
                if gone:
                    await store.depart(self._process, gone)
                    local.departed = True
                    if not local.looking:
                        local.looking = True
                        _keep(self._tasks, self._look_after_grace(room, local))
                # Last, so that it counts those who left, too.
                found = await store.attend(self._process, came)
            finally:
                # Where the broker is away, those who left expire by themselves.
                if not local.people and local.next is None and self._rooms.get(room) is local:
                    del self._rooms[room]
        self._publish_later(room, local, found.unpublished)
        return Presence(count=found.count, members=found.members)

    async def _look_after_grace(self, room: int, local: _Local) -> None:
        """Publish who left and did not come back; other processes would, later."""
        try:
            while local.departed:
                local.departed = False
                await asyncio.sleep(conf.presence_grace + _AFTER_GRACE)
                found = await presence_store.of(room).attend(self._process, {})
                self._publish_later(room, local, found.unpublished)
        except Unavailable as error:
            logger.debug("Who left %s expires by itself: %s", local.name, error)
        finally:
            local.looking = False

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEWAL)
            for room, local in list(self._rooms.items()):
                try:
                    found = await presence_store.of(room).attend(self._process, dict(local.people))
                except Unavailable as error:
                    logger.warning("Presence could not be renewed: %s", error)
                    break
                except Exception:
                    logger.exception("The presence of room %d could not be renewed.", room)
                else:
                    self._publish_later(room, local, found.unpublished)

    def _publish_later(self, room: int, local: _Local, unpublished: int) -> None:
        if unpublished and not local.publishing:
            local.publishing = True
            _keep(self._tasks, self._publish(room, local))

    async def _publish(self, room: int, local: _Local) -> None:
        """Publish who came and went, unless another process does."""
        try:
            pause = _GATHERING
            while True:
                await asyncio.sleep(pause)
                found = await presence_store.of(room).changes()
                if isinstance(found, presence_store.Changes):
                    break
                pause = found
            if found.joined or found.left:
                # Of a crowd the count alone tells, and once it is none any more, all names.
                few = found.count <= PresenceStore.named_people
                before = found.count - len(found.joined) + len(found.left)
                most = max(before, len(found.joined), len(found.left))
                members = None
                if few and most > PresenceStore.named_people:
                    members = (await presence_store.of(room).attend(self._process, {})).members
                event = PresenceChanged(
                    count=found.count,
                    joined=_named(found.joined) if few else [],
                    left=_named(found.left) if few else [],
                    members=members,
                )
                await publisher.publish(
                    {room: EventBatch(events=[(None, event.frame(local.name))])}
                )
        except Unavailable as error:
            logger.debug("Who came and went in %s is not published: %s", local.name, error)
        finally:
            local.publishing = False


def _named(people: list[Author]) -> list[Author]:
    """These, where they are few: of a crowd that came or went, `members` are who is left."""
    return people if len(people) <= PresenceStore.named_people else []


def _keep(tasks: set[asyncio.Task[Any]], work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Run work, and hold on to it until it is done: the event loop alone would not."""
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    # Who waits for it may be gone when it fails; those who do hear of an outage.
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
