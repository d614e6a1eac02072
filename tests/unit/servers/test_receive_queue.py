"""What a socket said waits for its application, in order, and takes nothing while nothing waits."""

from __future__ import annotations

import asyncio

import pytest

from bus.servers.receive_queue import ReceiveQueue

pytestmark = pytest.mark.asyncio


async def test_what_is_received_comes_in_order_and_before_them_what_waited() -> None:
    before: asyncio.Queue[int] = asyncio.Queue()
    for number in (1, 2):
        before.put_nowait(number)
    received = ReceiveQueue(before)
    received.put_nowait(3)
    assert not received.empty()
    assert [await received.get() for _ in range(3)] == [1, 2, 3]
    assert received.empty()


async def test_a_reader_waits_and_one_that_left_loses_nothing() -> None:
    received = ReceiveQueue(asyncio.Queue())
    gone = asyncio.create_task(received.get())
    await asyncio.sleep(0)
    # Something comes, and in the same moment the reader is told to go.
    received.put_nowait(1)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert gone.cancelled()
    next_one = asyncio.create_task(received.get())
    assert await asyncio.wait_for(next_one, 1) == 1
    waiting = asyncio.create_task(received.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    for number in (2, 3):
        received.put_nowait(number)
    assert await asyncio.wait_for(waiting, 1) == 2
    assert await asyncio.wait_for(received.get(), 1) == 3


async def test_it_says_when_all_is_taken() -> None:
    received = ReceiveQueue()
    emptied: list[int] = []
    received.on_empty = lambda: emptied.append(len(received))
    for number in (1, 2):
        received.put_nowait(number)
    assert len(received) == 2
    await received.get()
    assert emptied == []
    await received.get()
    assert emptied == [0]
