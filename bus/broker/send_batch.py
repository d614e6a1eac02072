"""The sends of one turn of the event loop to one channel: they go in one script, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from copy import copy
from functools import partial
from typing import Any, NamedTuple

import msgpack
from redis.exceptions import InvalidResponse

from bus.broker.redis_client import RedisClient
from bus.broker.redis_refusal import as_refusal

# Of one script: few and small enough that the broker goes on with others between, in bytes.
_MOST = 100
_LARGEST = 1024 * 1024


class _Send(NamedTuple):
    # What sends of one script share: the channel's capacity and its partitions.
    limits: tuple[int, int]
    payload: bytes
    options: bytes
    answer: asyncio.Future[Any]


class SendBatch:
    """Gathers sends until the commands of this turn are written; each has its own answer."""

    def __init__(self, connection: RedisClient, base: str, sender: dict[str, Any]) -> None:
        """`sender` is what send.lua is told of who sends."""
        self._connection = connection
        self._base = base
        self._sender = sender
        self._sends: list[_Send] = []
        self._asking: asyncio.Future[Any] | None = None

    def add(self, payload: bytes, options: bytes, limits: tuple[int, int]) -> asyncio.Future[Any]:
        """Send with the next ones; `options` are packed, `limits` the capacity and partitions."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self._sends:
            self._connection.before_write(self._leave)
        self._sends.append(_Send(limits, payload, options, answer))
        return answer

    def _leave(self) -> None:
        if self._asking is not None:
            return
        if not self._connection.knows_the_time:
            # All wait together, so that none overtakes another.
            self._asking = self._connection.ask_the_time()
            self._asking.add_done_callback(self._time_is_known)
            return
        sends, self._sends = self._sends, []
        # Who was cancelled before it left is not sent.
        for chunk in _chunks([send for send in sends if not send.answer.done()]):
            try:
                self._run(chunk)
            except Exception as error:
                _refuse(chunk, error)

    def _time_is_known(self, asking: asyncio.Future[Any]) -> None:
        self._asking = None
        error = asyncio.CancelledError() if asking.cancelled() else asking.exception()
        if error is None:
            self._connection.before_write(self._leave)
        else:
            sends, self._sends = self._sends, []
            _refuse(sends, error)

    def _run(self, sends: list[_Send]) -> None:
        capacity, partitions = sends[0].limits
        shared = {**self._sender, "capacity": capacity, "partitions": partitions}
        messages = [part for send in sends for part in (send.payload, send.options)]
        packed = msgpack.packb(shared, use_bin_type=False)
        answers = self._connection.run_soon("send", self._base, packed, *messages)
        answers.add_done_callback(partial(_answered, sends))


def _chunks(sends: list[_Send]) -> Iterator[list[_Send]]:
    """In order: those that share their limits, and are not too much for one script."""
    chunk: list[_Send] = []
    size = 0
    for send in sends:
        size += len(send.payload)
        if chunk and (send.limits != chunk[0].limits or len(chunk) == _MOST or size > _LARGEST):
            yield chunk
            chunk, size = [], len(send.payload)
        chunk.append(send)
    if chunk:
        yield chunk


def _answered(sends: list[_Send], answers: asyncio.Future[Any]) -> None:
    error = asyncio.CancelledError() if answers.cancelled() else answers.exception()
    if error is not None:
        _refuse(sends, error)
        return
    found = answers.result()
    if not isinstance(found, list) or len(found) != len(sends):
        _refuse(sends, as_refusal(InvalidResponse(f"{found!r} for {len(sends)} messages")))
        return
    for send, answer in zip(sends, found, strict=True):
        if send.answer.done():
            continue
        if isinstance(answer, Exception):
            send.answer.set_exception(as_refusal(answer))
        else:
            send.answer.set_result(answer)


def _refuse(sends: list[_Send], error: BaseException) -> None:
    for send in sends:
        if not send.answer.done():
            # Each its own: raised, it has its own traceback.
            send.answer.set_exception(_copied(error))


def _copied(error: BaseException) -> BaseException:
    try:
        copied = copy(error)
    except Exception:
        # Some classes cannot make another from what they keep.
        return error
    copied.__cause__ = error.__cause__
    return copied
