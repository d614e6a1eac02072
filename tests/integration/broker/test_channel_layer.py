"""The channel layer on a real broker: capacity, order, claims, retries, groups."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from hashlib import sha1

import pytest
import pytest_asyncio
import redis
from channels.exceptions import ChannelFull

from bus.broker import BusChannelLayer, Delivery
from bus.broker.errors import BrokerUnavailable, InvalidMessage
from tests.support.beats import beat
from tests.support.wait import until_async

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def layer(broker: str) -> AsyncIterator[BusChannelLayer]:
    found = BusChannelLayer(hosts=[broker], prefix="test")
    yield found
    await found.close()


async def test_what_is_sent_is_received_once_and_in_order(layer: BusChannelLayer) -> None:
    for number in range(20):
        await layer.send("jobs", {"type": "job.run", "number": number})
    received = [(await layer.receive("jobs"))["number"] for _ in range(20)]
    assert received == list(range(20))
    assert (await layer.stream("jobs").claim("w", 10)).deliveries == []


async def test_a_waiting_receiver_is_woken(layer: BusChannelLayer) -> None:
    waiting = asyncio.ensure_future(layer.receive("jobs"))
    await layer.wake_of("jobs")
    await layer.send("jobs", {"type": "job.run"})
    assert await asyncio.wait_for(waiting, 5) == {"type": "job.run"}


async def test_300_sends_at_once(layer: BusChannelLayer) -> None:
    await asyncio.gather(*(layer.send("jobs", {"type": "x", "n": n}) for n in range(300)))
    deliveries = (await layer.stream("jobs").claim("w", 500)).deliveries
    assert [layer.deserialize(d.payload)["n"] for d in deliveries] == list(range(300))


async def test_a_full_channel_refuses_and_takes_again(broker: str) -> None:
    layer = BusChannelLayer(hosts=[broker], capacity=100, channel_capacity={"small*": 3})
    for _ in range(3):
        await layer.send("small.jobs", {"type": "x"})
    with pytest.raises(ChannelFull):
        await layer.send("small.jobs", {"type": "x"})
    await layer.send("jobs", {"type": "x"})
    await layer.receive("small.jobs")
    await layer.send("small.jobs", {"type": "x"})
    await layer.close()


async def test_a_key_in_flight_is_skipped_and_others_go_on(layer: BusChannelLayer) -> None:
    stream = layer.stream("jobs")
    for worker in ("w1", "w2"):
        await beat(layer, worker)
    for key in "ab":
        for number in range(3):
            await layer.send("jobs", {"type": "x", "n": number}, ordering_key=key)
    first = (await stream.claim("w1", 1)).deliveries
    second = await stream.claim("w2", 10)
    assert {d.ordering_key for d in first} | {d.ordering_key for d in second.deliveries} == {
        "a",
        "b",
    }
    assert len(second.deliveries) == 3
    assert second.locked == 1
    await stream.acknowledge(first)
    rest = (await stream.claim("w3", 10)).deliveries
    assert [layer.deserialize(d.payload)["n"] for d in rest] == [1, 2]


async def test_what_a_dead_worker_holds_is_taken_one_by_one_in_order(
    layer: BusChannelLayer,
) -> None:
    stream = layer.stream("jobs")
    for number in range(3):
        await layer.send("jobs", {"type": "x", "n": number}, ordering_key="k")
    # w1 never beats: to the broker it is dead.
    assert len((await stream.claim("w1", 10)).deliveries) == 3
    taken = []
    for _ in range(3):
        (delivery,) = (await stream.claim("w2", 10)).deliveries
        assert delivery.attempt == 2
        taken.append(layer.deserialize(delivery.payload)["n"])
        await stream.acknowledge([delivery])
    assert taken == [0, 1, 2]
    assert (await stream.claim("w2", 10)).deliveries == []


async def test_what_a_live_worker_holds_is_left_alone(layer: BusChannelLayer, broker: str) -> None:
    stream = layer.stream("jobs")
    await layer.send("jobs", {"type": "x"}, ordering_key="k")
    await beat(layer, "w1")
    assert len((await stream.claim("w1/0", 10)).deliveries) == 1
    claim = await stream.claim("w2/0", 10)
    assert (claim.deliveries, claim.locked) == ([], 1)


async def test_handed_back_is_taken_again_at_once_as_if_unseen(layer: BusChannelLayer) -> None:
    stream = layer.stream("jobs")
    for number in range(5):
        await layer.send("jobs", {"type": "x", "n": number}, ordering_key="k")
    held = (await stream.claim("w1", 10)).deliveries
    await stream.acknowledge(held[:1])
    await stream.release("w1", held[1:])
    again = (await stream.claim("w2", 10)).deliveries
    assert [layer.deserialize(d.payload)["n"] for d in again] == [1, 2, 3, 4]
    assert {d.attempt for d in again} == {1}


async def test_recover_gives_back_only_what_is_not_in_hand(layer: BusChannelLayer) -> None:
    stream = layer.stream("jobs")
    await beat(layer, "w1")
    for key in "ab":
        await layer.send("jobs", {"type": "x"}, ordering_key=key)
    known = (await stream.claim("w1", 1)).deliveries
    assert len((await stream.claim("w1", 10)).deliveries) == 1
    assert await stream.recover("w1", known) == 1
    assert len((await stream.claim("w2", 10)).deliveries) == 1


async def test_set_aside_lets_its_partition_go_on_and_comes_back(layer: BusChannelLayer) -> None:
    stream = layer.stream("jobs")
    for number in range(3):
        await layer.send("jobs", {"type": "x", "n": number}, ordering_key="k")
    held = (await stream.claim("w1", 10)).deliveries
    await stream.retry_later(held[0], 0.05)
    await stream.acknowledge(held[1:])
    claim = await stream.claim("w1", 10)
    assert claim.deliveries == []
    assert claim.next_due is not None

    async def due() -> list[Delivery]:
        return (await stream.claim("w1", 10)).deliveries

    (delivery,) = await until_async(due, "it is due")
    assert layer.deserialize(delivery.payload)["n"] == 0
    assert (delivery.attempt, delivery.ordering_key, delivery.sent_at) == (2, "k", held[0].sent_at)


async def test_not_before(layer: BusChannelLayer) -> None:
    due = int(time.time() * 1000) + 200
    await layer.send("jobs", {"type": "x"}, not_before=due)
    message = await asyncio.wait_for(layer.receive("jobs"), 5)
    assert message == {"type": "x"}
    assert time.time() * 1000 >= due


async def test_a_dead_letter_tells_why(layer: BusChannelLayer, broker: str) -> None:
    stream = layer.stream("jobs")
    await layer.send("jobs", {"type": "x"}, ordering_key="k")
    (delivery,) = (await stream.claim("w1", 10)).deliveries
    try:
        raise ValueError("no such thing \ud800")
    except ValueError as error:
        await stream.dead_letter(delivery, error)
    assert (await stream.claim("w1", 10)).deliveries == []
    with redis.Redis.from_url(broker) as client:
        ((_, letter),) = client.xrange(f"{stream.base}:dead")
    assert letter[b"error"].startswith(b"ValueError: no such thing")
    assert b"test_a_dead_letter_tells_why" in letter[b"traceback"]
    assert (letter[b"attempts"], letter[b"ordering_key"]) == (b"1", b"k")


async def test_finishing_what_another_finished_does_nothing(
    layer: BusChannelLayer, broker: str
) -> None:
    stream = layer.stream("jobs")
    await layer.send("jobs", {"type": "x"}, ordering_key="k")
    (delivery,) = (await stream.claim("w1", 10)).deliveries
    await stream.acknowledge([delivery])
    await stream.retry_later(delivery, 0)
    await stream.dead_letter(delivery, "late")
    assert (await stream.claim("w1", 10)).deliveries == []
    with redis.Redis.from_url(broker) as client:
        assert client.exists(f"{stream.base}:dead") == 0


async def test_more_partitions_on_a_live_channel_keep_the_order(broker: str) -> None:
    before = BusChannelLayer(hosts=[broker], prefix="test", partitions=2)
    after = BusChannelLayer(hosts=[broker], prefix="test", partitions=7)
    sent: dict[str, list[int]] = {}
    for number in range(60):
        key = f"key{number % 6}"
        layer = before if number < 30 else after
        await layer.send("jobs", {"type": "x", "n": number}, ordering_key=key)
        sent.setdefault(key, []).append(number)
    handled: dict[str, list[int]] = {}
    stream = after.stream("jobs")
    while claimed := (await stream.claim("w", 7)).deliveries:
        for delivery in claimed:
            handled.setdefault(delivery.ordering_key, []).append(
                after.deserialize(delivery.payload)["n"]
            )
        await stream.acknowledge(claimed)
    assert handled == sent
    await before.close()
    await after.close()


async def test_a_broker_that_forgot_everything_serves_on(
    layer: BusChannelLayer, broker: str
) -> None:
    await layer.send("jobs", {"type": "x", "n": 1})
    await layer.receive("jobs")
    with redis.Redis.from_url(broker) as client:
        client.flushall()
        client.script_flush()
    await layer.send("jobs", {"type": "x", "n": 2})
    assert (await layer.receive("jobs"))["n"] == 2


async def test_two_prefixes_on_one_broker_do_not_meet(broker: str) -> None:
    one, two = (BusChannelLayer(hosts=[broker], prefix=p) for p in ("one", "two"))
    await one.send("jobs", {"type": "one"})
    await two.send("jobs", {"type": "two"})
    assert (await two.receive("jobs"))["type"] == "two"
    assert (await one.receive("jobs"))["type"] == "one"
    await one.close()
    await two.close()


@pytest.mark.parametrize(
    "message",
    [{"type": "x", "when": object()}, {"type": "x", "n": 2**70}, ["type"], {"x": "y" * 300_000}],
)
async def test_what_cannot_be_sent_is_refused(layer: BusChannelLayer, message: object) -> None:
    with pytest.raises(InvalidMessage):
        await layer.send("jobs", message)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "자유방", "a b", "x" * 100])
async def test_wrong_channel_names_are_refused(layer: BusChannelLayer, name: str) -> None:
    with pytest.raises(TypeError):
        await layer.send(name, {"type": "x"})


async def test_groups_reach_their_channels_and_no_others(layer: BusChannelLayer) -> None:
    one, two = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("room.1", one)
    await layer.group_add("room.2", two)
    await layer.group_send("room.1", {"type": "hello"})
    assert await asyncio.wait_for(layer.receive(one), 5) == {"type": "hello"}
    await layer.group_discard("room.1", one)
    await layer.group_send("room.1", {"type": "unheard"})
    await layer.send(one, {"type": "direct"})
    assert await asyncio.wait_for(layer.receive(one), 5) == {"type": "direct"}


async def test_an_absent_broker_is_unavailable() -> None:
    layer = BusChannelLayer(hosts=["unix:///nonexistent/valkey.sock"])
    with pytest.raises(BrokerUnavailable):
        await layer.send("jobs", {"type": "x"})
    await layer.close()


async def test_nobody_is_called_dead_who_could_not_beat_while_the_broker_was_away(
    layer: BusChannelLayer, broker: str
) -> None:
    stream = layer.stream("jobs")
    await layer.send("jobs", {"type": "x"})
    await beat(layer, "one")
    (held,) = (await stream.claim("one", 1)).deliveries
    with redis.Redis.from_url(broker, decode_responses=True) as client:
        # As after ten seconds in which nobody was heard.
        now = int(client.time()[0]) * 1000
        client.zadd(f"{stream.base}:workers", {"one": now - 10_000})
        await beat(layer, "two")
        seen = await stream.claim("two", 1)
        assert (seen.deliveries, seen.locked) == ([], 1)
        # Two seconds on, and it was not heard again.
        client.hset(f"{stream.base}:meta", "awake", now - 3000)
        (taken,) = (await stream.claim("two", 1)).deliveries
    assert (taken.id, taken.deliveries) == (held.id, 2)


async def test_a_claim_before_any_beat_calls_nobody_dead_after_an_outage(
    layer: BusChannelLayer, broker: str
) -> None:
    stream = layer.stream("jobs")
    await layer.send("jobs", {"type": "x"})
    for worker in ("one", "two"):
        await beat(layer, worker)
    await stream.claim("one/0", 1)
    with redis.Redis.from_url(broker, decode_responses=True) as client:
        # As after ten seconds in which nobody was heard.
        silence = int(client.time()[0]) * 1000 - 10_000
        client.zadd(f"{stream.base}:workers", {"one": silence, "two": silence})
        for _ in range(2):
            seen = await stream.claim("two/0", 1)
            assert (seen.deliveries, seen.locked) == ([], 1)
        # Who claims lives, and was heard thereby.
        assert client.zscore(f"{stream.base}:workers", "two") > silence
        assert client.zscore(f"{stream.base}:workers", "one") == silence


async def test_what_a_dead_worker_held_comes_before_anything_fresh(layer: BusChannelLayer) -> None:
    stream = layer.stream("jobs")
    for number in range(64):
        await layer.send("jobs", {"type": "x", "n": number}, ordering_key=str(number % 32))
    held = (await stream.claim("dead", 1)).deliveries
    for worker in ("two", "three", "four"):
        await beat(layer, worker)
    # Beside others in hand it is not taken, but told of.
    ahead = await stream.claim("two", 20, ahead=True)
    assert len(ahead.deliveries) == 20
    assert ahead.suspects == 1
    # Partitions give the same ids now and then.
    assert (held[0].stream, held[0].id) not in {(d.stream, d.id) for d in ahead.deliveries}
    (first,) = (await stream.claim("three", 20)).deliveries
    assert (first.stream, first.id, first.deliveries) == (held[0].stream, held[0].id, 2)
    fresh = await stream.claim("four", 20)
    assert fresh.suspects == 0
    assert {d.deliveries for d in fresh.deliveries} == {1}


@pytest.mark.parametrize(("few", "many"), [(2, 8), (4, 6), (3, 7)])
async def test_one_slow_message_holds_up_only_its_partition_while_there_are_more(
    broker: str, few: int, many: int
) -> None:
    before = BusChannelLayer(hosts=[broker], prefix="test", partitions=few)
    after = BusChannelLayer(hosts=[broker], prefix="test", partitions=many)
    stream = after.stream("jobs")
    await before.send("jobs", {"type": "x"}, ordering_key="slow")
    for worker in ("v", "w"):
        await beat(after, worker)
    (slow,) = (await stream.claim("w", 1)).deliveries
    keys = ["slow" if number % 10 == 0 else f"key{number}" for number in range(40)]
    for number, key in enumerate(keys):
        await after.send("jobs", {"type": "x", "n": number}, ordering_key=key)
    common = math.gcd(few, many)
    free = {n for n, key in enumerate(keys) if (hashed(key) - hashed("slow")) % common}

    def numbers(deliveries: list[Delivery]) -> set[int]:
        return {after.deserialize(d.payload)["n"] for d in deliveries}

    taken = (await stream.claim("v", 100)).deliveries
    assert numbers(taken) == free
    await stream.acknowledge([slow])
    rest = (await stream.claim("w", 100)).deliveries
    assert numbers(taken + rest) == set(range(40))
    await before.close()
    await after.close()


def hashed(key: str) -> int:
    return int(sha1(key.encode()).hexdigest()[:8], 16)


async def test_what_is_due_at_once_comes_in_the_order_sent(layer: BusChannelLayer) -> None:
    due = int(time.time() * 1000) + 100
    for number in range(12):
        await layer.send("jobs", {"type": "x", "n": number}, ordering_key="k", not_before=due)
    got = [(await asyncio.wait_for(layer.receive("jobs"), 5))["n"] for _ in range(12)]
    assert got == list(range(12))
