"""Keeps what the sockets of this process may do true to the database.

A change of rights is told to every process in a group message that says whose, and no more: the
watcher reads the database and compares. So a message that was lost costs time and nothing else; the
watcher checks everybody after an outage, and every BUS_RIGHTS_CHECK seconds.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import islice
from typing import Any

from bus.chat import live_access
from bus.chat.live_access import LiveAccess
from bus.chat.visitors import networks_of
from bus.conf import conf
from bus.consumers import access_update
from bus.consumers.admission import Admission
from bus.consumers.watched_sockets import Check, WatchedSocket, WatchedSockets
from bus.database import threads
from bus.messaging.inbox import Inbox
from bus.protocol import channel_names
from bus.protocol.errors import CLOSE_UNAUTHENTICATED, Unavailable
from bus.protocol.events import UserChanged
from bus.realtime.hub import Hub

logger = logging.getLogger(__name__)

# Who got another name that rooms are told of at once; of more, a little later.
_RENAMED = 50
# Between two attempts while the broker or the database is away, in seconds.
_PAUSE = 1.0


class AccessWatcher:
    """Hears of changes of rights, and checks the sockets that they concern."""

    def __init__(self, hub: Hub, admission: Admission) -> None:
        self._hub = hub
        self._admission = admission
        self._sockets = WatchedSockets()
        # Author keys of those of whom it was told that they are called otherwise now.
        self._renamed: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, socket: WatchedSocket) -> None:
        """Watch a socket from now on."""
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(self._listen()), loop.create_task(self._run())]
        self._sockets.add(socket)

    def remove(self, socket: WatchedSocket) -> None:
        """Forget a socket; call it while the socket is still in its rooms."""
        self._sockets.remove(socket)

    def entered(self, socket: WatchedSocket, room_id: int) -> None:
        """A socket is let into this room."""
        self._sockets.entered(socket, room_id)

    def left(self, socket: WatchedSocket, room_id: int) -> None:
        """A socket is in this room no more."""
        self._sockets.left(socket, room_id)

    def check_all(self) -> None:
        """Check everybody, and read anew for whoever joins."""
        self._admission.forget()
        self._sockets.want_all()

    async def close(self) -> None:
        """Stop watching."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

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
        self._admission.forget()
        if message.get("all"):
            self.check_all()
            return
        self._renamed.update(message.get("renamed", ()))
        self._sockets.want_changed(message)
        if self._renamed:
            self._sockets.work.set()

    # ── What is done about it ────────────────────────────────────────────────────────────────────

    async def _run(self) -> None:
        """Check whom it is wanted of, and now and then everybody."""
        while True:
            try:
                async with asyncio.timeout(conf.rights_check):
                    await self._sockets.work.wait()
            except TimeoutError:
                self.check_all()
            self._sockets.work.clear()
            try:
                await self._check()
            except Unavailable as error:
                logger.warning("Rights cannot be looked at for now: %s", error)
                await asyncio.sleep(_PAUSE)
            except Exception:
                logger.exception("Rights could not be looked at; the next look is for everybody.")
                await asyncio.sleep(_PAUSE)

    async def _check(self) -> None:
        """Check everyone wanted; whom it could not check stays wanted."""
        if self._renamed:
            await self._publish_names()
        while (check := self._sockets.take()) is not None:
            try:
                standing = await threads.run(live_access.read, *_asked(check))
            except BaseException:
                self._sockets.put_back(check)
                raise
            for socket, visitor in check.sockets.items():
                # One that showed a token meanwhile is somebody else, who was not asked about.
                if socket in self._sockets and socket.visitor is visitor:
                    self._apply(socket, standing, check)

    def _apply(self, socket: WatchedSocket, standing: LiveAccess, check: Check) -> None:
        if self._sockets.is_logged_out(socket):
            socket.end(CLOSE_UNAUTHENTICATED)
        elif access_update.apply(socket, standing, check):
            key = socket.visitor.key
            if key not in self._renamed:
                # Perhaps nobody was told.
                self._hub.forget_authors({key})

    async def _publish_names(self) -> None:
        """Have the rooms here forget old names; those where messages show one hear the new one."""
        keys = set(islice(self._renamed, _RENAMED))
        self._hub.forget_authors(keys)
        try:
            found = await threads.run(live_access.renamed, keys, self._hub.rooms())
        except BaseException:
            self._sockets.work.set()
            raise
        self._renamed -= keys
        for author, rooms in found.items():
            for room in rooms:
                self._hub.deliver_locally(room.pk, UserChanged.encode(author, room.name))
        if self._renamed:
            self._sockets.work.set()


def _asked(check: Check) -> tuple[Any, ...]:
    """What the database is asked about those who are checked; see live_access.read."""
    visitors = check.sockets.values()
    users = {visitor.key for visitor in visitors if not visitor.guest}
    logins = {socket.login.key for socket in check.sockets if socket.login is not None}
    return check.room_authors, users, logins, networks_of(visitors)
