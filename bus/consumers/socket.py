"""One WebSocket: frames in one at a time, frames out through its outbox, and a sure clean-up."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from channels.consumer import AsyncConsumer
from django.http import HttpResponse

from bus.conf import conf
from bus.consumers.pace import Pace
from bus.errors import CLOSE_TOO_MANY, CLOSE_TOO_SLOW, Unauthenticated
from bus.realtime.outbox import Outbox
from bus.services import access
from bus.services.access import Visitor

logger = logging.getLogger(__name__)

# A peer that stopped reading sees its close code if it goes on reading within this, in seconds.
_CLOSE_GRACE = 30.0
# Commands a second that a client may send on average, and at once (joins after a reconnect).
_COMMAND_RATE = 100.0
_COMMAND_BURST = 500


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
    visitor: Visitor
    outbox: Outbox

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one connection from handshake to end."""
        self.scope = scope
        await receive()
        self.visitor = access.visitor_of_scope(scope)
        self.outbox = Outbox(send, joined=self.joined_frames)
        rate = self.send_rate()
        self._pace = Pace(
            max(_COMMAND_RATE, 2 * rate) if rate else 0, max(_COMMAND_BURST, 2 * conf.send_burst)
        )
        try:
            await send(
                {
                    "type": "websocket.accept",
                    "subprotocol": self.subprotocol(),
                    "headers": _cookie_headers(scope, self.visitor),
                }
            )
        except Exception as error:
            logger.debug("A socket is gone before it was accepted: %r", error)
            return
        await self._converse(receive)

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

    def check_pace(self, commands: int) -> None:
        """Count commands; raises Closed when there are too many."""
        if self._pace.take(commands):
            raise Closed(CLOSE_TOO_MANY)

    async def _converse(self, receive: Any) -> None:
        """Read and write until one side ends, then clean up, then say goodbye."""
        reader = asyncio.ensure_future(self._read(receive))
        writer = asyncio.ensure_future(self.outbox.run())
        ends: list[asyncio.Future[Any]] = [reader, writer, self.outbox.failed]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            code = reader.result() if reader.done() else None
            if not reader.done():
                # It may be about to enter a room: let it end before everything is left.
                reader.cancel()
                await asyncio.wait([reader])
        except BaseException:
            writer.cancel()
            raise
        finally:
            reader.cancel()
            self.clean_up()
        await self._say_goodbye(writer, code)

    async def _say_goodbye(self, writer: asyncio.Future[None], code: int | None) -> None:
        try:
            if code is not None:
                self.outbox.finish(code)
            if code is not None or self.outbox.failed.done():
                await asyncio.wait([writer], timeout=_CLOSE_GRACE)
        finally:
            writer.cancel()

    async def _read(self, receive: Any) -> int | None:
        """Take frames until the client is gone; returns a code where we close instead."""
        try:
            await self.begin()
            while True:
                event = await receive()
                if event["type"] == "websocket.receive":
                    await self.take(event.get("text"))
                elif event["type"] == "websocket.disconnect":
                    return None
        except Closed as closed:
            return closed.code
        except Exception:
            logger.exception("A socket of %s failed; the client may come back.", self.visitor.key)
            return CLOSE_TOO_SLOW


def is_too_large(text: str) -> bool:
    """Whether a frame is above the limit, in bytes."""
    # At most 4 bytes a character, so short ones need not be encoded to know.
    limit = conf.frame_limit
    return len(text) > limit or (4 * len(text) > limit and len(text.encode()) > limit)


def _cookie_headers(scope: dict[str, Any], visitor: Visitor) -> list[tuple[bytes, bytes]]:
    """The cookie by which a new guest stays the same guest."""
    if not visitor.guest or _is_known(scope, visitor):
        return []
    response = HttpResponse()
    access.remember_guest(response, visitor)
    cookie = response.cookies[access.GUEST_COOKIE].OutputString()
    return [(b"set-cookie", cookie.encode("latin-1"))]


def _is_known(scope: dict[str, Any], visitor: Visitor) -> bool:
    try:
        token = scope.get("cookies", {}).get(access.GUEST_COOKIE, "")
        return access.visitor_of_token(token).key == visitor.key
    except Unauthenticated:
        return False
