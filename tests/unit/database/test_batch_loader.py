"""Who asks during a reading shares the next one; what fails for one key fails for no other."""

import asyncio
import threading
from collections.abc import Collection

import pytest

from bus.database.batch_loader import BatchLoader
from bus.protocol.errors import Unavailable

pytestmark = pytest.mark.asyncio


async def test_who_asks_during_a_reading_shares_the_next_one() -> None:
    readings: list[list[int]] = []
    may_end = threading.Event()

    def read(keys: Collection[int]) -> dict[int, int]:
        readings.append(sorted(keys))
        assert may_end.wait(10)
        return {key: key * 2 for key in keys}

    loader = BatchLoader(read, most=10)
    asking = [asyncio.create_task(loader.load(0))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking += [asyncio.create_task(loader.load(n)) for n in (*range(15), 3)]
    await asyncio.sleep(0)
    may_end.set()
    assert await asyncio.gather(*asking) == [0, *(2 * n for n in range(15)), 6]
    assert readings == [[0], list(range(10)), list(range(10, 15))]


async def test_one_at_fault_is_told_alone() -> None:
    readings: list[list[int]] = []

    def read(keys: Collection[int]) -> dict[int, int]:
        readings.append(sorted(keys))
        return {key: 12 // key for key in keys}

    loader = BatchLoader(read)
    found = await asyncio.gather(*map(loader.load, (3, 0, 4)), return_exceptions=True)
    assert found[0] == 4
    assert isinstance(found[1], ZeroDivisionError)
    assert found[2] == 3
    assert await loader.load(6) == 2


async def test_a_database_that_is_away_is_asked_once() -> None:
    asked: list[int] = []

    def read(keys: Collection[int]) -> dict[int, int]:
        asked.append(len(keys))
        raise Unavailable

    loader = BatchLoader(read)
    found = await asyncio.gather(*map(loader.load, range(5)), return_exceptions=True)
    assert [type(one) for one in found] == [Unavailable] * 5
    assert asked == [5]
    with pytest.raises(Unavailable):
        await loader.load(1)


async def test_who_waits_when_it_closes_is_told() -> None:
    reading, may_end = threading.Event(), threading.Event()

    def read(keys: Collection[int]) -> dict[int, int]:
        reading.set()
        assert may_end.wait(10)
        return dict.fromkeys(keys, 0)

    loader = BatchLoader(read)
    first = asyncio.create_task(loader.load(1))
    await asyncio.to_thread(reading.wait, 10)
    second = asyncio.create_task(loader.load(2))
    await asyncio.sleep(0)
    loader.close()
    try:
        found = await asyncio.wait_for(asyncio.gather(first, second, return_exceptions=True), 10)
    finally:
        may_end.set()
    assert [type(one) for one in found] == [Unavailable] * 2
