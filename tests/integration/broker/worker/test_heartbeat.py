"""Beats: who lives is known, and a beat costs the same however many workers there are elsewhere."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import redis

from bus.broker import BusChannelLayer
from bus.broker.worker.heartbeat import Heartbeat
from bus.broker.worker.local_workers import machine, new_worker_id
from tests.support.wait import until_async

pytestmark = pytest.mark.asyncio

BASE = "{test:jobs}"


@pytest_asyncio.fixture
async def layer(broker: str) -> AsyncIterator[BusChannelLayer]:
    found = BusChannelLayer(hosts=[broker], prefix="test")
    yield found
    await found.close()


@pytest.fixture
def raw(broker: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(broker) as client:
        yield client


@pytest.fixture
def heartbeat(layer: BusChannelLayer) -> Iterator[Heartbeat]:
    found = Heartbeat(new_worker_id(), [(BASE, layer.host_of("jobs"))], dict)
    yield found
    found.stop()


def of_process(pid: int) -> str:
    """The id of a worker that this machine's process of that number would have."""
    return f"{machine()}-{pid}-0123abcd"


async def test_a_beat_hears_of_its_machine_alone(heartbeat: Heartbeat, raw: redis.Redis) -> None:
    assert heartbeat.beat()
    ((name, beaten),) = raw.zrange(f"{BASE}:workers", 0, 0, withscores=True)
    raw.zadd(f"{BASE}:workers", {f"elsewhere-{n}-0": beaten for n in range(1000)})
    neighbour = of_process(os.getppid())
    raw.zadd(f"{BASE}:workers", {neighbour: beaten})
    # One of them stopped; so nobody has to take it out.
    raw.sadd(f"{BASE}:machine:{machine()}", neighbour, of_process(1))
    raw.config_resetstat()
    assert heartbeat.beat()
    assert heartbeat._near[BASE] == {name.decode(): os.getpid(), neighbour: os.getppid()}
    assert raw.smembers(f"{BASE}:machine:{machine()}") == {name, neighbour.encode()}
    # A thousand names would be some 20 kB.
    assert raw.info("stats")["total_net_output_bytes"] < 2000


async def test_a_neighbour_that_died_is_forgotten_at_once(
    heartbeat: Heartbeat, layer: BusChannelLayer, raw: redis.Redis
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    worker = of_process(process.pid)
    other = Heartbeat(worker, [(BASE, layer.host_of("jobs"))], dict)
    assert other.beat()
    assert heartbeat.beat()
    assert raw.zscore(f"{BASE}:workers", worker) is not None
    process.kill()
    await process.wait()
    heartbeat._look_around()
    assert raw.zscore(f"{BASE}:workers", worker) is None
    assert not raw.hexists(f"{BASE}:about", worker)
    other.stop()


async def test_something_else_at_the_key_of_the_machine_stops_no_beat(
    heartbeat: Heartbeat, layer: BusChannelLayer, raw: redis.Redis
) -> None:
    raw.set(f"{BASE}:machine:{machine()}", "something else")
    assert heartbeat.beat()

    async def known() -> bool:
        return len(await layer.stream("jobs").workers()) == 1

    await until_async(known)
