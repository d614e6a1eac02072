"""The database for consumers: a few threads of their own, beside Channels' only one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, connections

from bus.errors import Unavailable

T = TypeVar("T")

# Each thread keeps a connection, so this is also the connections of a web process.
_THREADS = 4
# How long a close waits for queries that are under way, in seconds.
_CLOSE_WAIT = 5.0


def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="consumers-database")


_threads = _pool()


async def run(work: Callable[..., T], *args: object) -> T:
    """Do blocking work with the database; raises Unavailable when that is away."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _do, work, args)


def _do(work: Callable[..., T], args: tuple[object, ...]) -> T:
    close_old_connections()
    try:
        return work(*args)
    except (OperationalError, InterfaceError) as error:
        close_old_connections()
        raise Unavailable("The database does not answer; try again in a moment.") from error


def close() -> None:
    """Close the threads and their connections; the next work opens new ones."""
    global _threads
    threads, _threads = _threads, _pool()
    # Each thread closes its own; the barrier gives each exactly one of these.
    together = threading.Barrier(_THREADS)
    for _ in range(_THREADS):
        threads.submit(_close_mine, together)
    threads.shutdown()


def _close_mine(together: threading.Barrier) -> None:
    connections.close_all()
    try:
        together.wait(_CLOSE_WAIT)
    except threading.BrokenBarrierError:
        pass
