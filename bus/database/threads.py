"""The threads that work with the database: all of them are made here.

The sockets of a web process share a pool (`run`), beside Channels' only thread. A request has a
thread of its own, in which asgiref's `sync_to_async` runs its code; so has a worker's consumer.

Read: asgiref 3.13.0 (sync.py).
Relies on:
    asgiref.sync.AsyncToSync: executors, loop_thread_executors
    asgiref.sync.SyncToAsync.__call__:
        `getattr(AsyncToSync.executors, "current", None)`,
        `loop in AsyncToSync.loop_thread_executors`
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import AsyncToSync, sync_to_async
from django.db import InterfaceError, OperationalError

from bus.database.connection_limit import RETRY_AFTER
from bus.database.limits import sockets
from bus.protocol.errors import Unavailable

T = TypeVar("T")

# More than any process may have connections: what bounds the work is its limit.
_of_sockets = ThreadPoolExecutor(1000, thread_name_prefix="sockets-database")


def one_thread(name: str) -> ThreadPoolExecutor:
    """One thread, for an owner that ends it."""
    return ThreadPoolExecutor(1, thread_name_prefix=name)


def end(thread: ThreadPoolExecutor, last: Callable[[], object]) -> None:
    """Have a thread do one thing more and end; to be called as its owner's coroutine ends.

    A coroutine may end as garbage, which is collected anywhere, even where executors hold the lock
    that this needs: then the thread ends with its executor, and its connection with the thread.
    """
    if not isinstance(sys.exception(), GeneratorExit):
        thread.submit(last)
        thread.shutdown(wait=False)


async def run(work: Callable[..., T], *args: object) -> T:
    """Do blocking work with the database; raises Unavailable when it is away or busy too long."""
    job = partial(_do, work, args)
    if _outer_thread_waits():
        return await sync_to_async(job)()
    return await asyncio.wrap_future(sockets.submit(job, _of_sockets, _refuse))


def _outer_thread_waits() -> bool:
    """Whether a thread waits for this loop in `async_to_sync`, and does its sync code itself.

    So do Django's own tests, whose connection and transaction belong to that thread.
    """
    if getattr(AsyncToSync.executors, "current", None) is not None:
        return True
    return asyncio.get_running_loop() in AsyncToSync.loop_thread_executors


def _do(work: Callable[..., T], args: tuple[object, ...]) -> T:
    try:
        return work(*args)
    except (OperationalError, InterfaceError) as error:
        raise Unavailable("The database does not answer; try again in a moment.") from error


def _refuse(answer: Future[Any]) -> None:
    if not answer.cancelled():
        answer.set_exception(
            Unavailable("All database connections are busy.", retry_after=RETRY_AFTER)
        )
