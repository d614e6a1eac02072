"""What waits for a connection gets the one of what was before it; at rest nobody has one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.signals import connection_created

from bus.database.connection_limit import ConnectionLimit
from bus.models import Room

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def opened() -> Iterator[list[object]]:
    """Each connection that is opened."""
    found: list[object] = []

    def note(connection: object, **_: object) -> None:
        found.append(connection)

    connection_created.connect(note)
    yield found
    connection_created.disconnect(note)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(10) as threads:
        yield threads


def submitted(
    limit: ConnectionLimit, threads: ThreadPoolExecutor, *work: Callable[[], Any]
) -> list[asyncio.Future[Any]]:
    def refuse(answer: Future[Any]) -> None:
        answer.set_exception(AssertionError("there was no permit in time"))

    return [asyncio.wrap_future(limit.submit(each, threads, refuse)) for each in work]


async def test_many_at_once_share_as_many_connections_as_there_are_permits(
    opened: list[object], threads: ThreadPoolExecutor
) -> None:
    await Room.objects.acreate(name="lobby")
    opened.clear()
    all_wait = threading.Event()

    def count() -> int:
        assert all_wait.wait(10)
        return Room.objects.count()

    limit = ConnectionLimit(lambda: 2)
    asking = submitted(limit, threads, *[count] * 50)
    all_wait.set()
    assert await asyncio.gather(*asking) == [1] * 50
    assert 1 <= len(opened) <= 2
    asked = [threads.submit(lambda: connections[connection.alias].connection) for _ in range(10)]
    assert [future.result() for future in asked] == [None] * 10
    # Nothing waited, and so nothing was kept.
    opened.clear()
    for _ in range(3):
        await asyncio.gather(*submitted(limit, threads, Room.objects.count))
    assert len(opened) == 3


async def test_what_failed_or_was_left_open_is_not_handed_on(
    opened: list[object], threads: ThreadPoolExecutor
) -> None:
    def fail() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    def leave_open() -> None:
        transaction.set_autocommit(False)
        Room.objects.count()

    limit = ConnectionLimit(lambda: 1)
    work = [fail, Room.objects.count, leave_open, Room.objects.count, Room.objects.count]
    opened.clear()
    found = await asyncio.gather(*submitted(limit, threads, *work), return_exceptions=True)
    assert isinstance(found[0], DatabaseError)
    assert found[1:] == [0, None, 0, 0]
    # One that failed, one with another way to commit, and one for all that came after.
    assert len(opened) == 3


async def test_who_is_gone_before_its_turn_costs_nobody_a_permit(
    threads: ThreadPoolExecutor,
) -> None:
    done: list[int] = []
    limit = ConnectionLimit(lambda: 1)
    waiting = submitted(limit, threads, *(lambda n=n: done.append(n) for n in range(6)))
    for gone in waiting[2:5]:
        gone.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert {0, 1, 5} <= set(done)
    assert await asyncio.gather(*submitted(limit, threads, Room.objects.count)) == [0]


async def test_what_is_for_other_threads_is_done_there(threads: ThreadPoolExecutor) -> None:
    limit = ConnectionLimit(lambda: 1)
    with ThreadPoolExecutor(1) as others:
        mixed = [
            submitted(limit, (threads, others)[n % 2], Room.objects.count)[0] for n in range(20)
        ]
        assert await asyncio.gather(*mixed) == [0] * 20
