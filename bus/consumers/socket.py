"""One WebSocket: frames in one at a time, frames out through its writer, and a sure clean-up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from channels.consumer import AsyncConsumer

from bus.chat.logins import Login
from bus.chat.room_access import RoomAccess
from bus.chat.room_rights import Rights
from bus.chat.user_adapter import Profile
from bus.chat.visitors import Visitor, with_network
from bus.conf import conf
from bus.consumers import web_process
from bus.consumers.socket_limits import SocketLimits
from bus.consumers.visitor import login_of_scope, set_cookie_headers, visitor_of_scope
from bus.consumers.web_process import WebProcess
from bus.http import client_address
from bus.messaging import throttle
from bus.protocol.errors import (
    CLOSE_RESTART,
    CLOSE_TOO_MANY,
    CLOSE_TOO_SLOW,
    BusError,
    RateLimited,
    Unavailable,
)
from bus.protocol.frames import PROTOCOL
from bus.realtime.socket_writer import SocketWriter
from bus.servers.daphne import close_code

logger = logging.getLogger(__name__)


class Closed(Exception):
    """The socket is to be closed with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Socket(AsyncConsumer):
    """A consumer of one WebSocket.

    Channels' own would wait for the one database thread before each message and open a channel
    layer channel for each socket; it also calls `disconnect` only when the server does.
    """

    # Whether frames that wait may share an array.
    joined_frames = False

    scope: dict[str, Any]
    # A peer that stopped reading sees its close code if it goes on reading within this, in seconds.
    close_grace = 30.0

    # What it shares with the other sockets of this process.
    process: WebProcess
    visitor: Visitor
    limits: SocketLimits
    # The HTTP session that it was opened with; None for guests, and for who came with a token.
    login: Login | None
    # As Login.password, of a user who came with a token; None for all others.
    token_password: int | None = None
    writer: SocketWriter
    # Where it comes from, "" where nobody knows.
    address: str
    network: str
    # Why a new guest is none: too many came from there.
    turned_down: RateLimited | None

    def __init__(self) -> None:
        # Whether it waits for the client, and what it is to be closed with after that.
        self._idle = False
        self._end_code: int | None = None
        self._reading = False

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one connection from handshake to end."""
        self.scope = scope
        await receive()
        self.process = web_process.current()
        if self.process.connections.draining:
            await turn_away(scope, send, CLOSE_RESTART)
            return
        self.address, self.network = client_address.of_scope(scope)
        try:
            visitor = await visitor_of_scope(scope)
        except Unavailable:
            await turn_away(scope, send, CLOSE_TOO_SLOW)
            return
        self.visitor = with_network(visitor, self.network)
        self.login = login_of_scope(scope)
        self.turned_down = await self._turn_down()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self.writer = SocketWriter(send, joined=self.joined_frames, on_end=self._stop_reading)
        self.limits = SocketLimits(
            self.process.visitor_limits, self.visitor, self._network_for_limits, self.send_rate()
        )
        try:
            await send(
                {
                    "type": "websocket.accept",
                    "subprotocol": self.subprotocol(),
                    "headers": [] if self.turned_down else set_cookie_headers(scope, self.visitor),
                }
            )
        except Exception as error:
            logger.debug("A socket is gone before it was accepted: %r", error)
            return
        self.writer.open()
        self.process.access_watcher.add(self)
        try:
            if self._count():
                await self._converse(receive)
            else:
                await self._say_goodbye(CLOSE_TOO_MANY)
        finally:
            self.process.access_watcher.remove(self)
            self.process.connections.remove(self)

    def subprotocol(self) -> str | None:
        """The subprotocol to accept with."""
        return None

    def send_rate(self) -> float:
        """Messages per second that it may send on average; 0 is no limit."""
        return conf.send_rate

    async def begin(self) -> None:
        """Do what comes before the first frame; raises Closed."""

    async def take(self, text: str | None) -> None:
        """Handle one frame, None where it was binary; raises Closed."""
        raise NotImplementedError

    def clean_up(self) -> None:
        """Leave everything; called once, however the connection ended, and never waits."""

    def accesses(self) -> dict[int, RoomAccess]:
        """What it keeps of the visitor's rights, by room id."""
        raise NotImplementedError

    def refresh(self, access: RoomAccess, right: Rights) -> None:
        """Keep other rights in a room that it is in, and say so."""
        raise NotImplementedError

    def lose(
        self, room_id: int, error: BusError, right: Rights | None, *, reason: str = "not_found"
    ) -> None:
        """Be in a room no more, and say why; `right` is None where the room is not there, for this
        `reason`."""
        raise NotImplementedError

    def notify(self, right: Rights) -> None:
        """Say what the visitor is now in a room that this socket is not in."""

    def rename(self, profile: Profile) -> None:
        """The visitor is shown like this from now on."""
        self.visitor = replace(self.visitor, **asdict(profile))
        for room_id in self.accesses():
            self.process.hub.presence.rename(room_id, self.visitor.key, self.visitor.author)

    def announce_end(self, reconnect_in: float) -> None:
        """Tell the client that the process stops; plain chat has no word for that."""

    def end(self, code: int) -> None:
        """Finish the command in hand, then close."""
        self._end_code = code
        if self._idle:
            self._stop_reading()

    def become(self, visitor: Visitor, token_password: int | None = None) -> None:
        """Be somebody else from now on; raises Closed when they have too many sockets."""
        self.process.access_watcher.remove(self)
        self.visitor = with_network(visitor, self.network)
        self.login = self.turned_down = None
        self.token_password = token_password
        self.limits.become(self.visitor)
        self.process.access_watcher.add(self)
        if not self._count():
            raise Closed(CLOSE_TOO_MANY)

    @property
    def _network_for_limits(self) -> str:
        """The network that it is limited with, see http.client_address."""
        return client_address.network_for_limits(self.address)

    def _count(self) -> bool:
        return self.process.connections.add(self, self.visitor.key, self._network_for_limits)

    async def _turn_down(self) -> RateLimited | None:
        """Count a new guest; what to tell one too many."""
        if not self.visitor.new:
            return None
        quotas = throttle.quota("guest", conf.guest_rate, self._network_for_limits)
        if not quotas:
            return None
        try:
            await throttle.take(quotas)
        except RateLimited as error:
            return error
        return None

    def check_commands(self, count: int) -> None:
        """Count commands; raises Closed when there are too many."""
        if not self.limits.allows_commands(count):
            raise Closed(CLOSE_TOO_MANY)

    async def _converse(self, receive: Any) -> None:
        """Read until one side ends, then clean up, then say goodbye."""
        code: int | None = None
        try:
            self._reading = True
            code = await self._read(receive)
        except asyncio.CancelledError:
            # By the writer, unless somebody else wants this task to end, too.
            if self._reading or self._task.uncancel() > 0:
                raise
            code = self._end_code
        finally:
            self._reading = False
            self.clean_up()
        await self._say_goodbye(code)

    def _stop_reading(self) -> None:
        """The peer is too slow, or gone: take no more of it."""
        if self._reading:
            self._reading = False
            self._task.cancel()

    async def _say_goodbye(self, code: int | None) -> None:
        if code is None and not self.writer.failed:
            self.writer.abandon(self.close_grace)
            return
        if code is not None:
            self.writer.finish(code)
        grace = self.close_grace
        try:
            async with asyncio.timeout(self.close_grace):
                await self.writer.written()
        except TimeoutError:
            grace = 0.0
        finally:
            self.writer.abandon(grace)

    async def _read(self, receive: Any) -> int | None:
        """Take frames until the client is gone; returns a code where we close instead."""
        try:
            await self.begin()
            while self._end_code is None:
                self._idle = True
                event = await receive()
                self._idle = False
                if event["type"] == "websocket.receive":
                    await self.take(event.get("text"))
                elif event["type"] == "websocket.disconnect":
                    return None
            return self._end_code
        except Closed as closed:
            return closed.code
        except Exception:
            logger.exception("A socket of %s failed; the client may come back.", self.visitor.key)
            return CLOSE_TOO_SLOW


async def turn_away(scope: Mapping[str, Any], send: Any, code: int) -> None:
    """Accept and close: a handshake that is refused would tell a client never to come back."""
    offered = scope.get("subprotocols", [])
    spoken = PROTOCOL if PROTOCOL in offered else None
    await send({"type": "websocket.accept", "subprotocol": spoken})
    await send({"type": "websocket.close", "code": close_code(send, code)})


def is_too_large(text: str) -> bool:
    """Whether a frame is above the limit, in bytes."""
    # At most 4 bytes a character, so short ones need not be encoded to know.
    limit = conf.frame_limit
    return len(text) > limit or (4 * len(text) > limit and len(text.encode()) > limit)
