"""Commands to one broker host, gathered into pipelines so that callers share round trips."""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import redis
from redis import asyncio as aioredis
from redis.backoff import NoBackoff
from redis.exceptions import MasterDownError, NoScriptError
from redis.retry import Retry

from bus.broker import redis_urls, wrong_type
from bus.broker.clock import SteadyClock
from bus.broker.errors import BrokerUnavailable, InvalidMessage, UnusableKeys
from bus.broker.redis_urls import Host as Host

# Enough to fill a round trip; few enough that one reply stays small.
_PIPELINE_LIMIT = 512
# A broker that has not answered for this long is away, in seconds.
_ANSWER_TIMEOUT = 10.0
SCRIPTS = Path(__file__).parent / "scripts"
_CONNECT_TIMEOUT = redis_urls.CONNECT_TIMEOUT
# What a broker that refuses writes begins its errors with, and what to tell of it.
_REFUSALS = {
    "OOM": "The broker's memory is full (maxmemory). Nothing was accepted.",
    "MISCONF": "The broker cannot write to its disk. Nothing was accepted.",
    "NOREPLICAS": "The broker has too few replicas to take writes. Nothing was accepted.",
    "BUSY": "The broker is busy with a script. Nothing was accepted.",
}


NO_BROKER = (
    "What answers at the broker's address is neither Redis nor Valkey ({said}). Mend REDIS_URL."
)
CLUSTER = (
    "The broker is a Redis or Valkey in cluster mode, which Bus cannot use. Give it one with "
    "cluster mode disabled; see docs/brokers.md."
)
# What such a server says to a command for another node, or to a database's number.
_REDIRECTIONS = ("MOVED", "ASK", "CROSSSLOT", "TRYAGAIN")


# Those that were asked for, by their SHA-1: a broker that has just started knows none.
_sources: dict[str, str] = {}


@cache
def script(name: str, directory: Path = SCRIPTS) -> tuple[str, str]:
    """A Lua script's source and its SHA-1, which is how the broker knows it.

    What builds on the broker has scripts of its own, in a directory of its own.
    """
    source = (directory / f"{name}.lua").read_text("utf-8")
    # The first line may be one that the broker reads.
    first, flags, rest = source.rpartition("flags=allow-oom\n")
    source = first + flags + (SCRIPTS / "prelude.lua").read_text("utf-8") + rest
    sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    _sources[sha] = source
    return source, sha


class RedisClient:
    """Commands to one broker host; calls made at the same time share one pipeline."""

    def __init__(self, host: Host, prefix: str, clock: SteadyClock) -> None:
        self._prefix = prefix
        self._clock = clock
        # A repeated pipeline would send twice and lose claims: a pool tries once, whoever calls
        # decides.
        self._pool = redis_urls.pool(host, socket_timeout=_ANSWER_TIMEOUT)
        self._redis = aioredis.Redis(connection_pool=self._pool)
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._flusher: asyncio.Task[None] | None = None

    async def call(self, *command: Any) -> Any:
        """Run one command; raises BrokerUnavailable where the broker is away, ResponseError."""
        return await self._post(*command)

    def _post(self, *command: Any) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        # Here, so that what cannot be sent fails alone, and not the pipeline with others' commands.
        self._waiting.append(((command[0], *map(encoded, command[1:])), answer))
        if self._flusher is None:
            self._flusher = loop.create_task(self._flush())
        return answer

    async def run(self, name: str, base: str, *args: Any, directory: Path = SCRIPTS) -> Any:
        """Run a Lua script (of this package, or a `directory`) on keys that begin with `base`."""
        _, sha = script(name, directory)
        now = self._clock.now()
        if now is None:
            await self._ask_the_time()
            now = self._clock.now()
        elif self._clock.due():
            # Beside the script, in the same round trip.
            self._ask_the_time()
        try:
            return await self.call("EVALSHA", sha, 1, f"{base}:meta", now, *args)
        except UnusableKeys as error:
            found = await wrong_type.wrong_keys(self.call, base)
            what = "; ".join(found) or str(error.__cause__)
            said = f"The keys {base}:* in the broker cannot be used: {what}. Delete or rename it."
            raise UnusableKeys(said) from error

    def _ask_the_time(self) -> asyncio.Future[Any]:
        """Have the clock set by the broker; who must know it waits, and raises what it raises."""
        key, question = f"{self._prefix}:clock", self._clock.question()
        answer = self._post("EVALSHA", script("clock")[1], 1, key, *question)
        answer.add_done_callback(self._set_clock)
        return answer

    def _set_clock(self, answer: asyncio.Future[Any]) -> None:
        if not answer.cancelled() and answer.exception() is None:
            self._clock.hear(answer.result())

    async def close(self) -> None:
        """Let what is under way finish, then close every connection."""
        if self._flusher is not None:
            await asyncio.wait([self._flusher])
        await redis_urls.close(self._pool)

    async def _flush(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:_PIPELINE_LIMIT]
                del self._waiting[:_PIPELINE_LIMIT]
                await self._execute(batch)
        finally:
            self._flusher = None
            for _, answer in self._waiting:
                if not answer.done():
                    answer.set_exception(BrokerUnavailable("The connection was given up."))
            self._waiting.clear()

    async def _execute(self, batch: list[tuple[tuple[Any, ...], asyncio.Future[Any]]]) -> None:
        try:
            results = await self._pipeline([command for command, _ in batch])
            if any(isinstance(result, NoScriptError) for result in results):
                await self._load_scripts()
                again = [i for i, r in enumerate(results) if isinstance(r, NoScriptError)]
                for i, result in zip(
                    again, await self._pipeline([batch[i][0] for i in again]), strict=True
                ):
                    results[i] = result
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            if isinstance(error, redis.TimeoutError):
                # Those behind would wait as long, one after the other.
                batch += self._waiting
                self._waiting.clear()
            for _, answer in batch:
                if not answer.done():
                    refusal = BrokerUnavailable(f"The broker does not answer ({error}).")
                    refusal.__cause__ = error
                    answer.set_exception(refusal)
            return
        except Exception as error:
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(_as_refusal(error))
            return
        except BaseException:
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(BrokerUnavailable("The connection was given up."))
            raise
        if any(isinstance(result, redis.ReadOnlyError) for result in results):
            # Demoted to a replica: the address may lead to the new master by now.
            await self._pool.disconnect()
        for (_, answer), result in zip(batch, results, strict=True):
            if answer.done():
                continue
            if isinstance(result, Exception):
                answer.set_exception(_as_refusal(result))
            else:
                answer.set_result(result)

    async def _pipeline(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            results: list[Any] = await pipe.execute(raise_on_error=False)
            return results

    async def _load_scripts(self) -> None:
        await self._pipeline([("SCRIPT", "LOAD", source) for source in list(_sources.values())])


def encoded(part: Any) -> bytes | int | float:
    """One part of a command; raises InvalidMessage where it is nothing that a broker takes."""
    if isinstance(part, bytes | float) or (isinstance(part, int) and not isinstance(part, bool)):
        return part
    if isinstance(part, str):
        try:
            return part.encode()
        except UnicodeEncodeError as error:
            said = f"{part!r} is no text that can be sent. Nothing was sent."
            raise InvalidMessage(said) from error
    raise InvalidMessage(f"{part!r} is neither text nor a number. Nothing was sent.")


def _as_refusal(error: Exception) -> Exception:
    """A broker that is loading its data, failing over, full or shutting down is away, too."""
    word = "OOM" if isinstance(error, redis.OutOfMemoryError) else str(error).split(" ", 1)[0]
    if isinstance(error, redis.ConnectionError | redis.ReadOnlyError | MasterDownError):
        refusal = BrokerUnavailable(f"The broker does not answer ({error}).")
    elif isinstance(error, redis.InvalidResponse):
        refusal = BrokerUnavailable(NO_BROKER.format(said=error))
    elif _is_cluster(error, word):
        refusal = BrokerUnavailable(CLUSTER)
    elif "DB index is out of range" in str(error):
        refusal = BrokerUnavailable("The broker has no database of this number. Mend REDIS_URL.")
    elif word in _REFUSALS:
        refusal = BrokerUnavailable(_REFUSALS[word])
    elif word == "WRONGTYPE" or "user_script" in str(error):
        # A script that stumbles does so over what it finds.
        refusal = UnusableKeys(f"The keys in the broker cannot be used ({error}).")
    else:
        return error
    refusal.__cause__ = error
    return refusal


def _is_cluster(error: Exception, word: str) -> bool:
    # redis-py takes the first word of some away.
    errors = redis.exceptions
    kinds = (
        errors.AskError,
        errors.ClusterCrossSlotError,
        errors.ClusterDownError,
        errors.TryAgainError,
    )
    said = word in _REDIRECTIONS or "cluster mode" in str(error)
    return isinstance(error, kinds) or (isinstance(error, redis.ResponseError) and said)


def sync_client(host: Host) -> redis.Redis:
    """A blocking client of the same host, for threads; raises redis-py's own errors."""
    options = {
        k: v
        for k, v in host.items()
        if k not in ("address", "socket_timeout", "max_connections", "retry")
    }
    options |= {"socket_timeout": _CONNECT_TIMEOUT, "socket_connect_timeout": _CONNECT_TIMEOUT}
    retry = Retry(NoBackoff(), 0)
    if "address" in host:
        return redis.Redis.from_url(host["address"], retry=retry, **options)
    if "master_name" in options:
        name = options.pop("master_name")
        addresses, extra = options.pop("sentinels"), options.pop("sentinel_kwargs", None)
        sentinel = redis.Sentinel(addresses, sentinel_kwargs=extra)  # type: ignore[no-untyped-call]
        master: redis.Redis = sentinel.master_for(name, retry=retry, **options)  # type: ignore[no-untyped-call]
        return master
    return redis.Redis(retry=retry, **options)
