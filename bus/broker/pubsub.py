"""What one process hears of one broker host: one pub/sub connection, kept by one task.

Read: redis 8.1.0 (asyncio/connection.py).

Relies on:
    redis.asyncio.connection.AbstractConnection: _reader
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
from collections.abc import Callable
from typing import Any

import hiredis
import redis
from redis.asyncio.connection import AbstractConnection

from bus.broker import redis_urls
from bus.broker.errors import BrokerUnavailable
from bus.broker.redis_connection import READING
from bus.broker.redis_urls import Host

logger = logging.getLogger(__name__)

# Waits between attempts to connect double from the first to the last, in seconds.
_FIRST_WAIT, _LAST_WAIT = 0.05, 1.0
# Few enough names in one command that the broker goes on with others between.
_CHUNK = 500
# What is read at once, in bytes.
_READ_SIZE = 65_536

Deliver = Callable[[str, bytes], None]
Notify = Callable[[], Any] | None


class PubSub:
    """Pub/sub names, heard again after every outage; only its own task touches the connection."""

    # A broker that said nothing for this long is asked, and left after as long again, in seconds.
    quiet = 5.0

    def __init__(
        self,
        host: Host,
        deliver: Deliver,
        on_disconnect: Notify = None,
        on_reconnect: Notify = None,
    ) -> None:
        """`deliver` takes each message's name and data; what was sent in an outage is lost."""
        # RESP2: messages and answers are told apart by their first word.
        self._pool = redis_urls.pool(host, protocol=2, socket_timeout=None)
        self._deliver = deliver
        self._on_disconnect = on_disconnect
        self._on_reconnect = on_reconnect
        # When the connection was lost, and the attempts since; None while it holds.
        self._lost_at: float | None = None
        self._attempts = 0
        self._wanted: set[str] = set()
        self._heard: set[str] = set()
        self._answers: dict[str, asyncio.Future[None]] = {}
        # Commands that the connection still has to send, in order; None without a connection, since
        # a new one begins with all that is wanted.
        self._changes: list[tuple[str, str]] | None = None
        self._changed = asyncio.Event()
        # When the broker said something last, by the clock of the event loop.
        self._said_at = 0.0
        self._keeper: asyncio.Task[None] | None = None

    async def subscribe(self, name: str) -> None:
        """Hear a name; on return the broker has confirmed it. Raises BrokerUnavailable, and
        then it is heard all the same once the broker is back, unless `unsubscribe` says otherwise.
        """
        if name in self._heard:
            return
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep())
        if name not in self._wanted:
            self._wanted.add(name)
            self._change("SUBSCRIBE", name)
        answer = self._answers.get(name)
        if answer is None:
            answer = self._answers[name] = asyncio.get_running_loop().create_future()
            # Nobody may be left to hear of the failure.
            answer.add_done_callback(lambda future: future.cancelled() or future.exception())
        await asyncio.shield(answer)

    def unsubscribe(self, name: str) -> None:
        """Hear a name no more; never fails, since a lost connection hears nothing anyway."""
        if name in self._wanted:
            self._wanted.discard(name)
            self._heard.discard(name)
            if self._changes is None:
                # Who waits for it would wait for ever: it will not be asked for.
                self._answer(name, BrokerUnavailable("The name is no longer wanted."))
            self._change("UNSUBSCRIBE", name)

    async def close(self) -> None:
        """Hear nothing any more, and close the connection; `subscribe` opens another one."""
        keeper, self._keeper = self._keeper, None
        while keeper is not None and not keeper.done():
            keeper.cancel()
            await asyncio.wait([keeper], timeout=1)
        self._refuse(BrokerUnavailable("The channel layer was closed."))
        self._wanted.clear()
        await redis_urls.close(self._pool)

    def _change(self, verb: str, name: str) -> None:
        if self._changes is not None:
            self._changes.append((verb, name))
            self._changed.set()

    async def _keep(self) -> None:
        """Connect, listen, and begin again after every outage."""
        while True:
            try:
                connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
                try:
                    # The answer to PING comes after all others: then every name is heard.
                    self._changes = [("SUBSCRIBE", name) for name in self._wanted] + [("PING", "")]
                    self._changed.set()
                    await self._serve(connection)
                finally:
                    self._changes = None
                    await connection.disconnect(nowait=True)
                    await self._pool.release(connection)
            except (redis.RedisError, OSError) as error:
                self._lost(error)
            except Exception as error:
                logger.exception("Listening to the broker failed in a way nobody foresaw.")
                self._lost(error)
            wait = min(_LAST_WAIT, _FIRST_WAIT * 2 ** min(self._attempts, 10))
            await asyncio.sleep(random.uniform(wait / 2, wait))

    def _lost(self, error: Exception) -> None:
        refusal = BrokerUnavailable(f"The broker does not answer ({error}).")
        refusal.__cause__ = error
        self._refuse(refusal)
        self._attempts += 1
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            logger.warning("Groups are not heard: the broker does not answer (%s).", error)
            if self._on_disconnect is not None:
                self._on_disconnect()

    def _recovered(self) -> None:
        self._attempts = 0
        if self._lost_at is not None:
            away = time.monotonic() - self._lost_at
            self._lost_at = None
            logger.info("Groups are heard again after %.1f s.", away)
            if self._on_reconnect is not None:
                self._on_reconnect()

    def _refuse(self, error: Exception) -> None:
        self._heard.clear()
        for name in list(self._answers):
            self._answer(name, error)

    def _answer(self, name: str, error: Exception | None = None) -> None:
        """Tell who waits for a name that it is heard, or why it is not."""
        answer = self._answers.pop(name, None)
        if answer is None or answer.done():
            return
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)

    async def _serve(self, connection: AbstractConnection) -> None:
        """Read and write until the connection fails; raises what it failed of."""
        parts = (self._read(connection), self._write(connection), self._watch())
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _write(self, connection: AbstractConnection) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            changes, self._changes = self._changes or [], []
            for verb, group in itertools.groupby(changes, key=lambda change: change[0]):
                names = [name for _, name in group if name]
                for start in range(0, max(1, len(names)), _CHUNK):
                    await connection.send_command(
                        verb, *names[start : start + _CHUNK], check_health=False
                    )

    async def _read(self, connection: AbstractConnection) -> None:
        """Take all that one read brings without a wait between: a read for each costs more."""
        loop, stream, parser = asyncio.get_running_loop(), connection._reader, _parser()
        assert stream is not None
        while data := await stream.read(_READ_SIZE):
            self._said_at = loop.time()
            parser.feed(data)
            while (answer := parser.gets()) is not False:
                self._take(answer)
        raise redis.ConnectionError("it closed the connection")

    async def _watch(self) -> None:
        """Ask a broker that says nothing, and leave one that does not answer."""
        loop = asyncio.get_running_loop()
        self._said_at = loop.time()
        while True:
            said_at = self._said_at
            await asyncio.sleep(said_at + self.quiet - loop.time())
            if self._said_at == said_at:
                self._change("PING", "")
                await asyncio.sleep(self.quiet)
                # Where this process stood still, the answer lies in the socket: uvloop runs what
                # is due before it reads.
                await asyncio.sleep(READING)
                if self._said_at == said_at:
                    raise redis.TimeoutError(f"it said nothing for {2 * self.quiet:g} s")

    def _take(self, answer: Any) -> None:
        if isinstance(answer, hiredis.ReplyError):
            raise redis.ResponseError(str(answer))
        # Before the first SUBSCRIBE a broker answers PING with a plain PONG.
        kind, name, data = answer if len(answer) == 3 else (b"pong", b"", b"")
        if kind == b"message":
            self._deliver(name.decode("utf-8", "replace"), data)
        elif kind == b"subscribe":
            self._confirmed(name.decode("utf-8", "replace"))
        elif kind == b"pong":
            self._recovered()

    def _confirmed(self, name: str) -> None:
        if name in self._wanted:
            self._heard.add(name)
        self._answer(name)


def _parser() -> hiredis.Reader:
    return hiredis.Reader(protocolError=redis.InvalidResponse)
