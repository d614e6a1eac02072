"""A consumer's connection is looked at now and then and after failures, and else trusted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection

from bus.database.connection_limit import close_connections
from bus.workers import base
from bus.workers.moderation import ModerationWorker

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def worker() -> Iterator[ModerationWorker]:
    found = ModerationWorker()
    yield found
    found._thread.submit(close_connections).result()
    found._thread.shutdown()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    seen: list[None] = []
    look = base.close_old_connections

    def counted(**_: Any) -> None:
        seen.append(None)
        look()

    monkeypatch.setattr(base, "close_old_connections", counted)
    return seen


def ask() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def fail() -> None:
    raise OperationalError("the server went away")


async def test_one_in_use_is_looked_at_once(worker: ModerationWorker, looks: list[None]) -> None:
    worker.trusted = 60.0
    for _ in range(5):
        await worker.in_thread(ask)
    assert len(looks) == 1


async def test_one_in_use_all_the_time_is_looked_at_again(
    worker: ModerationWorker, looks: list[None]
) -> None:
    """Or CONN_MAX_AGE would never end it."""
    worker.trusted = 0.1
    async with asyncio.timeout(10):
        while len(looks) < 3:
            await worker.in_thread(ask)
    assert len(looks) == 3


async def test_one_that_was_idle_is_looked_at_again(
    worker: ModerationWorker, looks: list[None]
) -> None:
    await worker.in_thread(ask)
    worker.trusted = -1.0
    await worker.in_thread(ask)
    assert len(looks) == 2


async def test_after_a_failure_it_is_looked_at_first(
    worker: ModerationWorker, looks: list[None]
) -> None:
    await worker.in_thread(ask)
    with pytest.raises(OperationalError):
        await worker.in_thread(fail)
    await worker.in_thread(ask)
    assert len(looks) == 2


async def test_one_that_is_lost_is_mended(worker: ModerationWorker) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite loses no connection, and Django asks it of none")
    await worker.in_thread(ask)

    def lose() -> None:
        connection.connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    with pytest.raises(Exception, match="closed"):
        await worker.in_thread(lose)
    await worker.in_thread(ask)
