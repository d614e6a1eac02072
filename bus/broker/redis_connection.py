"""A connection that redis-py makes, and that is written and read without it from then on.

redis-py knows how to connect: TLS, users, Sentinel, sockets. For each batch of commands it then
takes a lock, a packer in Python and a coroutine per answer, which is most of what a send costs;
here bytes are written as they are, and hiredis reads all answers of a packet in one call.

Read: redis 8.1.0 (asyncio/connection.py, _parsers/base.py).
Relies on:
    redis.asyncio.connection.AbstractConnection: _writer, `self._writer = None`,
        `self._writer.close()`, can_read
    redis.asyncio.connection.Connection._connect: `self._writer = writer`
    redis.asyncio.connection.UnixDomainSocketConnection._connect: `self._writer = writer`
    redis._parsers.base.BaseParser: parse_error
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import hiredis
import redis
from redis._parsers.base import BaseParser
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import InvalidResponse

# Within this the event loop reads what has come, in seconds.
READING = 0.05

_INCOMPLETE = object()


class RedisConnection(asyncio.Protocol):
    """Takes over the transport of a connection; each answer, or error, goes to `take` in order."""

    def __init__(
        self,
        connection: AbstractConnection,
        take: Callable[[Any], None],
        lost: Callable[[Exception], None],
    ) -> None:
        """Take over what `quiet` said nothing lies in; `lost` is called once, at its end."""
        self._take = take
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=BaseParser.parse_error,
            notEnoughData=_INCOMPLETE,
        )
        self._error: Exception | None = None
        self.heard_at = self._loop.time()
        assert connection._writer is not None
        self._transport = connection._writer.transport
        # It hears of the end, too: redis-py waits for that where it closes the connection.
        self._streams = self._transport.get_protocol()
        self._transport.set_protocol(self)
        self.write = self._transport.write

    def data_received(self, data: bytes) -> None:
        """Hand on each answer that is whole."""
        self.heard_at = self._loop.time()
        gets, take = self._reader.gets, self._take
        try:
            self._reader.feed(data)
            while (answer := gets()) is not _INCOMPLETE:
                # A managed server may announce its maintenance: nobody asked.
                if type(answer) is not hiredis.PushNotification:
                    take(answer)
        except Exception as error:
            # What comes after cannot be told apart any more.
            self.abort(error)

    def abort(self, error: Exception) -> None:
        """Leave the connection at once; `lost` is called with this error."""
        self._error = self._error or error
        self._transport.abort()

    def leave(self) -> None:
        """Leave the connection; `lost` is not called."""
        self._lost = lambda error: None
        self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """The end, whoever wanted it."""
        self._streams.connection_lost(error)
        said = redis.ConnectionError("Connection closed by server.")
        self._lost(self._error or error or said)


async def quiet(connection: AbstractConnection) -> bool:
    """Whether a connection is open and nothing lies in it that redis-py has read already."""
    # As it was called before redis-py 8.
    look = getattr(connection, "can_read", None) or connection.can_read_destructive
    return not await look()
