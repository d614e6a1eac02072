"""Who of the rooms is here, kept up in the broker, and the news of it for the rooms."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from bus import publisher
from bus.errors import Unavailable
from bus.protocol import Author, Presence, PresenceChanged
from bus.publisher import Bulletin

logger = logging.getLogger(__name__)

# What the broker keeps of a process expires after nearly two of these, in seconds.
_RENEWAL = 10.0
# Changes gather for this long before a room is told, in seconds; a reload of a page is none.
_GATHERING = 1.0
# What a stopping process gives to departures that are under way, in seconds.
_CLOSE_WAIT = 2.0


@dataclass(slots=True)
class _Local:
    """The people of one room that this process has: how many sockets each."""

    name: str
    people: dict[str, Author] = field(default_factory=dict)
    sockets: dict[str, int] = field(default_factory=dict)
    telling: bool = False


class PresenceKeeper:
    """Keeps the broker's roster true to the sockets of this process."""

    def __init__(self) -> None:
        # Tells what this process keeps from what others do.
        self._process = uuid.uuid4().hex
        self._rooms: dict[int, _Local] = {}
        self._renewing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._departures: set[asyncio.Task[None]] = set()

    async def enter(self, room: int, name: str, key: str, author: Author) -> Presence:
        """Note that a socket entered; one round trip. Raises Unavailable, and then it did not."""
        local = self._rooms.setdefault(room, _Local(name))
        local.people[key] = author
        local.sockets[key] = local.sockets.get(key, 0) + 1
        if not self._renewing:
            self._renewing = True
            _keep(self._tasks, self._renew())
        try:
            found = await publisher.roster(room).attend(self._process, {key: author})
        except BaseException:
            self.leave(room, key)
            raise
        self._tell_later(room, local, found.untold)
        return Presence(count=found.count, members=found.members)

    async def look(self, room: int) -> Presence:
        """Who is in a room; one round trip. Raises Unavailable."""
        found = await publisher.roster(room).attend(self._process, {})
        return Presence(count=found.count, members=found.members)

    def leave(self, room: int, key: str) -> None:
        """Note that a socket left; the broker hears of it soon."""
        local = self._rooms.get(room)
        if local is None or key not in local.sockets:
            return  # this process is closing, and everybody was taken out
        local.sockets[key] -= 1
        if local.sockets[key] == 0:
            del local.sockets[key], local.people[key]
            if not local.people:
                del self._rooms[room]
            _keep(self._departures, self._depart(room, local, key))

    async def close(self) -> None:
        """Take everybody of this process out of every room."""
        for task in list(self._tasks):
            task.cancel()
        if self._departures:
            await asyncio.wait(list(self._departures), timeout=_CLOSE_WAIT)
        rooms, self._rooms = self._rooms, {}
        for room, local in rooms.items():
            try:
                await publisher.roster(room).depart(self._process, local.people)
            except Unavailable:
                return

    async def _depart(self, room: int, local: _Local, key: str) -> None:
        # Nothing is awaited between this look and the sending, so an entering cannot be undone.
        if key in self._rooms.get(room, local).people:
            return
        try:
            found = await publisher.roster(room).depart(self._process, [key])
        except Unavailable as error:
            logger.debug("%s expires in %s by itself: %s", key, local.name, error)
        else:
            self._tell_later(room, local, found.untold)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEWAL)
            for room, local in list(self._rooms.items()):
                try:
                    found = await publisher.roster(room).attend(self._process, dict(local.people))
                except Unavailable as error:
                    logger.warning("Presence could not be renewed: %s", error)
                    break
                except Exception:
                    logger.exception("The presence of room %d could not be renewed.", room)
                else:
                    self._tell_later(room, local, found.untold)

    def _tell_later(self, room: int, local: _Local, untold: int) -> None:
        if untold and not local.telling:
            local.telling = True
            _keep(self._tasks, self._tell(room, local))

    async def _tell(self, room: int, local: _Local) -> None:
        """Tell the room who came and went, unless another process does."""
        try:
            pause = _GATHERING
            while True:
                await asyncio.sleep(pause)
                found = await publisher.roster(room).changes()
                if isinstance(found, publisher.Changes):
                    break
                pause = found
            if found.joined or found.left:
                event = PresenceChanged(count=found.count, joined=found.joined, left=found.left)
                await publisher.publish({room: Bulletin(events=[(None, event.frame(local.name))])})
        except Unavailable as error:
            logger.debug("%s is not told who came and went: %s", local.name, error)
        finally:
            local.telling = False


def _keep(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    """Run work, and hold on to it until it is done: the event loop alone would not."""
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
