"""Our layer under the stock worker of Channels, and `receive` as any code may call it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import msgpack
import pytest
import pytest_asyncio
import redis
from asgiref.sync import sync_to_async
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.routing import ChannelNameRouter
from channels.worker import Worker

from bus.broker import BusChannelLayer
from bus.broker.send_options import SendOptions
from tests.support.wait import until_async

# A consumer closes stale database connections before each message, hence `django_db`.
pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def layer(broker: str) -> AsyncIterator[BusChannelLayer]:
    found = BusChannelLayer(hosts=[broker], prefix="test")
    yield found
    await found.close()


def stock_worker(consumer: Any, layer: BusChannelLayer, *channels: str) -> asyncio.Future[None]:
    """A running stock worker; cancel it to stop it."""
    router = ChannelNameRouter(dict.fromkeys(channels, consumer.as_asgi()))
    return asyncio.ensure_future(Worker(router, list(channels), layer).handle())


async def stopped(worker: asyncio.Future[None]) -> None:
    worker.cancel()
    await asyncio.wait([worker])


@pytest.mark.django_db(transaction=True)
async def test_an_async_consumer_handles_all_in_order(layer: BusChannelLayer) -> None:
    handled: dict[str, list[int]] = {"one": [], "two": []}

    class Consumer(AsyncConsumer):
        async def job_run(self, message: dict[str, Any]) -> None:
            handled[self.scope["channel"]].append(message["n"])

    worker = stock_worker(Consumer, layer, "one", "two")
    for number in range(100):
        for channel in handled:
            await layer.send(channel, {"type": "job.run", "n": number})
    await until_async(lambda: sum(map(len, handled.values())) == 200)
    await stopped(worker)
    assert handled == {"one": list(range(100)), "two": list(range(100))}


@pytest.mark.django_db(transaction=True)
async def test_a_sync_consumer_handles_all_in_order(layer: BusChannelLayer) -> None:
    class Consumer(SyncConsumer):
        def job_run(self, message: dict[str, Any]) -> None:
            handled.append(message["n"])

    handled: list[int] = []
    worker = stock_worker(Consumer, layer, "jobs")
    for number in range(50):
        await layer.send("jobs", {"type": "job.run", "n": number})
    await until_async(lambda: len(handled) == 50)
    await stopped(worker)
    assert handled == list(range(50))


@pytest.mark.django_db(transaction=True)
async def test_two_stock_workers_share_and_repeat_nothing(
    layer: BusChannelLayer, broker: str
) -> None:
    handled: list[tuple[int, int]] = []

    def consumer(worker: int) -> Any:
        class Consumer(AsyncConsumer):
            async def job_run(self, message: dict[str, Any]) -> None:
                handled.append((worker, message["n"]))

        return Consumer

    other = BusChannelLayer(hosts=[broker], prefix="test")
    workers = [stock_worker(consumer(1), layer, "jobs"), stock_worker(consumer(2), other, "jobs")]
    for number in range(300):
        await layer.send("jobs", {"type": "job.run", "n": number}, ordering_key=str(number % 20))
    await until_async(lambda: len(handled) >= 300)
    for worker in workers:
        await stopped(worker)
    await other.close()
    assert sorted(number for _, number in handled) == list(range(300))


@pytest.mark.django_db(transaction=True)
async def test_a_worker_that_idled_for_8_seconds_gets_the_next_message(
    layer: BusChannelLayer,
) -> None:
    handled = asyncio.Event()

    class Consumer(AsyncConsumer):
        async def job_run(self, message: dict[str, Any]) -> None:
            handled.set()

    channel = await layer.new_channel()
    waiting = asyncio.ensure_future(layer.receive(channel))
    worker = stock_worker(Consumer, layer, "jobs")
    # The time is the fact: redis-py's own timeout of 5 s must have passed.
    await asyncio.sleep(8)
    await layer.send("jobs", {"type": "job.run"})
    await layer.send(channel, {"type": "x"})
    await asyncio.wait_for(handled.wait(), 5)
    assert await asyncio.wait_for(waiting, 5) == {"type": "x"}
    await stopped(worker)


async def test_300_receivers_and_300_sends_at_once(layer: BusChannelLayer, broker: str) -> None:
    channels = await asyncio.gather(*(layer.new_channel() for _ in range(300)))
    waiting = [asyncio.ensure_future(layer.receive(channel)) for channel in channels]
    await asyncio.gather(
        *(layer.send(channel, {"type": "x", "n": n}) for n, channel in enumerate(channels))
    )
    received = await asyncio.wait_for(asyncio.gather(*waiting), 20)
    assert [message["n"] for message in received] == list(range(300))
    with redis.Redis.from_url(broker) as client:
        # One for commands, one for pub/sub, and the one that asks.
        assert len(client.client_list()) <= 3


async def test_a_receive_cancelled_at_any_moment_loses_nothing(layer: BusChannelLayer) -> None:
    """Cancelled after 0, 1, 2 … steps of the event loop, so at each step of a receive."""
    received = []
    for number in range(60):
        await layer.send("jobs", {"type": "x", "n": number}, ordering_key=str(number))
        waiting = asyncio.ensure_future(layer.receive("jobs"))
        for _ in range(number):
            await asyncio.sleep(0)
            # A selector's turn, so that the broker's answer may come.
            await asyncio.to_thread(lambda: None)
        waiting.cancel()
        try:
            received.append((await waiting)["n"])
        except asyncio.CancelledError:
            pass
    while len(received) < 60:
        received.append((await asyncio.wait_for(layer.receive("jobs"), 5))["n"])
    assert sorted(received) == list(range(60))
    assert (await layer.stream("jobs").claim("w", 10)).deliveries == []


async def test_a_cancelled_receive_is_cancelled_at_once_with_the_broker_away() -> None:
    layer = BusChannelLayer(hosts=["unix:///nonexistent/valkey.sock"])
    waiting = asyncio.ensure_future(layer.receive("jobs"))
    await asyncio.wait([waiting], timeout=0.1)
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)
    await layer.close()


async def test_a_timeout_around_a_local_receive_closes_nothing(layer: BusChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(layer.receive(channel), 0.05)
    await layer.group_send("room", {"type": "x"})
    assert await asyncio.wait_for(layer.receive(channel), 5) == {"type": "x"}


async def test_what_nobody_receives_any_more_is_closed(
    layer: BusChannelLayer, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bus.broker.local_channels.LocalChannels.abandoned_after", 0.05)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    waiting = asyncio.ensure_future(layer.receive(channel))
    await asyncio.sleep(0)
    await stopped(waiting)
    with redis.Redis.from_url(broker) as client:
        await until_async(lambda: client.pubsub_channels() == [], "all is unsubscribed")


async def test_a_payload_that_cannot_be_decoded_does_not_stop_the_receiver(
    layer: BusChannelLayer, broker: str, caplog: pytest.LogCaptureFixture
) -> None:
    await layer.stream("jobs").send(b"\xc1", SendOptions("k"), capacity=10, partitions=1)
    await layer.send("jobs", {"type": "x"}, ordering_key="k")
    with caplog.at_level(logging.ERROR):
        assert await asyncio.wait_for(layer.receive("jobs"), 5) == {"type": "x"}
    assert "cannot be decoded" in caplog.text
    with redis.Redis.from_url(broker) as client:
        assert client.xlen("{test:jobs}:dead") == 1


async def test_messages_that_came_too_late_are_not_received(
    layer: BusChannelLayer, broker: str
) -> None:
    await layer.send("jobs", {"type": "late"}, ttl=0.001, ordering_key="k")
    await layer.send("jobs", {"type": "x"}, ttl=60, ordering_key="k")
    with redis.Redis.from_url(broker) as client:
        start = client.time()
        await until_async(lambda: client.time() > (start[0], start[1] + 2000), "2 ms went by")
        assert await asyncio.wait_for(layer.receive("jobs"), 5) == {"type": "x"}
        assert client.hget("{test:jobs}:counts", "expired") == b"1"


async def test_a_dict_from_another_language_is_received(layer: BusChannelLayer) -> None:
    payload = msgpack.packb({"type": "x", "n": 1})
    await layer.stream("jobs").send(payload, SendOptions("k"), capacity=10, partitions=1)
    assert await layer.receive("jobs") == {"type": "x", "n": 1}


async def test_a_consumers_thread_sends_through_the_loop_it_runs_under(
    layer: BusChannelLayer, broker: str
) -> None:
    from asgiref.sync import async_to_sync

    def from_a_thread() -> None:
        for number in range(20):
            async_to_sync(layer.send)("jobs", {"type": "x", "n": number})

    await sync_to_async(from_a_thread)()
    assert [(await layer.receive("jobs"))["n"] for _ in range(20)] == list(range(20))
    with redis.Redis.from_url(broker) as client:
        # No connection for each call: commands, the wake-up, and the one that asks.
        assert len(client.client_list()) <= 3
