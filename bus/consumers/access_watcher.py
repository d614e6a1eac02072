"""Keeps what the sockets of this process may do true to the database.

A change of rights is told to every process in a group message that says whose, and no more: the
guard reads the database and compares. So a message that was lost costs time and nothing else; the
guard looks at everybody after an outage, and every BUS_RIGHTS_CHECK seconds.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
import weakref
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol, TypeGuard

from bus.chat import live_access
from bus.chat.live_access import LiveAccess
from bus.chat.logins import Login
from bus.chat.room_access import RoomAccess
from bus.chat.room_rights import Rights
from bus.chat.visitors import Visitor, networks_of
from bus.conf import conf
from bus.consumers import admission
from bus.database import threads
from bus.messaging.inbox import Inbox
from bus.protocol import channel_names
from bus.protocol.errors import (
    CLOSE_TOO_SLOW,
    CLOSE_UNAUTHENTICATED,
    BusError,
    NotFound,
    Unavailable,
)
from bus.protocol.events import UserChanged
from bus.realtime.hub import hub

logger = logging.getLogger(__name__)

# A change is remembered for this long, for sockets whose rights were being read when it came: they
# are looked at once they are known here. In seconds.
_RECENT = 30.0
# Sockets that are looked at with one set of queries.
_CHUNK = 500
# Who got another name that rooms are told of at once; of more, a little later.
_RENAMED = 50
# Between two attempts while the broker or the database is away, in seconds.
_PAUSE = 1.0

# What a socket depends on: ("author", key), ("login", digest), ("room", id), ("place", id, key),
# ("network", digest).
Token = tuple[str, str] | tuple[str, int] | tuple[str, int, str]
Place = tuple[int, str]


class WatchedSocket(Protocol):
    """A socket, as the guard sees it."""

    visitor: Visitor
    login: Login | None
    token_password: int | None

    def entries(self) -> dict[int, RoomAccess]:
        """What it keeps of the visitor's rights, by room id."""

    def refresh(self, entry: RoomAccess, right: Rights) -> None:
        """Keep other rights in a room that it is in."""

    def lose(
        self, room_id: int, error: BusError, right: Rights | None, *, reason: str = "not_found"
    ) -> None:
        """Be in a room no more; `reason` is for a room that is not there, where `right` is None."""

    def tell(self, right: Rights) -> None:
        """Let the visitor know what they are now in a room that it is not in."""

    def rename(self, name: str) -> None:
        """The visitor is called so from now on."""

    def end(self, code: int) -> None:
        """Close."""


class AccessWatcher:
    """Looks after the sockets of one event loop."""

    def __init__(self) -> None:
        self._sockets: dict[Token, set[WatchedSocket]] = {}
        self._recent: dict[Token, float] = {}
        # Who is to be looked at, and the places that were named and may have no entry here.
        self._wanted: set[WatchedSocket] = set()
        self._named: set[Place] = set()
        # Author keys of those of whom it was told that they are called otherwise now.
        self._renamed: set[str] = set()
        self._work = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, socket: WatchedSocket) -> None:
        """Look after a socket from now on."""
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(self._listen()), loop.create_task(self._run())]
        self._keep(socket, *_tokens(socket))

    def remove(self, socket: WatchedSocket) -> None:
        """Forget a socket; call it while the socket is still in its rooms."""
        for room_id in socket.entries():
            self.left(socket, room_id)
        for token in _tokens(socket):
            self._drop(socket, token)
        self._wanted.discard(socket)

    def entered(self, socket: WatchedSocket, room_id: int) -> None:
        """A socket keeps an entry of this room."""
        self._keep(socket, ("room", room_id))
        if self._is_recent(("place", room_id, socket.visitor.key)):
            self._want([socket])

    def left(self, socket: WatchedSocket, room_id: int) -> None:
        """A socket keeps no entry of this room any more."""
        self._drop(socket, ("room", room_id))

    def check_all(self) -> None:
        """Look at everybody, and anew at whoever joins."""
        admission.forget()
        for token, sockets in self._sockets.items():
            if token[0] == "author":
                self._want(sockets)

    async def close(self) -> None:
        """Stop looking."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def _keep(self, socket: WatchedSocket, *tokens: Token) -> None:
        for token in tokens:
            self._sockets.setdefault(token, set()).add(socket)
            if self._is_recent(token):
                self._want([socket])

    def _drop(self, socket: WatchedSocket, token: Token) -> None:
        found = self._sockets.get(token)
        if found is not None:
            found.discard(socket)
            if not found:
                del self._sockets[token]

    def _is_recent(self, token: Token) -> bool:
        return self._recent.get(token, -math.inf) > time.monotonic() - _RECENT

    def _want(self, sockets: Iterable[WatchedSocket]) -> None:
        self._wanted.update(sockets)
        self._work.set()

    # ── What is told ─────────────────────────────────────────────────────────────────────────────

    async def _listen(self) -> None:
        """Hear of changes, for ever."""
        inbox = None
        while True:
            try:
                inbox = inbox or await Inbox.open(self.check_all)
                await inbox.listen(channel_names.RIGHTS_GROUP)
                # What changed before that was not heard.
                self.check_all()
                while True:
                    self._hear(await inbox.receive())
            except Unavailable as error:
                logger.debug("Changes of rights are not heard: %s", error)
            except Exception:
                logger.exception("Changes of rights are not heard for a moment.")
            await asyncio.sleep(_PAUSE)

    def _hear(self, message: dict[str, Any]) -> None:
        # Who joins from now on is looked up anew.
        admission.forget()
        if message.get("all"):
            self.check_all()
            return
        self._forget_old()
        places: list[Place] = [(room_id, key) for room_id, key in message["places"]]
        self._named.update(p for p in places if ("author", p[1]) in self._sockets)
        tokens: list[Token] = [("author", key) for key in message["authors"]]
        tokens += [("room", room_id) for room_id in message["rooms"]]
        tokens += [("login", digest) for digest in message["logins"]]
        self._renamed.update(message.get("renamed", ()))
        tokens += [("network", digest) for digest in message.get("networks", ())]
        now = time.monotonic()
        for token in tokens:
            self._recent[token] = now
            self._want(self._sockets.get(token, ()))
        for room_id, key in places:
            self._recent["place", room_id, key] = now
            self._want(self._sockets.get(("author", key), ()))
        if self._renamed:
            self._work.set()

    def _forget_old(self) -> None:
        # In the order of insertion, which is nearly that of time; what is left behind does no harm.
        for token in list(islice(self._recent, 100)):
            if self._is_recent(token):
                break
            del self._recent[token]

    # ── What is done about it ────────────────────────────────────────────────────────────────────

    async def _run(self) -> None:
        """Look at whom it is wanted of, and now and then at everybody."""
        while True:
            try:
                async with asyncio.timeout(conf.rights_check):
                    await self._work.wait()
            except TimeoutError:
                self.check_all()
            self._work.clear()
            try:
                await self._check()
            except Unavailable as error:
                logger.warning("Rights cannot be looked at for now: %s", error)
                await asyncio.sleep(_PAUSE)
            except Exception:
                logger.exception("Rights could not be looked at; the next look is for everybody.")
                await asyncio.sleep(_PAUSE)

    async def _check(self) -> None:
        """Look at everyone wanted; whom it could not look at stays wanted."""
        if self._renamed:
            await self._tell_names()
        while self._wanted:
            sockets = list(islice(self._wanted, _CHUNK))
            visitors = [socket.visitor for socket in sockets]
            keys = {visitor.key for visitor in visitors}
            named = {place for place in self._named if place[1] in keys}
            places = named | {(id, s.visitor.key) for s in sockets for id in s.entries()}
            users = {s.visitor.user_id for s in sockets if s.visitor.user_id is not None}
            logins = {socket.login.key for socket in sockets if socket.login is not None}
            self._wanted.difference_update(sockets)
            self._named -= named
            try:
                found = await threads.run(
                    live_access.read, places, users, logins, networks_of(visitors)
                )
            except BaseException:
                self._named |= named
                self._want(s for s in sockets if self._is_kept(s))
                raise
            for socket, visitor in zip(sockets, visitors, strict=True):
                # One that showed a token meanwhile is somebody else, who was not asked about.
                if self._is_kept(socket) and socket.visitor is visitor:
                    self._apply(socket, found, places, named)

    async def _tell_names(self) -> None:
        """Have the rooms here forget old names; those where messages show one hear the new one."""
        keys = set(islice(self._renamed, _RENAMED))
        hub().forget_authors(keys)
        try:
            found = await threads.run(live_access.renamed, keys, hub().rooms())
        except BaseException:
            self._work.set()
            raise
        self._renamed -= keys
        for author, rooms in found.items():
            for room in rooms:
                hub().deliver_locally(room.pk, UserChanged.encode(author, room.name))
        if self._renamed:
            self._work.set()

    def _is_kept(self, socket: WatchedSocket) -> bool:
        return socket in self._sockets.get(("author", socket.visitor.key), ())

    def _apply(
        self, socket: WatchedSocket, found: LiveAccess, places: set[Place], named: set[Place]
    ) -> None:
        code = self._logged_out(socket) or _end_of(socket, found)
        if code:
            socket.end(code)
            return
        key, user_id = socket.visitor.key, socket.visitor.user_id
        name = found.names.get(user_id) if user_id is not None else None
        if name is not None and name != socket.visitor.name:
            socket.rename(name)
            if key not in self._renamed:
                # Perhaps nobody was told.
                hub().forget_authors({key})
        entries = socket.entries()
        for room_id, entry in entries.items():
            # A room that was entered meanwhile was not asked about.
            if (room_id, key) in places:
                _apply_room(socket, entry, found.rights.get((room_id, key)))
        for place in named:
            right = found.rights.get(place)
            if place[1] == key and place[0] not in entries and _concerns(right):
                socket.tell(right)

    def _logged_out(self, socket: WatchedSocket) -> int:
        login = socket.login
        gone = login is not None and self._is_recent(("login", login.digest))
        return CLOSE_UNAUTHENTICATED if gone else 0


def _end_of(socket: WatchedSocket, found: LiveAccess) -> int:
    """The code to close a socket with whose visitor is not who they were, else 0."""
    visitor, login = socket.visitor, socket.login
    if visitor.user_id is None:
        return 0
    password = found.passwords.get(visitor.user_id)
    if password is None:
        return CLOSE_UNAUTHENTICATED
    if socket.token_password not in (None, hash(password)):
        # Its token is worth nothing any more.
        return CLOSE_UNAUTHENTICATED
    if login is not None and (login.key not in found.logins or login.password != hash(password)):
        # Signed out by another way, or another cookie by now: come back and be who you are.
        return CLOSE_TOO_SLOW
    return 0


def _concerns(right: Rights | None) -> TypeGuard[Rights]:
    """Whether the visitor is to hear of rights in a room that they are not in.

    Of one that they may not know of they hear that they are a member no more, but of no sanction.
    """
    if right is None:
        return False
    return not right.hidden or (right.banned is None and right.muted is None)


def _apply_room(socket: WatchedSocket, entry: RoomAccess, right: Rights | None) -> None:
    room_id = entry.room.pk
    if right is None:
        socket.lose(room_id, NotFound(), None)
        return
    try:
        now = right.access()
    except BusError as error:
        socket.lose(room_id, error, right)
        return
    if right.room.name != entry.room.name:
        # Under its old name it is told of the new one; from here on, all it hears has that.
        socket.refresh(now, right)
        moved = NotFound(f"This room is called {right.room.name} now.")
        socket.lose(room_id, moved, None, reason="renamed")
        return
    if now.differs(entry):
        socket.refresh(now, right)


def _tokens(socket: WatchedSocket) -> Iterator[Token]:
    yield "author", socket.visitor.key
    if socket.visitor.network:
        yield "network", socket.visitor.network
    if socket.login is not None:
        yield "login", socket.login.digest


_guards: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AccessWatcher] = (
    weakref.WeakKeyDictionary()
)


def guard() -> AccessWatcher:
    """The guard of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _guards.get(loop)
    if found is None:
        found = _guards[loop] = AccessWatcher()
    return found


async def close() -> None:
    """Close the running event loop's guard, if it has one."""
    found = _guards.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()
