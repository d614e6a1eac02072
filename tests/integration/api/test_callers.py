"""Who may call the layer: threads, several event loops, processes forked after use."""

import asyncio
import gc
import multiprocessing
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
import uvloop
from asgiref.sync import async_to_sync

from bus.broker import BusChannelLayer
from tests.support.wait import until

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def layer(broker: str) -> BusChannelLayer:
    return BusChannelLayer(hosts=[broker], prefix="test")


@pytest.fixture
def client(broker: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(broker) as found:
        # Connected before anybody counts.
        found.ping()
        yield found


def clients(client: redis.Redis) -> int:
    """How many connections the broker has besides the one that asks."""
    return len(client.client_list()) - 1


def descriptors() -> int:
    """How many sockets this process has open."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            continue
    return found


async def all_of(layer: BusChannelLayer, count: int) -> list[int]:
    return [(await asyncio.wait_for(layer.receive("jobs"), 10))["n"] for _ in range(count)]


def test_threads_send_at_once_through_one_layer(
    layer: BusChannelLayer, client: redis.Redis
) -> None:
    send = async_to_sync(layer.send)

    def work(thread: int) -> None:
        for number in range(10):
            send("jobs", {"type": "x", "n": 10 * thread + number}, ordering_key=str(thread))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    until(lambda: clients(client) == 0, "every thread's connections are closed")
    received = async_to_sync(all_of)(layer, 80)
    assert sorted(received) == list(range(80))
    for thread in range(8):
        assert [n for n in received if n // 10 == thread] == list(
            range(10 * thread, 10 * thread + 10)
        )


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_event_loops_used_in_turn_and_closed_leave_nothing_behind(
    layer: BusChannelLayer, client: redis.Redis, new_loop: LoopFactory
) -> None:
    sockets = descriptors()
    loops = [new_loop() for _ in range(3)]
    channels = [loop.run_until_complete(layer.new_channel()) for loop in loops]
    for number in range(9):
        loop = loops[number % 3]
        loop.run_until_complete(layer.send("jobs", {"type": "x", "n": number}))
        loop.run_until_complete(layer.send(channels[(number + 1) % 3], {"type": "y", "n": number}))
    assert loops[0].run_until_complete(all_of(layer, 9)) == list(range(9))
    for place, loop in enumerate(loops):
        first = loop.run_until_complete(asyncio.wait_for(layer.receive(channels[place]), 5))
        assert first["n"] == (place + 2) % 3
    for loop in loops:
        loop.close()
    until(lambda: clients(client) == 0, "every connection is closed")
    assert not layer._loops
    assert descriptors() == sockets


def test_loops_that_end_with_receivers_waiting_leave_nothing_behind(
    layer: BusChannelLayer, client: redis.Redis
) -> None:
    async def abandon() -> None:
        channel = await layer.new_channel()
        await layer.group_add("room", channel)
        for waiting in (layer.receive(channel), layer.receive("jobs")):
            task = asyncio.ensure_future(waiting)
            await asyncio.wait([task], timeout=0.02)

    sockets = descriptors()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        for _ in range(5):
            asyncio.run(abandon())
        gc.collect()
    until(lambda: clients(client) == 0, "every connection is closed")
    assert descriptors() == sockets


def test_two_loops_in_two_threads_at_once(layer: BusChannelLayer) -> None:
    async def ping(mine: str, theirs: list[str], ready: threading.Barrier) -> int:
        channel = await layer.new_channel(mine)
        theirs.append(channel)
        await asyncio.to_thread(ready.wait)
        (other,) = [name for name in theirs if name != channel]
        for number in range(50):
            await layer.send(other, {"type": "x", "n": number})
        return sum([(await asyncio.wait_for(layer.receive(channel), 5))["n"] for _ in range(50)])

    names: list[str] = []
    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(asyncio.run, ping(name, names, barrier)) for name in ("a", "b")]
        assert [future.result(20) for future in found] == [sum(range(50))] * 2


def in_children(work: Callable[[], Any], count: int = 1) -> None:
    """Run it in forks of this process at once; fails where one raised."""
    with warnings.catch_warnings():
        # Forking with threads about is what this is for.
        warnings.simplefilter("ignore", DeprecationWarning)
        children = [FORK.Process(target=work) for _ in range(count)]
        for child in children:
            child.start()
    for child in children:
        child.join(20)
        if child.is_alive():
            child.kill()
    assert [child.exitcode for child in children] == [0] * count


def test_a_child_forked_after_use_has_connections_of_its_own(
    layer: BusChannelLayer, client: redis.Redis
) -> None:
    loop = asyncio.new_event_loop()
    channel = loop.run_until_complete(layer.new_channel())
    loop.run_until_complete(layer.send("jobs", {"type": "x", "n": 1}))
    before = {c["id"] for c in client.client_list()}
    parent = layer._loops[loop]
    seen: Any = FORK.Queue()

    def work() -> None:
        # The parent's loop shares its sockets, and the kernel's list of them, with the child.
        with pytest.raises(RuntimeError, match="belongs to the parent"):
            loop.run_until_complete(layer.send("jobs", {"type": "x"}))
        its = asyncio.new_event_loop()
        its.run_until_complete(layer.send("jobs", {"type": "x", "n": 2}))
        its.run_until_complete(layer.send(channel, {"type": "from the child"}))
        pool = client.connection_pool
        with redis.Redis(
            connection_pool=redis.ConnectionPool(pool.connection_class, **pool.connection_kwargs)
        ) as own:
            seen.put({c["id"] for c in own.client_list()})
        assert layer._loops[its] is not parent
        its.close()

    in_children(work)
    assert before < seen.get(timeout=5), "the parent's connections stayed, and others came"
    loop.run_until_complete(layer.send("jobs", {"type": "x", "n": 3}))
    message = loop.run_until_complete(asyncio.wait_for(layer.receive(channel), 5))
    assert message == {"type": "from the child"}
    assert loop.run_until_complete(all_of(layer, 3)) == [1, 2, 3]
    loop.close()
    until(lambda: clients(client) == 0, "every connection is closed")


def test_a_child_that_closes_its_parents_loop_leaves_the_parent_its_connections(
    layer: BusChannelLayer, client: redis.Redis
) -> None:
    loop = asyncio.new_event_loop()
    channel = loop.run_until_complete(layer.new_channel())
    in_children(loop.close)
    loop.run_until_complete(layer.send(channel, {"type": "x"}))
    received = loop.run_until_complete(asyncio.wait_for(layer.receive(channel), 5))
    assert received == {"type": "x"}
    loop.close()
    until(lambda: clients(client) == 0, "every connection is closed")


def test_children_of_one_parent_work_at_once(layer: BusChannelLayer) -> None:
    async_to_sync(layer.send)("jobs", {"type": "x", "n": 0})

    def work() -> None:
        for _ in range(20):
            async_to_sync(layer.send)("jobs", {"type": "x", "n": 1})

    in_children(work, 3)
    assert sum(async_to_sync(all_of)(layer, 61)) == 60
