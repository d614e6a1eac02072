"""The rooms that one session is in, and why it is in others no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bus.chat.room_access import RoomAccess
from bus.conf import conf
from bus.protocol.errors import BusError, NotMember
from bus.protocol.types import canonical_name
from bus.realtime.room_subscription import RoomSubscription


@dataclass(slots=True)
class JoinedRoom:
    """A room that the session has joined."""

    access: RoomAccess
    subscription: RoomSubscription


class JoinedRooms:
    """Rooms by name, however a client spells it."""

    __slots__ = ("_joined", "_lost")

    def __init__(self) -> None:
        self._joined: dict[str, JoinedRoom] = {}
        # Why it is in a room no more; as many as it may join.
        self._lost: dict[str, BusError] = {}

    def __len__(self) -> int:
        return len(self._joined)

    def __contains__(self, name: str) -> bool:
        return name in self._joined

    def __iter__(self) -> Iterator[tuple[str, JoinedRoom]]:
        """Each with the name that it is joined under; rooms may leave meanwhile."""
        return iter(list(self._joined.items()))

    def find(self, name: str) -> JoinedRoom | None:
        """The room that is joined under just this name."""
        return self._joined.get(name)

    def require(self, room: str) -> JoinedRoom:
        """A room, however it is spelled; raises NotMember, or why it is left."""
        found = self._joined.get(room) or self._joined.get(self.name_of(room))
        if found is None:
            raise self._lost.get(self.name_of(room)) or NotMember()
        return found

    def name_of(self, room: str) -> str:
        """What a room is called that is, or was, joined; however it is spelled."""
        if room in self._joined or room in self._lost:
            return room
        return canonical_name(room) or room

    def add(self, room: JoinedRoom) -> None:
        """It is in this room from now on."""
        name = room.access.room.name
        self._joined[name] = room
        self._lost.pop(name, None)

    def remove(self, name: str) -> JoinedRoom:
        """It is in this room no more."""
        return self._joined.pop(name)

    def lose(self, name: str, why: BusError) -> None:
        """Say why it is not in this room, to who asks for it."""
        if len(self._lost) >= conf.join_limit:
            self._lost.clear()
        self._lost[name] = why

    def forget_loss(self, name: str) -> None:
        """It is out of this room because it wants to be."""
        self._lost.pop(name, None)
