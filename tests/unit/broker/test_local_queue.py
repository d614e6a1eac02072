"""What waits for one channel of this process: bounded in number and in bytes, losses counted."""

import asyncio
import logging
from collections import Counter
from typing import Any

import pytest

from bus.broker.local_queue import LocalQueue

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def limit(settings: Any) -> None:
    settings.BUS_MAILBOX_LIMIT = 4096


async def read(box: LocalQueue, count: int) -> list[bytes | None]:
    return [await asyncio.wait_for(box.get(), 1) for _ in range(count)]


async def test_it_is_bounded_in_bytes_and_takes_again(caplog: pytest.LogCaptureFixture) -> None:
    dropped: Counter[str] = Counter()
    box = LocalQueue("bus.specific!x", 100, dropped)
    losses: list[str] = []
    box.on_loss = lambda: losses.append("loss")
    large = b"x" * 1024
    with caplog.at_level(logging.WARNING):
        for _ in range(7):
            box.put_nowait(large)
        # What is small still fits where nothing large does.
        assert dropped == {"bytes": 3}
        assert await read(box, 1) == [large]
        box.put_nowait(b"y")
        assert losses == []
        assert await read(box, 4) == [large, large, large, b"y"]
    assert losses == ["loss"]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "4 messages of 4096 bytes" in told[0]
    assert "3 messages were dropped" in told[1]
    # Nothing was lost since.
    box.put_nowait(large)
    assert await read(box, 1) == [large]
    assert losses == ["loss"]


async def test_it_is_bounded_in_number() -> None:
    dropped: Counter[str] = Counter()
    box = LocalQueue("bus.specific!x", 2, dropped)
    for _ in range(5):
        box.put_nowait(b"x")
    assert dropped == {"messages": 3}


async def test_one_alone_fits_however_large_it_is() -> None:
    dropped: Counter[str] = Counter()
    box = LocalQueue("bus.specific!x", 2, dropped)
    box.put_nowait(b"x" * 10_000)
    box.put_nowait(b"y")
    assert dropped == {"bytes": 1}
    assert await read(box, 1) == [b"x" * 10_000]


async def test_emptied_by_others_it_lets_readers_go_and_holds_nothing() -> None:
    dropped: Counter[str] = Counter()
    box = LocalQueue("bus.specific!x", 2, dropped)
    box.put_nowait(b"x" * 4096)
    box.discard()
    reading = asyncio.ensure_future(read(box, 1))
    # The reader waits in a task of its own.
    for _ in range(3):
        await asyncio.sleep(0)
    box.discard()
    assert await reading == [None]
    box.put_nowait(b"x" * 4096)
    assert not dropped
