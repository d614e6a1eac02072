"""The sockets of a process by what their rights depend on, and which of them are to be checked."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from bus.chat.logins import Login
from bus.chat.room_access import RoomAccess
from bus.chat.room_rights import Rights
from bus.chat.user_adapter import Profile
from bus.chat.visitors import Visitor
from bus.protocol.errors import BusError
from bus.protocol.types import RoomAuthor

# A change is remembered for this long, for sockets whose rights were being read when it came: they
# are checked once they are known here. In seconds.
_RECENT = 30.0
# Sockets that are checked with one set of queries.
_CHUNK = 500

# What a socket depends on: ("author", key), ("login", digest), ("room", id), ("member", id, key),
# ("network", digest).
Dependency = tuple[str, str] | tuple[str, int] | tuple[str, int, str]


class WatchedSocket(Protocol):
    """A socket, as who watches its rights sees it."""

    visitor: Visitor
    login: Login | None
    token_password: int | None

    def accesses(self) -> dict[int, RoomAccess]:
        """What it keeps of the visitor's rights, by room id."""

    def refresh(self, access: RoomAccess, right: Rights) -> None:
        """Keep other rights in a room that it is in."""

    def lose(
        self, room_id: int, error: BusError, right: Rights | None, *, reason: str = "not_found"
    ) -> None:
        """Be in a room no more; `reason` is for a room that is not there, where `right` is None."""

    def notify(self, right: Rights) -> None:
        """Let the visitor know what they are now in a room that it is not in."""

    def rename(self, profile: Profile) -> None:
        """The visitor is shown like this from now on."""

    def end(self, code: int) -> None:
        """Close."""


@dataclass(frozen=True, slots=True)
class Check:
    """Sockets that are checked together, and whose rights are read for it."""

    # Each with who it was then: one that shows a token meanwhile is somebody else.
    sockets: dict[WatchedSocket, Visitor]
    # Who was named in which room, whether a socket is in it or not.
    named: set[RoomAuthor]
    # These, and everybody in the rooms that they are in.
    room_authors: set[RoomAuthor]


class WatchedSockets:
    """Finds the sockets that a change concerns, and keeps them until they are taken for a check."""

    def __init__(self) -> None:
        # Set while somebody may be wanted.
        self.work = asyncio.Event()
        self._sockets: dict[Dependency, set[WatchedSocket]] = {}
        self._recent: dict[Dependency, float] = {}
        # Who is to be checked, and who was named in a room and may have no entry here.
        self._wanted: set[WatchedSocket] = set()
        self._named: set[RoomAuthor] = set()

    def __contains__(self, socket: WatchedSocket) -> bool:
        return socket in self._sockets.get(("author", socket.visitor.key), ())

    def add(self, socket: WatchedSocket) -> None:
        """Know a socket from now on."""
        for dependency in _dependencies(socket):
            self._keep(socket, dependency)

    def remove(self, socket: WatchedSocket) -> None:
        """Forget a socket; call it while the socket is still in its rooms."""
        for room_id in socket.accesses():
            self.left(socket, room_id)
        for dependency in _dependencies(socket):
            self._drop(socket, dependency)
        self._wanted.discard(socket)

    def entered(self, socket: WatchedSocket, room_id: int) -> None:
        """A socket is let into this room."""
        self._keep(socket, ("room", room_id))
        if self._is_recent(("member", room_id, socket.visitor.key)):
            self._want([socket])

    def left(self, socket: WatchedSocket, room_id: int) -> None:
        """A socket is in this room no more."""
        self._drop(socket, ("room", room_id))

    def is_logged_out(self, socket: WatchedSocket) -> bool:
        """Whether the login that it was opened with ended a moment ago."""
        return socket.login is not None and self._is_recent(("login", socket.login.digest))

    def want_all(self) -> None:
        """Everybody is to be checked."""
        for dependency, sockets in self._sockets.items():
            if dependency[0] == "author":
                self._want(sockets)

    def want_changed(self, message: dict[str, Any]) -> None:
        """Whoever depends on what a group message names is to be checked."""
        self._forget_old()
        members: list[RoomAuthor] = [(room_id, key) for room_id, key in message["places"]]
        self._named.update(m for m in members if ("author", m[1]) in self._sockets)
        now = time.monotonic()
        for dependency in _named_in(message):
            self._recent[dependency] = now
            self._want(self._sockets.get(dependency, ()))
        for room_id, key in members:
            self._recent["member", room_id, key] = now
            self._want(self._sockets.get(("author", key), ()))

    def take(self) -> Check | None:
        """Some of those who are to be checked; None when there are no more."""
        sockets = {socket: socket.visitor for socket in islice(self._wanted, _CHUNK)}
        if not sockets:
            return None
        keys = {visitor.key for visitor in sockets.values()}
        named = {member for member in self._named if member[1] in keys}
        entered = {(id, visitor.key) for s, visitor in sockets.items() for id in s.accesses()}
        self._wanted.difference_update(sockets)
        self._named -= named
        return Check(sockets, named, named | entered)

    def put_back(self, check: Check) -> None:
        """They could not be checked, and still are to be."""
        self._named |= check.named
        self._want(socket for socket in check.sockets if socket in self)

    def _keep(self, socket: WatchedSocket, dependency: Dependency) -> None:
        self._sockets.setdefault(dependency, set()).add(socket)
        if self._is_recent(dependency):
            self._want([socket])

    def _drop(self, socket: WatchedSocket, dependency: Dependency) -> None:
        found = self._sockets.get(dependency)
        if found is not None:
            found.discard(socket)
            if not found:
                del self._sockets[dependency]

    def _is_recent(self, dependency: Dependency) -> bool:
        return self._recent.get(dependency, -math.inf) > time.monotonic() - _RECENT

    def _want(self, sockets: Iterable[WatchedSocket]) -> None:
        self._wanted.update(sockets)
        self.work.set()

    def _forget_old(self) -> None:
        # In the order of insertion, which is nearly that of time; what is left behind does no harm.
        for dependency in list(islice(self._recent, 100)):
            if self._is_recent(dependency):
                break
            del self._recent[dependency]


def _dependencies(socket: WatchedSocket) -> Iterator[Dependency]:
    yield "author", socket.visitor.key
    if socket.visitor.network:
        yield "network", socket.visitor.network
    if socket.login is not None:
        yield "login", socket.login.digest


def _named_in(message: dict[str, Any]) -> Iterator[Dependency]:
    """What a group message of changed rights names, but for authors in one room."""
    for key in message["authors"]:
        yield "author", key
    for room_id in message["rooms"]:
        yield "room", room_id
    for digest in message["logins"]:
        yield "login", digest
    for digest in message.get("networks", ()):
        yield "network", digest
