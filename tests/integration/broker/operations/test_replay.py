"""Handled messages are kept for a while where settings say so, and sent again in order."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from bus.broker import BusChannelLayer
from bus.broker.operations.handled_log import HandledLog, Position, Stretch
from bus.broker.operations.replay import Replay
from bus.conf.environment import from_environment
from bus.conf.rates import per_channel
from tests.support.wait import until_async as until

pytestmark = pytest.mark.asyncio

# Beyond any clock, in ms since 1970.
ALWAYS = 10**14
FAST = 1e6


@pytest_asyncio.fixture
async def layer(broker: str) -> AsyncIterator[BusChannelLayer]:
    with override_settings(BUS_RETENTION=["jobs=3600", "small=3600", "*=0"]):
        found = BusChannelLayer(hosts=[broker], prefix="test", channel_capacity={"small": 4})
        yield found
        await found.close()


async def send(layer: BusChannelLayer, numbers: range, channel: str = "jobs") -> None:
    for number in numbers:
        await layer.send(channel, {"type": "job.run", "n": number}, ordering_key=f"k{number % 3}")


async def handle(layer: BusChannelLayer, channel: str = "jobs") -> list[int]:
    """Handle all that waits; returns the numbers in the order of handling."""
    stream = layer.stream(channel)
    handled: list[int] = []
    while deliveries := (await stream.claim("w", 100)).deliveries:
        handled += [layer.deserialize(d.payload)["n"] for d in deliveries]
        await stream.acknowledge(deliveries)
    return handled


async def everything(layer: BusChannelLayer, channel: str = "jobs") -> Stretch:
    return await HandledLog(layer, channel).stretch(0, ALWAYS)


async def kept(layer: BusChannelLayer, channel: str = "jobs") -> list[int]:
    """The numbers of what is kept, in the order of sending."""
    history = HandledLog(layer, channel)
    found = await history.fetch((await everything(layer, channel)).positions)
    return [layer.deserialize(one.payload)["n"] for one in found if one]


async def test_what_was_handled_is_kept_in_each_keys_order(layer: BusChannelLayer) -> None:
    await send(layer, range(60))
    await handle(layer)
    found = await kept(layer)
    assert sorted(found) == list(range(60))
    for key in range(3):
        assert [n for n in found if n % 3 == key] == list(range(key, 60, 3))
    assert (await everything(layer)).types == {"job.run": 60}
    assert (await layer.stream("jobs").stats(10)).history == 60


async def test_a_channel_without_retention_keeps_nothing(layer: BusChannelLayer) -> None:
    await send(layer, range(5), "mails")
    await handle(layer, "mails")
    assert await kept(layer, "mails") == []


async def test_what_failed_or_waits_is_not_kept(layer: BusChannelLayer) -> None:
    await send(layer, range(3))
    stream = layer.stream("jobs")
    done, late, buried = (await stream.claim("w", 3)).deliveries
    await stream.acknowledge([done])
    await stream.retry_later(late, 60)
    await stream.dead_letter(buried, "no")
    assert len(await kept(layer)) == 1


async def later_than(history: HandledLog, moment: int) -> None:
    """Wait until the broker's clock has gone on."""

    async def later() -> bool:
        return await history.now() > moment

    await until(later, "the broker's clock has gone on")


async def test_one_that_was_kept_back_is_replayed_like_others(layer: BusChannelLayer) -> None:
    await send(layer, range(2))
    await layer.send("jobs", {"type": "job.run", "n": 2}, delay=0.01)

    async def all_handled() -> bool:
        await handle(layer)
        return len(await kept(layer)) == 3

    await until(all_handled, "the third is due")
    assert (await everything(layer)).types == {"job.run": 3}


async def test_a_retried_one_stands_where_it_was_sent(layer: BusChannelLayer) -> None:
    await send(layer, range(1))
    history = HandledLog(layer, "jobs")
    sent = await history.now()
    (first,) = (await layer.stream("jobs").claim("w", 1)).deliveries
    await later_than(history, sent)
    await send(layer, range(1, 3))
    await layer.stream("jobs").retry_later(first, 0)
    assert len(await handle(layer)) == 3
    assert (await kept(layer))[0] == 0


async def test_the_oldest_go_beyond_a_number_or_a_size(layer: BusChannelLayer) -> None:
    with override_settings(BUS_RETENTION_LIMIT=10):
        await send(layer, range(30))
        await handle(layer)
        assert len(await kept(layer)) == 10
    size = f"{layer.stream('jobs').base}:history:size"
    taken = int(await layer.connection("jobs").call("GET", size))
    with override_settings(BUS_RETENTION_SIZE=taken // 2):
        await send(layer, range(3))
        await handle(layer)
        assert len(await kept(layer)) == 5
        assert int(await layer.connection("jobs").call("GET", size)) <= taken // 2


async def test_the_oldest_go_after_their_time(layer: BusChannelLayer) -> None:
    await send(layer, range(3))
    await handle(layer)
    # Kept for 1 ms from now on: all that is older goes with the next one that is handled.
    with override_settings(BUS_RETENTION=["0.001"]):
        history = HandledLog(layer, "jobs")
        handled = await history.now()
        await later_than(history, handled + 2)
        await send(layer, range(3, 4))
        await handle(layer)
    assert set(await kept(layer)) <= {3}


async def test_nothing_handled_anymore_is_forgotten_in_time(layer: BusChannelLayer) -> None:
    await send(layer, range(1))
    await handle(layer)
    for key in ("history", "history:size"):
        ttl = await layer.connection("jobs").call("PTTL", f"{layer.stream('jobs').base}:{key}")
        assert 3_500_000 < ttl <= 3_600_000


async def test_a_replay_sends_again_in_order_and_says_so(layer: BusChannelLayer) -> None:
    await send(layer, range(60))
    await handle(layer)
    replay = Replay(HandledLog(layer, "jobs"), await everything(layer), FAST)
    await replay.run()
    assert (replay.sent, replay.missing, replay.left) == (60, 0, 0)
    deliveries = (await layer.stream("jobs").claim("w", 100)).deliveries
    assert all(d.replayed_from for d in deliveries)
    by_key: dict[str, list[int]] = {}
    for d in deliveries:
        by_key.setdefault(d.ordering_key, []).append(layer.deserialize(d.payload)["n"])
    assert by_key == {f"k{k}": list(range(k, 60, 3)) for k in range(3)}
    # Set aside, it still says so; handled, it is not kept a second time.
    await layer.stream("jobs").retry_later(deliveries[0], 0)
    await layer.stream("jobs").acknowledge(deliveries[1:])
    (again,) = (await layer.stream("jobs").claim("w", 100)).deliveries
    assert again.replayed_from == deliveries[0].replayed_from
    await layer.stream("jobs").acknowledge([again])
    assert len(await kept(layer)) == 60


async def test_only_a_range_of_time_is_replayed(layer: BusChannelLayer) -> None:
    history = HandledLog(layer, "jobs")
    marks = []
    for part in range(3):
        marks.append(await history.now())
        await send(layer, range(part * 10, part * 10 + 10))
        sent = await history.now()
        await later_than(history, sent)
    await handle(layer)
    stretch = await history.stretch(marks[1], marks[2])
    found = await history.fetch(stretch.positions)
    assert {layer.deserialize(k.payload)["n"] for k in found if k} == set(range(10, 20))


async def test_a_replay_waits_for_room_and_leaves_half_to_others(layer: BusChannelLayer) -> None:
    await send(layer, range(3), "small")
    await handle(layer, "small")
    replay = Replay(HandledLog(layer, "small"), await everything(layer, "small"), FAST)
    running = asyncio.ensure_future(replay.run())
    await until(lambda: replay.waiting)
    assert replay.sent == 2
    await send(layer, range(7, 9), "small")
    # It goes on as the channel empties.
    handled: list[int] = []
    while not running.done():
        handled += await handle(layer, "small")
        await asyncio.sleep(0)
    handled += await handle(layer, "small")
    assert sorted(handled) == [0, 1, 2, 7, 8]
    assert (await layer.stream("small").stats(4)).totals.refused == 0


async def test_a_stopped_replay_goes_on_where_it_stopped(layer: BusChannelLayer) -> None:
    await send(layer, range(20))
    await handle(layer)
    history = HandledLog(layer, "jobs")
    first = Replay(history, await everything(layer), rate=200)
    running = asyncio.ensure_future(first.run())
    await until(lambda: first.sent >= 5)
    first.stop.set()
    await asyncio.wait_for(running, 5)
    assert 5 <= first.sent < 20
    after = Position.parse(str(first.last))
    second = Replay(history, await history.stretch(0, ALWAYS, after), FAST)
    await second.run()
    assert first.sent + second.sent == 20
    assert sorted(await handle(layer)) == list(range(20))


async def test_the_rate_is_kept(layer: BusChannelLayer) -> None:
    await send(layer, range(11))
    await handle(layer)
    replay = Replay(HandledLog(layer, "jobs"), await everything(layer), rate=50)
    began = asyncio.get_running_loop().time()
    await replay.run()
    assert asyncio.get_running_loop().time() - began >= 10 / 50 - 0.1


async def test_what_is_gone_meanwhile_is_passed_over_and_counted(layer: BusChannelLayer) -> None:
    await send(layer, range(3))
    await handle(layer)
    stretch = await everything(layer)
    key = f"{layer.stream('jobs').base}:history"
    await layer.connection("jobs").call("XDEL", key, stretch.positions[1].key)
    replay = Replay(HandledLog(layer, "jobs"), stretch, FAST)
    await replay.run()
    assert (replay.sent, replay.missing, replay.left) == (2, 1, 0)


async def test_a_number_per_channel_is_read_and_checked() -> None:
    assert per_channel(["60"], "any") == 60
    assert per_channel(["mod*=5", "*=1"], "moderation") == 5
    assert per_channel(["mod*=5"], "jobs") == 0
    assert from_environment({"BUS_RETENTION": "a=1, *=2"})["BUS_RETENTION"] == ["a=1", "*=2"]
    for wrong in ("x", "a=b", "-1", "inf", "nan"):
        with pytest.raises(ImproperlyConfigured, match="channel=number"):
            from_environment({"BUS_RETENTION": wrong})
