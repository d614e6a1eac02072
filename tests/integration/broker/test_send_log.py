"""A broker that lost the newest of what it had taken is given it again, in order."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import redis

from bus.broker import BusChannelLayer
from bus.broker.send_log import SendLog

pytestmark = pytest.mark.asyncio

STREAM = "{test:jobs}:1:0"


@pytest_asyncio.fixture
async def layer(broker: str) -> AsyncIterator[BusChannelLayer]:
    found = BusChannelLayer(hosts=[broker], prefix="test", partitions=1)
    yield found
    await found.close()


async def send(layer: BusChannelLayer, number: int, **options: Any) -> None:
    options = {"repeatable": True, "ordering_key": "k", **options}
    await layer.send("jobs", {"type": "x", "n": number}, **options)


def numbers(layer: BusChannelLayer, broker: str) -> list[int]:
    with redis.Redis.from_url(broker) as client:
        return [layer.deserialize(entry[b"m"])["n"] for _, entry in client.xrange(STREAM)]


def lose(broker: str, count: int) -> None:
    """As a broker does that is killed before it has written the newest."""
    with redis.Redis.from_url(broker) as client:
        (sender,) = client.keys("{test:jobs}:sender:*")
        client.xdel(STREAM, *(id_ for id_, _ in client.xrevrange(STREAM, count=count)))
        client.decrby(sender, count)


async def test_what_the_broker_lost_is_sent_again_before_anything_later(
    layer: BusChannelLayer, broker: str
) -> None:
    for number in range(6):
        await send(layer, number)
    lose(broker, 3)
    assert numbers(layer, broker) == [0, 1, 2]
    await asyncio.gather(*(send(layer, number) for number in range(6, 12)))
    assert numbers(layer, broker) == list(range(12))
    await send(layer, 12)
    assert numbers(layer, broker) == list(range(13))


async def test_a_broker_that_forgot_everything_is_told_the_latest(
    layer: BusChannelLayer, broker: str
) -> None:
    for number in range(3):
        await send(layer, number)
    with redis.Redis.from_url(broker) as client:
        client.flushdb()
    await send(layer, 3)
    assert numbers(layer, broker) == [0, 1, 2, 3]


async def test_only_what_is_young_and_harmless_is_sent_again(
    layer: BusChannelLayer, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await send(layer, 0)
    await send(layer, 1, repeatable=False)
    monkeypatch.setattr(SendLog, "kept_for", -1.0)
    await send(layer, 2)
    with redis.Redis.from_url(broker) as client:
        client.flushdb()
    # It is known that something is gone, and no longer what.
    await send(layer, 3)
    await send(layer, 4)
    assert numbers(layer, broker) == [3, 4]


async def test_what_is_kept_is_bounded(
    layer: BusChannelLayer, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SendLog, "kept_size", 200)
    for number in range(100):
        await send(layer, number)
    with redis.Redis.from_url(broker) as client:
        client.flushdb()
    await send(layer, 100)
    found = numbers(layer, broker)
    assert 1 < len(found) < 20
    assert found == list(range(101 - len(found), 101))
