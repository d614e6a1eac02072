"""Commands to one broker host: those of one turn of the event loop leave in one write."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import redis
from redis import asyncio as aioredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError

from bus.broker import lua, redis_urls, wrong_type
from bus.broker.clock import SteadyClock
from bus.broker.errors import UnusableKeys
from bus.broker.redis_commands import Asked, packed, refuse
from bus.broker.redis_connection import READING, RedisConnection, quiet
from bus.broker.redis_refusal import as_refusal, no_answer, no_connection
from bus.broker.redis_urls import Host

logger = logging.getLogger(__name__)

# A broker that has not answered for this long is away, in seconds.
_ANSWER_TIMEOUT = 10.0


class RedisClient:
    """Commands to one broker host, over one connection; its answers come in order.

    None is ever sent twice, unless the broker said that it does not know its script: who calls
    decides whether trying again does harm.
    """

    def __init__(
        self, host: Host, prefix: str, clock: SteadyClock, answer_timeout: float = _ANSWER_TIMEOUT
    ) -> None:
        """A broker that says nothing for `answer_timeout` seconds while it is asked is away."""
        self._prefix = prefix
        self._clock = clock
        self._answer_timeout = answer_timeout
        self._pool = redis_urls.pool(host, socket_timeout=answer_timeout)
        # What redis-py makes of some answers, by the name of the command.
        self._parsers = aioredis.Redis(connection_pool=self._pool).response_callbacks
        # Not written yet; and written, in the order in which the answers come.
        self._waiting: list[Asked] = []
        self._pending: deque[Asked] = deque()
        self._planned = False
        self._before_write: list[Callable[[], None]] = []
        self._opening: asyncio.Task[None] | None = None
        self._connection: RedisConnection | None = None
        self._borrowed: AbstractConnection | None = None
        self._loaded: set[str] = set()
        # While this is set nothing is written: what it says is done once all is answered.
        self._then: str = ""
        self._unknown: list[Asked] = []
        self._asked_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def call(self, *command: Any) -> Any:
        """Run one command; raises BrokerUnavailable where the broker is away, ResponseError."""
        return await self._post(*command)

    def _post(self, *command: Any) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        # Here, so that what cannot be sent fails alone, and no other with it.
        self._waiting.append(Asked(packed(command), command[0], answer))
        self._write_soon()
        return answer

    def before_write(self, add: Callable[[], None]) -> None:
        """Call `add` once, before this turn's commands are written: what it runs is among them."""
        self._before_write.append(add)
        self._write_soon()

    async def run(self, name: str, base: str, *args: Any, directory: Path = lua.SCRIPTS) -> Any:
        """Run a Lua script (of this package, or a `directory`) on keys that begin with `base`."""
        if not self.knows_the_time:
            await self.ask_the_time()
        try:
            return await self.run_soon(name, base, *args, directory=directory)
        except UnusableKeys as error:
            raise await self.naming_keys(base, error) from error

    def run_soon(
        self, name: str, base: str, *args: Any, directory: Path = lua.SCRIPTS
    ) -> asyncio.Future[Any]:
        """`run` for who knows that the time is known, and names odd keys by `naming_keys`."""
        _, sha = lua.script(name, directory)
        if self._clock.due():
            # Beside the script, in the same round trip.
            self.ask_the_time()
        return self._evaluate(sha, f"{base}:meta", self._clock.now(), *args)

    async def naming_keys(self, base: str, error: UnusableKeys) -> UnusableKeys:
        """The same error with the names of the keys that cannot be used."""
        found = await wrong_type.wrong_keys(self.call, base)
        what = f"The keys {base}:* in the broker cannot be used: "
        what += "; ".join(found) or str(error.__cause__)
        return UnusableKeys(f"{what}. Delete or rename it.")

    @property
    def knows_the_time(self) -> bool:
        """Whether the broker was asked for its steady clock before."""
        return self._clock.now() is not None

    def _evaluate(self, sha: str, key: str, *args: Any) -> asyncio.Future[Any]:
        if sha not in self._loaded:
            # Ahead of it, so that a broker that lacks it answers nothing out of turn.
            self._load([sha])
        return self._post("EVALSHA", sha, 1, key, *args)

    def _load(self, scripts: list[str]) -> None:
        """Put scripts at the head of what is written next; nobody waits for the answers."""
        nobody = asyncio.get_running_loop().create_future()
        nobody.cancel()
        loads = [packed(("SCRIPT", "LOAD", lua.sources[sha])) for sha in scripts]
        self._waiting[:0] = [Asked(load, "SCRIPT", nobody) for load in loads]
        self._loaded.update(scripts)

    def ask_the_time(self) -> asyncio.Future[Any]:
        """Have the steady clock set by the broker; raises as `call` does."""
        key, question = f"{self._prefix}:clock", self._clock.question()
        answer = self._evaluate(lua.script("clock")[1], key, *question)
        answer.add_done_callback(self._set_clock)
        return answer

    def _set_clock(self, answer: asyncio.Future[Any]) -> None:
        if not answer.cancelled() and answer.exception() is None:
            self._clock.hear(answer.result())

    async def close(self) -> None:
        """Let what is under way finish, then close every connection; a later call opens another."""
        while True:
            if self._before_write:
                self._write()
            asked = (*self._pending, *self._unknown, *self._waiting)
            under_way = [each.answer for each in asked if not each.answer.done()]
            if self._opening is not None:
                under_way.append(self._opening)
            if not under_way:
                break
            await asyncio.wait(under_way)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._give_back()
        await redis_urls.close(self._pool)

    def _write(self) -> None:
        adding, self._before_write = self._before_write, []
        for add in adding:
            try:
                add()
            except Exception:
                # The others', and who called before, go on.
                logger.exception("What was to be sent could not be made ready.")
        self._planned = False
        if self._then or not self._waiting:
            return
        if self._is_stale():
            self._leave()
        if self._connection is None:
            # Nobody waits for those any more, and none was sent.
            self._waiting = [asked for asked in self._waiting if not asked.answer.done()]
            if self._waiting and self._opening is None:
                self._opening = asyncio.get_running_loop().create_task(self._open())
                self._opening.add_done_callback(self._opened)
            return
        asked, self._waiting = self._waiting, []
        if not self._pending:
            self._asked_at = asyncio.get_running_loop().time()
        self._pending.extend(asked)
        self._connection.write(b"".join([each.packed for each in asked]))
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._answer_timeout, self._look)

    def _write_soon(self) -> None:
        if not self._planned:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._write)

    async def _open(self) -> None:
        try:
            await self._give_back()
            self._borrowed = await self._pool.get_connection()  # type: ignore[no-untyped-call]
            if not await quiet(self._borrowed):
                raise redis.ConnectionError("It said something that nobody asked for.")
            self._connection = RedisConnection(self._borrowed, self._take, self._lost)
            self._load(list(lua.sources))
            self._write_soon()
        except BaseException as error:
            self._refuse_waiting(error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._opening = None

    def _opened(self, opening: asyncio.Task[None]) -> None:
        """Where it was cancelled before it began, nothing of it has run."""
        if self._opening is opening:
            self._opening = None
            self._refuse_waiting(asyncio.CancelledError())

    async def _give_back(self) -> None:
        """Close the connection, and let redis-py have it back."""
        borrowed, self._borrowed = self._borrowed, None
        self._leave()
        if borrowed is not None:
            await borrowed.disconnect()
            await self._pool.release(borrowed)

    def _take(self, result: Any) -> None:
        """The answer to the oldest command that has none yet."""
        asked = self._pending.popleft()
        answer = asked.answer
        if isinstance(result, Exception):
            if isinstance(result, NoScriptError) and not asked.again:
                self._unknown.append(asked._replace(again=True))
                self._then = self._then or "load"
            elif not answer.done():
                answer.set_exception(as_refusal(result))
        elif not answer.done():
            parse = self._parsers.get(asked.name)
            try:
                answer.set_result(result if parse is None else parse(result))
            except Exception as error:
                answer.set_exception(error)
        if redis.ReadOnlyError in map(type, result if isinstance(result, list) else (result,)):
            # Demoted to a replica: the address may lead to the new master by now.
            self._then = "leave"
        if self._then and not self._pending:
            self._all_answered()

    def _all_answered(self) -> None:
        then, self._then = self._then, ""
        unknown, self._unknown = self._unknown, []
        # In the order of the calls: those that were not run before those that were not written.
        self._waiting[:0] = unknown
        if then == "leave":
            self._leave()
        else:
            self._load(list(lua.sources))
        self._write_soon()

    def _lost(self, error: Exception) -> None:
        """The connection has ended: what was written may have been run, or not."""
        self._connection, self._then = None, ""
        pending, self._pending = self._pending, deque()
        refuse(pending, partial(no_answer, error))
        # Those it never ran, and those it never saw, go over the next one; but not to a broker that
        # is silent: they would wait as long, one after the other.
        self._waiting[:0] = self._unknown
        self._unknown = []
        if isinstance(error, redis.TimeoutError):
            self._refuse_waiting(error)
        self._write_soon()

    def _refuse_waiting(self, error: BaseException) -> None:
        waiting, self._waiting = self._waiting, []
        refuse(waiting, partial(no_connection, error))

    def _leave(self) -> None:
        """Close the connection; who waits for an answer of it is told that none will come."""
        connection, self._connection = self._connection, None
        pending, self._pending = self._pending, deque()
        refuse(pending, partial(no_answer, redis.ConnectionError("the connection was closed")))
        if connection is not None:
            connection.leave()

    def _is_stale(self) -> bool:
        """Whether the connection was idle for longer than the host's options trust one."""
        interval = self._borrowed.health_check_interval if self._borrowed else 0
        if not interval or self._pending or self._connection is None:
            return False
        return asyncio.get_running_loop().time() - self._connection.heard_at > interval

    def _look(self, read_since: bool = False) -> None:
        """Leave a broker that says nothing to what it is asked, once what has come is read."""
        self._timer = None
        if self._connection is None or not self._pending:
            return
        loop = asyncio.get_running_loop()
        silent = loop.time() - max(self._asked_at, self._connection.heard_at)
        if silent < self._answer_timeout:
            self._timer = loop.call_later(self._answer_timeout - silent, self._look)
        elif not read_since:
            # Where this process stood still, its answers lie in the socket: uvloop runs what is
            # due before it reads.
            self._timer = loop.call_later(READING, self._look, True)
        else:
            self._connection.abort(redis.TimeoutError("Timeout reading from socket"))
