"""Lets visitors into rooms; those who come together share what the database is asked."""

from __future__ import annotations

import asyncio
import time
import weakref

from bus.chat import admission_data, rooms
from bus.chat.admission_data import AdmissionData
from bus.chat.room_access import RoomAccess
from bus.chat.visitors import Visitor
from bus.conf import conf
from bus.database import threads
from bus.messaging import throttle
from bus.protocol.errors import NotFound, RateLimited

# More rooms than this are not kept in mind.
_DOORS = 10_000


class _Door:
    """The facts of one room: read once for all who wait, and kept for a moment."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._facts: AdmissionData | None = None
        self._read_at = 0.0
        # Raised by `forget`: what was read before is no longer true.
        self._edition = 0
        self._asked: set[str] = set()
        # The reading under way, and the one after it.
        self._current: asyncio.Task[AdmissionData] | None = None
        self._next: asyncio.Task[AdmissionData] | None = None
        self._turn = asyncio.Lock()
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
        entry = await self._entry(visitor)
        if entry.room.pk:
            return entry
        async with self._making:
            # Who waited finds it made.
            entry = await self._entry(visitor)
            if not entry.room.pk:
                await _make(self._name, visitor, address)
                self.forget()
                entry = await self._entry(visitor)
        if not entry.room.pk:
            raise NotFound
        return entry

    async def _entry(self, visitor: Visitor) -> RoomAccess:
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
        async with self._turn:
            self._current, self._next = self._next, None
            asked, self._asked = self._asked, set()
            edition, began = self._edition, time.monotonic()
            try:
                found = await threads.run(admission_data.read, self._name, asked)
            finally:
                self._current = None
            if edition == self._edition:
                self._facts, self._read_at = found, began
            return found


_doors: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Door]] = (
    weakref.WeakKeyDictionary()
)


async def enter(name: str, visitor: Visitor, address: str = "") -> RoomAccess:
    """Let a visitor into a room; under BUS_OPEN_ROOMS the first one to come makes it.

    Raises NotFound, Forbidden, Banned, RateLimited or Unavailable.
    """
    doors = _doors.setdefault(asyncio.get_running_loop(), {})
    found = doors.get(name)
    if found is None:
        if len(doors) >= _DOORS:
            for other in [other for other, one in doors.items() if one.old]:
                del doors[other]
        found = doors[name] = _Door(name)
    return await found.enter(visitor, address)


async def _make(name: str, visitor: Visitor, address: str) -> None:
    try:
        await throttle.take(throttle.new_room(visitor.key, address))
    except RateLimited as error:
        text = "Too many rooms were made; this one has to wait."
        raise RateLimited(text, retry_after=error.retry_after) from error
    await threads.run(rooms.make_open, name)


def forget(name: str | None = None) -> None:
    """Rights changed in a room, or anywhere: who joins from now on is looked up again."""
    for doors in _doors.values():
        for room, found in doors.items():
            if name is None or room == name:
                found.forget()
