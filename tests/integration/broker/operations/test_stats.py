"""What the broker tells of a channel: depth, ages, rates, counts, live workers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from channels.exceptions import ChannelFull

from bus.broker import BusChannelLayer
from bus.broker.channel_stats import ChannelStats, WorkerStats
from bus.broker.operations.discovery import known_channels
from bus.broker.stream import FORGET_MS
from bus.messaging import default_layer, operations
from bus.protocol import channel_names
from tests.support import beats
from tests.support.wait import until_async as until

pytestmark = pytest.mark.asyncio

ABOUT = {
    "host": "box",
    "pid": 7,
    "channels": ["jobs"],
    "in_flight": 1,
    "handled": 41,
    "last_handled": 2.5,
    "started": 1.5,
    "version": "0.1",
}


@pytest_asyncio.fixture
async def layer(broker: str) -> AsyncIterator[BusChannelLayer]:
    found = BusChannelLayer(hosts=[broker], prefix="te.st", capacity=5)
    yield found
    await found.close()


async def stats(layer: BusChannelLayer, channel: str = "jobs") -> ChannelStats:
    return await layer.stream(channel).stats(layer.capacity_of(channel))


async def call(layer: BusChannelLayer, *command: object) -> object:
    return await layer.connection("jobs").call(*command)


async def now_of(layer: BusChannelLayer) -> int:
    """The broker's clock in ms."""
    seconds, microseconds = await layer.connection("jobs").call("TIME")
    return int(seconds) * 1000 + int(microseconds) // 1000


async def beat(layer: BusChannelLayer, worker: str, *, ago: int = 0) -> None:
    """A worker's sign of life, `ago` ms before now by the broker's clock."""
    await beats.beat(layer, worker, about=json.dumps(ABOUT))
    if ago:
        base = layer.stream("jobs").base
        await call(layer, "ZADD", f"{base}:workers", await now_of(layer) - ago, worker)


async def test_a_channel_that_nobody_knows_is_empty(layer: BusChannelLayer) -> None:
    found = await stats(layer, "nowhere")
    assert found == ChannelStats("nowhere", False, 0, None, 0, 0, 5, 0, 0, 0.0, 0.0)
    assert not found.abandoned


async def test_each_message_is_counted_where_it_is(layer: BusChannelLayer) -> None:
    stream = layer.stream("jobs")
    await beat(layer, "w1")
    for number in range(4):
        await layer.send("jobs", {"type": "x", "n": number}, ordering_key=f"k{number}")
    await layer.send("jobs", {"type": "x"}, not_before=int(time.time() * 1000) + 60_000)
    with pytest.raises(ChannelFull):
        await layer.send("jobs", {"type": "x"})
    one, two, three = (await stream.claim("w1/0", 3)).deliveries
    found = await stats(layer)
    assert (found.depth, found.in_flight, found.delayed, found.capacity) == (1, 3, 1, 5)
    assert found.oldest_age is not None
    assert 0 <= found.oldest_age < 60
    await stream.acknowledge([one])
    await stream.retry_later(two, 60)
    await stream.dead_letter(three, "no")
    found = await stats(layer)
    assert (found.depth, found.in_flight, found.delayed, found.dead) == (1, 0, 2, 1)
    totals = found.totals
    assert (totals.sent, totals.done, totals.retries, totals.dead) == (5, 1, 1, 1)
    assert (totals.refused, totals.expired, totals.trimmed) == (1, 0, 0)
    assert (found.rate_in, found.rate_done) == (5, 1)


async def test_what_is_due_or_held_by_the_dead_waits(layer: BusChannelLayer) -> None:
    stream = layer.stream("jobs")
    for number in range(3):
        await layer.send("jobs", {"type": "x"}, ordering_key=f"k{number}")
    await beat(layer, "live")
    await beat(layer, "dead")
    (_, due) = [(await stream.claim(w, 1)).deliveries[0] for w in ("dead/0", "live/0")]
    await beat(layer, "dead", ago=6000)
    await stream.retry_later(due, 0)
    # Ahead: what a dead worker held is otherwise taken first.
    (back,) = (await stream.claim("live/0", 1, ahead=True)).deliveries
    await stream.release("live/0", [back])
    found = await stats(layer)
    assert (found.depth, found.in_flight, found.delayed) == (3, 0, 0)


async def test_a_backlog_without_a_worker_is_abandoned(layer: BusChannelLayer) -> None:
    await layer.send("jobs", {"type": "x"})
    assert (await stats(layer)).abandoned
    await beat(layer, "w1")
    assert not (await stats(layer)).abandoned
    await beat(layer, "w1", ago=FORGET_MS + 1000)
    assert (await stats(layer)).abandoned
    assert await layer.stream("jobs").workers() == []


async def test_live_workers_tell_of_themselves(layer: BusChannelLayer) -> None:
    await beat(layer, "w1")
    assert (await stats(layer)).workers == [
        WorkerStats("w1", "box", 7, "0.1", ["jobs"], 1, 41, 1.5, 2.5)
    ]


async def test_the_rate_is_that_of_the_last_minute(layer: BusChannelLayer) -> None:
    now = await now_of(layer)
    base = layer.stream("jobs").base
    for back, count in ((1, 100), (6, 60), (7, 5000)):
        await call(layer, "HSET", f"{base}:rate:{now // 10_000 - back}", "sent", count)
    found = await stats(layer)
    # Of the slot that began 60 to 70 s ago, only a part counts.
    assert 100 <= found.rate_in <= 160
    assert found.rate_done == 0


async def test_old_rates_are_forgotten(layer: BusChannelLayer) -> None:
    await layer.send("jobs", {"type": "x"})
    await layer.receive("jobs")
    (key,) = [k for k in await layer.connection("jobs").call("KEYS", "*") if b":rate:" in k]
    assert 60_000 < await layer.connection("jobs").call("PTTL", key) <= 80_000


async def test_the_cost_does_not_grow_with_the_backlog(broker: str) -> None:
    layer = BusChannelLayer(hosts=[broker], prefix="test", capacity=10**9)

    async def commands() -> int:
        """How many commands the broker runs for one picture."""
        await call(layer, "CONFIG", "RESETSTAT")
        await stats(layer)
        info = await layer.connection("jobs").call("INFO", "commandstats")
        return sum(v["calls"] for k, v in info.items() if k != "cmdstat_config|resetstat")

    async def fill(count: int) -> None:
        for _ in range(count // 500):
            await asyncio.gather(
                *(layer.send("jobs", {"type": "x"}, ordering_key=str(n)) for n in range(500))
            )

    await fill(500)
    await layer.stream("jobs").claim("w", 200)
    await stats(layer)
    few = await commands()
    await fill(10_000)
    assert await commands() == few
    assert (await stats(layer)).depth == 10_500
    await layer.close()


async def test_channels_are_found_by_what_the_broker_holds(
    layer: BusChannelLayer, broker: str
) -> None:
    other = BusChannelLayer(hosts=[broker], prefix="texst.jobs")
    await other.send("other", {"type": "x"})
    await layer.send("mails", {"type": "x"})
    await beat(layer, "w1")
    assert await known_channels(layer) == ["jobs", "mails"]
    await other.close()


async def test_the_publisher_tells_of_all_channels(broker: str) -> None:
    await default_layer.get().send("jobs", {"type": "x"})
    channels = await operations.channels()
    assert channels == sorted(["jobs", *channel_names.WORKED_CHANNELS])
    found = {one.channel: one for one in await operations.stats(channels)}
    assert found["jobs"].depth == 1
    assert not found[channel_names.BROADCAST].known
    await default_layer.close()


async def test_a_tap_hears_what_is_sent_and_takes_nothing(layer: BusChannelLayer) -> None:
    from bus.broker.operations.tap import Sent, Tap

    heard: list[Sent] = []
    listening = asyncio.Event()
    loop = asyncio.get_running_loop()

    def follow() -> None:
        for sent in Tap(layer, "jobs").follow():
            loop.call_soon_threadsafe(listening.set)
            heard.extend([sent] if sent else [])
            if len(heard) == 2:
                return

    following = asyncio.ensure_future(asyncio.to_thread(follow))
    await asyncio.wait_for(listening.wait(), 5)
    at = int(time.time() * 1000) + 60_000
    ids = [
        await layer.send("jobs", {"type": "x", "n": 1}, ordering_key="k"),
        await layer.send("jobs", {"type": "x", "n": 2}, not_before=at),
    ]
    await until(lambda: len(heard) == 2)
    await following
    assert [sent.id for sent in heard] == ids
    assert [sent.message["n"] for sent in heard if sent.message] == [1, 2]
    assert (heard[0].ordering_key, heard[0].not_before, heard[1].not_before) == ("k", 0, at)
    found = await stats(layer)
    assert (found.depth, found.delayed) == (1, 1)
    assert await layer.receive("jobs") == {"type": "x", "n": 1}
