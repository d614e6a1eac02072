"""Lets visitors into rooms; those who come together share what the database is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection

from bus.chat import admission_data, rooms
from bus.chat.admission_data import AdmissionData, Asked
from bus.chat.room_access import RoomAccess
from bus.chat.visitors import Visitor
from bus.conf import conf
from bus.database import threads
from bus.database.batch_loader import BatchLoader
from bus.messaging import throttle
from bus.protocol.errors import Conflict, NotFound, RateLimited

# More rooms than this are not kept in mind.
_ROOMS = 10_000
# Rooms that are read together.
_READ = 100

Reads = BatchLoader[Asked, AdmissionData | Conflict]


class _RoomAdmission:
    """The facts of one room: read once for all who wait, and kept for a moment."""

    def __init__(self, name: str, reads: Reads) -> None:
        self._name = name
        self._reads = reads
        self._facts: AdmissionData | None = None
        self._read_at = 0.0
        # Raised by `forget`: what was read before is no longer true.
        self._edition = 0
        self._asked: set[str] = set()
        # The reading under way, and the one after it.
        self._current: asyncio.Task[AdmissionData] | None = None
        self._next: asyncio.Task[AdmissionData] | None = None
        self._reading_lock = asyncio.Lock()
        self._making = asyncio.Lock()

    @property
    def old(self) -> bool:
        """Whether what is kept serves nobody any more."""
        return time.monotonic() - self._read_at > conf.rights_age

    def forget(self) -> None:
        """Read again for whoever comes next: not even a reading under way serves them."""
        self._edition += 1
        self._facts = self._current = None

    async def enter(self, visitor: Visitor, address: str) -> RoomAccess:
        """Let a visitor in, and make the room if there is none and there may be."""
        access = await self._access(visitor)
        if access.room.pk:
            return access
        async with self._making:
            # Who waited finds it made.
            access = await self._access(visitor)
            if not access.room.pk:
                await _make(self._name, visitor, address)
                self.forget()
                access = await self._access(visitor)
        if not access.room.pk:
            raise NotFound
        return access

    async def _access(self, visitor: Visitor) -> RoomAccess:
        rights = (await self._known(visitor)).rights(visitor)
        return rights.admit()

    async def _known(self, visitor: Visitor) -> AdmissionData:
        """The room and what is known of this visitor."""
        key = visitor.key
        while True:
            if self._serves(visitor):
                assert self._facts is not None
                return self._facts
            edition = self._edition
            found = await asyncio.shield(self._reading(key))
            if edition == self._edition and found.knows(key):
                return found

    def _serves(self, visitor: Visitor) -> bool:
        """Whether what is kept will do for this visitor.

        For one who is to find no room it never does: how soon the answer comes would tell whether
        others are in it.
        """
        facts = self._facts
        if facts is None or self.old or not facts.knows(visitor.key):
            return False
        return bool(facts.room.pk) and not facts.rights(visitor).hidden

    def _reading(self, key: str) -> asyncio.Task[AdmissionData]:
        if self._current is not None and key.startswith("g"):
            return self._current
        self._asked.add(key)
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._read())
            # Those who asked may all be gone when it fails.
            self._next.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._next

    async def _read(self) -> AdmissionData:
        async with self._reading_lock:
            self._current, self._next = self._next, None
            asked, self._asked = self._asked, set()
            edition, began = self._edition, time.monotonic()
            try:
                found = await self._reads.load((self._name, frozenset(asked)))
            finally:
                self._current = None
            if isinstance(found, Conflict):
                raise found
            if edition == self._edition:
                self._facts, self._read_at = found, began
            return found


class Admission:
    """Who may enter which room, for all sockets of a process."""

    def __init__(self) -> None:
        # A process to which all its rooms come back at once reads them in a few queries.
        self._reads = Reads(_read, _READ)
        self._rooms: dict[str, _RoomAdmission] = {}

    async def enter(self, name: str, visitor: Visitor, address: str = "") -> RoomAccess:
        """Let a visitor into a room; under BUS_OPEN_ROOMS the first one to come makes it.

        Raises NotFound, Forbidden, Banned, RateLimited or Unavailable.
        """
        found = self._rooms.get(name)
        if found is None:
            if len(self._rooms) >= _ROOMS:
                for other in [other for other, one in self._rooms.items() if one.old]:
                    del self._rooms[other]
            found = self._rooms[name] = _RoomAdmission(name, self._reads)
        return await found.enter(visitor, address)

    def close(self) -> None:
        """Read no more."""
        self._reads.close()

    def forget(self) -> None:
        """Rights changed somewhere: who joins from now on is looked up again."""
        for found in self._rooms.values():
            found.forget()


def _read(asked: Collection[Asked]) -> dict[Asked, AdmissionData | Conflict]:
    return admission_data.read(asked)


async def _make(name: str, visitor: Visitor, address: str) -> None:
    try:
        await throttle.take(throttle.new_room(visitor.key, address))
    except RateLimited as error:
        text = "Too many rooms were made; this one has to wait."
        raise RateLimited(text, retry_after=error.retry_after) from error
    await threads.run(rooms.make_open, name)
