"""Brokers that are full, forgetful or shared, and senders whose clock is wrong."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import redis
from channels.consumer import AsyncConsumer
from channels.layers import channel_layers
from django.core.exceptions import ImproperlyConfigured

from bus.broker import BusChannelLayer
from bus.broker.channel_stats import ChannelStats
from bus.broker.errors import BrokerUnavailable, InvalidMessage
from bus.broker.stream import Stream
from bus.broker.worker.heartbeat import Heartbeat
from bus.broker.worker.worker import Worker
from bus.messaging.presence_store import PresenceStore
from bus.messaging.text_store import TextStore
from bus.protocol.objects import Author
from tests.integration.broker.test_brokers import layer_on
from tests.support.beats import beat
from tests.support.broker_servers import KINDS, Servers
from tests.support.broker_servers import servers as servers
from tests.support.wait import until_async

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def layer(broker: str) -> AsyncIterator[BusChannelLayer]:
    found = BusChannelLayer(hosts=[broker], prefix="test")
    yield found
    await found.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_full_memory_takes_nothing_in_and_lets_everything_out(
    servers: Servers, kind: str
) -> None:
    server = servers(kind)
    async with layer_on(server.url) as layer:
        stream = layer.stream("jobs")
        for number in range(6):
            await layer.send("jobs", {"type": "x", "n": number}, ordering_key="k")
        await layer.send("jobs", {"type": "x", "n": 6}, delay=0.001)
        await layer.send("fresh", {"type": "x"})
        with server.client() as client:
            client.config_set("maxmemory", "1mb")
            for send in (layer.send, layer.send):
                with pytest.raises(BrokerUnavailable, match=r"memory is full \(maxmemory\)"):
                    await send("jobs", {"type": "x"})
            heartbeat = Heartbeat("w", [(stream.base, layer.host_of("jobs"))], dict)
            assert await asyncio.to_thread(heartbeat.beat), "a living worker must not look dead"
            heartbeat.stop()
            held = (await stream.claim("w/0", 10)).deliveries
            assert [layer.deserialize(d.payload)["n"] for d in held] in (
                [0, 1, 2, 3, 4, 5, 6],
                [6, 0, 1, 2, 3, 4, 5],
            )
            await stream.acknowledge(held[:2])
            await stream.dead_letter(held[2], ValueError("poison"))
            await stream.retry_later(held[3], 0.001)
            await stream.extend_lease("w/0", held[4:])
            await stream.release("w/0", held[4:])
            again = [(await asyncio.wait_for(layer.receive("jobs"), 5))["n"] for _ in range(4)]
            assert len(set(again)) == 4
            # A channel whose consumer group was not made yet.
            assert (await asyncio.wait_for(layer.receive("fresh"), 5)) == {"type": "x"}
            await stream.retire("w")
            assert client.xlen("{test:jobs}:dead") == 1
            client.config_set("maxmemory", "0")
        await layer.send("jobs", {"type": "x"})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_broker_that_comes_back_empty_finds_everyone_listening(
    servers: Servers, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = servers(kind)
    handled: list[str] = []

    class Consumer(AsyncConsumer):
        async def job_run(self, message: dict[str, Any]) -> None:
            handled.append(message["name"])

    async with layer_on(server.url) as layer, layer_on(server.url) as sender:
        monkeypatch.setitem(channel_layers.backends, "default", layer)
        worker = Worker(Consumer.as_asgi(), ["jobs"], layer)
        working = asyncio.ensure_future(worker.main())
        waiting = asyncio.ensure_future(layer.receive("others"))
        member = await layer.new_channel()
        await layer.group_add("room", member)
        await sender.send("jobs", {"type": "job.run", "name": "before"})
        await until_async(lambda: handled == ["before"])
        server.kill()
        server.empty()
        server.start()
        with server.client() as client:
            assert client.dbsize() == 0

            async def accepted(channel: str, message: dict[str, Any]) -> str | None:
                with contextlib.suppress(BrokerUnavailable):
                    return await sender.send(channel, message)

            after = {"type": "job.run", "name": "after"}
            await until_async(lambda: accepted("jobs", after), "it takes messages")
            await until_async(lambda: accepted("others", {"type": "x"}), "it takes others")
            await until_async(lambda: handled == ["before", "after"])
            assert await asyncio.wait_for(waiting, 10) == {"type": "x"}
            await until_async(lambda: client.pubsub_numsub("test__group__room")[0][1] == 1, "group")
        await sender.group_send("room", {"type": "x"})
        assert await asyncio.wait_for(layer.receive(member), 5) == {"type": "x"}
        worker.stop()
        await asyncio.wait_for(working, 20)


async def test_relative_times_count_by_the_brokers_clock(
    layer: BusChannelLayer, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This process lives ten years ago.
    monkeypatch.setattr(time, "time", lambda: time.time_ns() / 1e9 - 3.2e8)
    start = time.monotonic()
    await layer.send("jobs", {"type": "first"}, delay=0.3, ttl=60)
    await layer.send("jobs", {"type": "late"}, ttl=0.05, delay=0.2)
    assert await asyncio.wait_for(layer.receive("jobs"), 10) == {"type": "first"}
    assert 0.25 < time.monotonic() - start < 5
    with redis.Redis.from_url(broker) as client:
        assert client.hget("{test:jobs}:counts", "expired") == b"1"


async def test_absolute_times_are_compared_with_the_brokers_clock(layer: BusChannelLayer) -> None:
    now, hour = int(time.time() * 1000), 3_600_000
    await layer.send("jobs", {"type": "late"}, expires_at=now - hour)
    await layer.send("jobs", {"type": "later"}, not_before=now + hour)
    await layer.send("jobs", {"type": "x"}, not_before=now - hour, expires_at=now + hour)
    assert await asyncio.wait_for(layer.receive("jobs"), 5) == {"type": "x"}
    claim = await layer.stream("jobs").claim("w", 10)
    assert claim.deliveries == []
    assert claim.next_due is not None
    assert 3590 < claim.next_due <= 3600


async def broker_ms(layer: BusChannelLayer) -> int:
    """The time of the broker's machine, in ms."""
    seconds, micros = await layer.connection("jobs").call("TIME")
    return int(seconds) * 1000 + int(micros) // 1000


async def expired_unclaimed(stream: Stream) -> ChannelStats:
    """Claim until one has expired, and no claim brought anything."""

    async def stats() -> ChannelStats | None:
        assert (await stream.claim("w", 10)).deliveries == []
        found = await stream.stats(10)
        return found if found.totals.expired == 1 else None

    return await until_async(stats, "one has expired")


@pytest.mark.parametrize(
    "times",
    [
        {"ttl": 0},
        {"ttl": -5},
        {"ttl": -0.0004},
        {"ttl": 0, "delay": 0.001},
        {"expires_at": -1},
        {"expires_at": 1},
    ],
)
async def test_what_has_expired_already_reaches_nobody_and_is_counted(
    layer: BusChannelLayer, times: dict[str, Any]
) -> None:
    await layer.send("jobs", {"type": "late"}, ordering_key="k", **times)
    stats = await expired_unclaimed(layer.stream("jobs"))
    assert (stats.depth, stats.delayed) == (0, 0)


async def test_a_message_without_a_ttl_stays_and_the_shortest_ttl_is_one(
    layer: BusChannelLayer,
) -> None:
    stream = layer.stream("jobs")
    await layer.send("jobs", {"type": "x"}, ordering_key="k", ttl=None, expires_at=0)
    (delivery,) = (await stream.claim("w", 10)).deliveries
    assert delivery.expires_at == 0
    await stream.acknowledge([delivery])
    # Under 1 ms it is 1 ms, by the broker's clock, and not for ever.
    await layer.send("jobs", {"type": "x"}, ordering_key="k", ttl=0.0004)
    sent = await broker_ms(layer)

    async def over() -> bool:
        return await broker_ms(layer) > sent + 1

    await until_async(over, "1 ms is over")
    await expired_unclaimed(stream)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf")])
@pytest.mark.parametrize("what", ["delay", "ttl"])
async def test_a_time_that_is_none_is_refused(
    layer: BusChannelLayer, what: str, seconds: float
) -> None:
    with pytest.raises(InvalidMessage, match=f"{what} is a number of seconds"):
        await layer.send("jobs", {"type": "x"}, **{what: seconds})
    assert (await layer.stream("jobs").stats(10)).totals.sent == 0


async def test_two_prefixes_share_nothing(broker: str) -> None:
    one, two = (BusChannelLayer(hosts=[broker], prefix=p) for p in ("one", "one.two"))
    members = [await layer.new_channel("same") for layer in (one, two)]
    for layer, member in zip((one, two), members, strict=True):
        await layer.group_add("room", member)
        await layer.send("jobs", {"type": layer.prefix})
    for layer in (one, two):
        await layer.group_send("room", {"type": layer.prefix})
    for layer, member in zip((one, two), members, strict=True):
        # What is sent last comes last: nothing else was between.
        await layer.send(member, {"type": "end"})
        received = [(await asyncio.wait_for(layer.receive(member), 5))["type"] for _ in range(2)]
        assert received == [layer.prefix, "end"]
        assert (await asyncio.wait_for(layer.receive("jobs"), 5))["type"] == layer.prefix
    await one.send("jobs", {"type": "x"})
    await two.send("jobs", {"type": "y"})
    await one.flush()
    assert (await asyncio.wait_for(two.receive("jobs"), 5))["type"] == "y"
    await one.close()
    await two.close()


async def test_flush_removes_every_kind_of_key_and_no_one_elses(
    layer: BusChannelLayer, broker: str
) -> None:
    with redis.Redis.from_url(broker) as client:
        client.set("testing", 1)
        client.set("{tested:jobs}:meta", 1)
        for number in range(1200):
            await layer.send(f"jobs.{number % 400}", {"type": "x"}, delay=number % 3)
        stream = layer.stream("jobs.0")
        (delivery, *_) = (await stream.claim("w", 1)).deliveries
        await stream.dead_letter(delivery, "poison")
        await beat(layer, "w", channel="jobs.0")
        await PresenceStore(layer.connection("roster.1"), layer.prefix, 1).attend(
            "p", {"u1": Author(id=1, name="Ann")}
        )
        await TextStore(layer).remember([("u1", "hello")])
        assert client.dbsize() > 1200
        await layer.flush()
        assert set(client.keys()) == {b"testing", b"{tested:jobs}:meta"}


async def test_who_waits_while_the_layer_is_flushed_waits_on(layer: BusChannelLayer) -> None:
    channel = await layer.new_channel()
    waiting = [asyncio.ensure_future(layer.receive(name)) for name in (channel, "jobs")]
    await asyncio.wait(waiting, timeout=0.05)
    await layer.flush()
    while not waiting[0].done():
        await layer.send(channel, {"type": "x"})
        await asyncio.wait([waiting[0]], timeout=0.05)
    await layer.send("jobs", {"type": "y"})
    received = await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert [message["type"] for message in received] == ["x", "y"]


async def test_a_payload_over_the_limit_names_its_size_and_the_limit(
    layer: BusChannelLayer, settings: Any
) -> None:
    settings.BUS_MESSAGE_SIZE_LIMIT = 1000
    with pytest.raises(InvalidMessage, match=r"1\d{3} bytes.* 1000 .*BUS_MESSAGE_SIZE_LIMIT"):
        await layer.send("jobs", {"type": "x", "text": "x" * 1000})
    with pytest.raises(InvalidMessage, match=r"1\d{3} bytes"):
        await layer.group_send("room", {"type": "x", "text": "x" * 1000})
    await layer.send("jobs", {"type": "x", "text": "x" * 900})


async def test_a_channel_that_nobody_reads_holds_its_capacity_and_says_so_once(
    broker: str, caplog: pytest.LogCaptureFixture
) -> None:
    layer = BusChannelLayer(hosts=[broker], prefix="test", channel_capacity={"*!*": 5})
    channel, after = await layer.new_channel(), await layer.new_channel()
    with caplog.at_level(logging.WARNING):
        for number in range(20):
            await layer.send(channel, {"type": "x", "n": number})
        await layer.send(after, {"type": "end"})
        await asyncio.wait_for(layer.receive(after), 5)
    assert [(await layer.receive(channel))["n"] for _ in range(5)] == list(range(5))
    assert len([r for r in caplog.records if "read too slowly" in r.getMessage()]) == 1
    await layer.close()


@pytest.mark.parametrize("prefix", ["a b", "*", "x" * 41, "자유방", "{x}"])
async def test_a_wrong_prefix_is_refused(broker: str, prefix: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="prefix"):
        BusChannelLayer(hosts=[broker], prefix=prefix)
