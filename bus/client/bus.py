"""The connection that stays: opens, keeps and mends one socket for all rooms."""

from __future__ import annotations

import asyncio
import random as _random
from collections.abc import Callable
from typing import Any, Literal

from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from bus.client.backoff import FIRST_DELAY, Backoff
from bus.client.connection import Connection, Waits
from bus.client.constants import (
    CLOSE_FORBIDDEN,
    CLOSE_TOO_MANY,
    CLOSE_UNAUTHENTICATED,
    FINAL_CODES,
    HEARTBEAT,
    NAMES,
    SUBPROTOCOL,
)
from bus.client.emitter import Emitter
from bus.client.errors import Rejected, Unanswered
from bus.client.frames import Data, Item
from bus.client.room import Room

FRAME_SIZE = 16 * 1024 * 1024  # bytes of one frame from the server, which joins what it has to say
HTTP_REFUSALS = {401: CLOSE_UNAUTHENTICATED, 403: CLOSE_FORBIDDEN}

# What a bus waits for where nobody says otherwise.
_WAITS = Waits()

State = Literal["connecting", "online", "offline", "closed"]


class Bus(Emitter):
    """One session with the server, over as many connections as it takes.

    Listen with `on()` to "state", "notification" (from a service, to this user alone) and whatever
    else has no room.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        random: Callable[[], float] = _random.random,
        waits: Waits = _WAITS,
        **options: Any,
    ) -> None:
        super().__init__()
        self._waits = waits
        self.url = url
        self.state: State = "offline"
        # What session.started said: user, limits, heartbeat.
        self.session: Data = {}
        # Why it is closed for good.
        self.error: Rejected | None = None
        self._token = token
        self._guest_token: str | None = None
        # Who it was that spoke last, as `session["user"]["id"]`.
        self._user: int | str | None = None
        self._random = random
        self._options = options
        self._backoff = Backoff(random)
        self._rooms: dict[str, Room] = {}
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._proving: asyncio.Task[None] | None = None
        self._online = asyncio.Event()
        self._hurry = asyncio.Event()
        # When a server that is about to stop wants us back.
        self._resume_at: float | None = None

    async def __aenter__(self) -> Bus:
        """Connect; raises Rejected where the server will not have us."""
        self._task = asyncio.get_running_loop().create_task(self._keep())
        waiting = asyncio.ensure_future(self._online.wait())
        try:
            await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            await self.close()
            raise
        finally:
            waiting.cancel()
        if self._task.done():
            await self._task
            raise self.error or Unanswered()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        await self.close()

    def room(self, name: str, *, since: int | None = None) -> Room:
        """The room of that name, the same object each time; `since` tells what was seen already."""
        if name not in self._rooms:
            self._rooms[name] = Room(name, since, self.command, self._random, lambda: self._user)
            if self.error is not None:
                self._rooms[name].give_up(self.error)
            if self._connection is not None:
                self._rooms[name].connected(self._connection)
        return self._rooms[name]

    async def command(self, type: str, data: Data | None = None, wait: float | None = None) -> Data:
        """Send any command; the reply's data, or Rejected."""
        if self._connection is None:
            raise Unanswered
        return await self._connection.command(type, data or {}, wait)

    def retry(self) -> None:
        """Connect now, without waiting for the next attempt."""
        self._hurry.set()

    async def close(self) -> None:
        """Hang up for good; what is not settled is not waited for."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._give_up(Rejected("closed", "The client was closed."))

    async def _keep(self) -> None:
        while True:
            self._become("connecting")
            uptime, code = await self._session()
            if code in FINAL_CODES:
                reason = FINAL_CODES[code]
                self._give_up(Rejected(reason, f"The server closed the session: {reason}."))
                return
            self._become("offline")
            await self._pause(self._backoff.next(uptime, crowded=code == CLOSE_TOO_MANY))

    async def _pause(self, seconds: float) -> None:
        resume_at, self._resume_at = self._resume_at, None
        if resume_at is not None:
            seconds = max(0.0, resume_at - _now())
        self._hurry.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _session(self) -> tuple[float, int]:
        """One connection from beginning to end: how long it was up, and its close code."""
        try:
            connection, session = await self._open()
        except ConnectionClosed as closed:
            return 0.0, closed.rcvd.code if closed.rcvd else 1006
        except InvalidStatus as refused:
            return 0.0, HTTP_REFUSALS.get(refused.response.status_code, 1006)
        except (OSError, TimeoutError, InvalidHandshake, ValueError):
            return 0.0, 1006
        began = _now()
        running = asyncio.ensure_future(connection.run(session.get("heartbeat") or HEARTBEAT))
        try:
            self._started(connection, session)
            code = await asyncio.shield(running)
        finally:
            self._connection = None
            self._online.clear()
            for room in self._rooms.values():
                room.lost()
            running.cancel()
            await asyncio.wait([running])
        return _now() - began, code

    async def _open(self) -> tuple[Connection, Data]:
        """A connection, and what the server's first frame says."""
        async with asyncio.timeout(self._waits.answer):
            socket = await open_socket(
                self.url,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
                ping_interval=None,  # session.ping asks the server itself, not a proxy
                max_size=FRAME_SIZE,
                close_timeout=1,
                **self._options,
            )
            connection = Connection(socket, self._take, self._waits)
            try:
                session = (await connection.first()).data
                connection.limits = session.get("limits") or {}
                return connection, session
            except BaseException:
                connection.abort()
                raise

    def _started(self, connection: Connection, session: Data) -> None:
        user = session.get("user") or {}
        proof = self._token
        if proof is None and user.get("guest"):
            # A guest without cookies would be somebody new on each connection.
            proof, self._guest_token = self._guest_token, self._guest_token or session.get("token")
            if proof is not None:
                session = {**session, "user": self.session.get("user", user)}
        self.session = session
        self._connection = connection
        if proof is not None:
            # The first command; what follows on the socket is already done in that name.
            self._proving = asyncio.create_task(self._authenticate(connection, proof))
            self._proving.add_done_callback(lambda _: self._welcome(connection))
        else:
            self._welcome(connection)

    def _welcome(self, connection: Connection) -> None:
        if self._connection is not connection or self.state == "closed":
            return
        self._identify()
        self._become("online")
        self._online.set()
        for room in self._rooms.values():
            room.connected(connection)

    def _identify(self) -> None:
        before = self._user
        self._user = (self.session.get("user") or {}).get("id", before)
        if before is not None and self._user != before:
            error = Rejected("unauthenticated", "Somebody else is signed in now.")
            for room in self._rooms.values():
                room.disown(error)

    async def _authenticate(self, connection: Connection, token: str) -> None:
        try:
            reply = await connection.command("session.authenticate", {"token": token})
            self.session = {**self.session, "user": reply.get("user") or self.session.get("user")}
        except Rejected as error:
            connection.end(CLOSE_UNAUTHENTICATED if error.code == "unauthenticated" else 1006)
            self._connection = None

    def _take(self, item: Item) -> None:
        if item.type == "session.closing":
            wait = item.data.get("reconnect_in", 0.0) + self._random() * FIRST_DELAY
            self._resume_at = _now() + wait
            if self._connection is not None:
                self._connection.leave_in(wait)
        elif item.room is not None:
            room = self._called(item.room)
            if room is not None:
                room.take(item)
        elif item.type == "event.published":
            self.emit("notification", item.data)
        else:
            self.emit(NAMES.get(item.type, item.type), item.data)

    def _called(self, name: str) -> Room | None:
        """The room that events call so; it may have been asked for in another spelling."""
        found = self._rooms.get(name)
        if found is not None and found.called in (None, name):
            return found
        return next((room for room in self._rooms.values() if room.called == name), found)

    def _give_up(self, error: Rejected) -> None:
        if self.state == "closed":
            return
        self.error = error
        for room in self._rooms.values():
            room.give_up(error)
        self._become("closed")

    def _become(self, state: State) -> None:
        self.state = state
        self.emit("state", state)


def connect(url: str, *, token: str | None = None, **options: Any) -> Bus:
    """A client of the session protocol at `url`, for `async with`.

    `token` says who one is; without one, one is a guest. `options` go to `websockets.connect`:
    `ssl`, `additional_headers`, `origin`, `proxy`.
    """
    return Bus(url, token=token, **options)


def _now() -> float:
    return asyncio.get_running_loop().time()
