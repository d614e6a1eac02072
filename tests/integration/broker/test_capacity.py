"""A channel holds its capacity and no message more, whoever sends, and refuses none before."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import redis
from channels.exceptions import ChannelFull
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bus.broker import BusChannelLayer
from bus.broker.delivery import Delivery
from bus.broker.operations.dead_letters import DeadLetters
from bus.broker.send_options import SendOptions
from tests.support import older_release
from tests.support.beats import beat
from tests.support.broker_servers import Servers
from tests.support.broker_servers import servers as servers

PAYLOAD = b"\x81\xa4type\xa1x"
OPERATIONS = st.one_of(
    st.tuples(st.just("send"), st.integers(1, 6)),
    st.tuples(st.just("delay"), st.integers(1, 3)),
    st.tuples(st.sampled_from(["send_older", "handle", "later", "kill"]), st.integers(1, 3)),
    st.tuples(st.sampled_from(["put_back", "put_back_older", "discard"]), st.integers(1, 3)),
    st.tuples(st.just("capacity"), st.integers(2, 8)),
    st.tuples(st.sampled_from(["grow", "grow_older", "lose_counts", "spoil_counts"]), st.just(1)),
)


@pytest.fixture
def client(broker: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(broker) as found:
        yield found


class Channel:
    """One channel, and its slow twin that counts what there is before each step."""

    numbers = count()

    def __init__(self, broker: str, client: redis.Redis) -> None:
        self.layer = BusChannelLayer(hosts=[broker], prefix=f"test{next(self.numbers)}")
        self.base = f"{{{self.layer.prefix}:jobs}}"
        self.client = client
        self.keys = count()
        self.capacity, self.partitions = 4, 2

    def held(self) -> int:
        """What there is, whatever anybody keeps of it."""
        found = self.client.scan_iter(f"{self.base}:*", count=1000)
        streams = [key for key in found if re.search(rb":\d+:\d+$", key)]
        held: int = self.client.zcard(f"{self.base}:due")
        return held + sum(self.client.xlen(key) for key in streams)

    @property
    def options(self) -> dict[str, Any]:
        return {"capacity": self.capacity, "partitions": self.partitions}

    async def send(self, number: int, delay: float = 0) -> None:
        room = max(0, self.capacity - self.held())
        stream = self.layer.stream("jobs")
        sends = (
            stream.send(
                PAYLOAD,
                SendOptions.of(
                    ordering_key=str(next(self.keys)), delay=delay, repeatable=bool(n % 2)
                ),
                **self.options,
            )
            for n in range(number)
        )
        answers = await asyncio.gather(*sends, return_exceptions=True)
        kinds = Counter(type(answer) for answer in answers)
        # The first ones have the room that there is.
        assert [type(answer) for answer in answers[:room]] == [str] * min(room, number)
        assert kinds[ChannelFull] == number - min(room, number)

    async def delay(self, number: int) -> None:
        await self.send(number, delay=1000)

    async def send_older(self, number: int) -> None:
        for _ in range(number):
            full = self.held() >= self.capacity
            options = {**self.options, "ordering_key": str(next(self.keys))}
            assert older_release.send(self.client, self.base, PAYLOAD, options) is not full

    async def claimed(self, number: int) -> list[Delivery]:
        return (await self.layer.stream("jobs").claim("w/0", number)).deliveries

    async def handle(self, number: int) -> None:
        await self.layer.stream("jobs").acknowledge(await self.claimed(number))

    async def later(self, number: int) -> None:
        for delivery in await self.claimed(number):
            await self.layer.stream("jobs").retry_later(delivery, 1000 * (number - 1))

    async def kill(self, number: int) -> None:
        for delivery in await self.claimed(number):
            await self.layer.stream("jobs").dead_letter(delivery, "poison")

    async def put_back(self, number: int) -> None:
        letters = DeadLetters(self.layer, "jobs")
        self.layer.capacity, self.layer.partitions = self.capacity, self.partitions
        ids = [letter.id async for letter in letters.each()][:number]
        room = max(0, self.capacity - self.held())
        try:
            assert len(await letters.retry(ids)) <= room
        except ChannelFull:
            assert len(ids) > room

    async def put_back_older(self, number: int) -> None:
        ids = [letter.id async for letter in DeadLetters(self.layer, "jobs").each()][:number]
        if ids:
            older_release.run(
                self.client, "dead_letters", self.base, "", "retry", self.options, *ids
            )

    async def discard(self, number: int) -> None:
        letters = DeadLetters(self.layer, "jobs")
        await letters.discard([letter.id async for letter in letters.each()][:number])

    async def grow(self, _: int) -> None:
        self.partitions = min(5, self.partitions + 1)

    async def grow_older(self, _: int) -> None:
        """The older release has more partitions, and opens a generation."""
        options = {**self.options, "ordering_key": "", "partitions": min(6, self.partitions + 1)}
        if self.held() < self.capacity:
            assert older_release.send(self.client, self.base, PAYLOAD, options)

    async def lose_counts(self, _: int) -> None:
        self.client.delete(f"{self.base}:counts")

    async def spoil_counts(self, _: int) -> None:
        self.client.hset(f"{self.base}:counts", "sent", "many")

    async def mend_counts(self, _: int) -> None:
        """By hand, of those that were spoilt."""
        self.client.hset(f"{self.base}:counts", "sent", 1)

    async def set_capacity(self, number: int) -> None:
        self.capacity = number

    async def run(self, operations: list[tuple[str, int]]) -> None:
        for name, number in operations:
            before = self.held()
            await getattr(self, "set_capacity" if name == "capacity" else name)(number)
            # More than it holds only where it held more, under a capacity that was larger.
            assert self.held() <= max(self.capacity, before)
        await self.layer.close()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(operations=st.lists(OPERATIONS, max_size=25))
@example(
    [
        *[("send", 2), ("kill", 2), ("lose_counts", 1)],
        *[("send", 1), ("put_back_older", 2), ("send", 6)],
    ]
)
@example([("send", 1), ("spoil_counts", 1), ("send", 2), ("mend_counts", 1), ("send", 6)])
def test_each_send_is_taken_exactly_where_there_is_room(
    broker: str, client: redis.Redis, operations: list[tuple[str, int]]
) -> None:
    asyncio.run(Channel(broker, client).run(operations))


@pytest.mark.asyncio
async def test_many_who_send_and_handle_at_once_never_hold_more(
    broker: str, client: redis.Redis
) -> None:
    capacity, each = 40, 150
    accepted, refused, handled, most = Counter[str](), 0, [], 0
    done = asyncio.Event()
    base = "{test:jobs}"
    options = {"capacity": capacity, "partitions": 3}

    async def sender(name: str) -> None:
        nonlocal refused
        layer = BusChannelLayer(hosts=[broker], prefix="test", capacity=capacity, partitions=3)
        numbers = iter(range(each))

        async def send() -> None:
            nonlocal refused
            for number in numbers:
                message = {"type": "x", "name": f"{name}-{number}"}
                try:
                    await layer.send("jobs", message, ordering_key=f"{name}{number % 5}")
                except ChannelFull:
                    refused += 1
                else:
                    accepted[message["name"]] += 1

        await asyncio.gather(*(send() for _ in range(10)))
        await layer.close()

    def older(name: str) -> None:
        nonlocal refused
        layer = BusChannelLayer(hosts=[broker], prefix="test")
        with redis.Redis.from_url(broker) as mine:
            for number in range(each):
                message = {"type": "x", "name": f"{name}-{number}"}
                told = {**options, "ordering_key": str(number)}
                if older_release.send(mine, base, layer.encode(message), told):
                    accepted[message["name"]] += 1
                else:
                    refused += 1

    async def worker(name: str) -> None:
        layer = BusChannelLayer(hosts=[broker], prefix="test")
        stream = layer.stream("jobs")
        await beat(layer, name)
        while True:
            claim = await stream.claim(f"{name}/0", 7)
            if not claim.deliveries and done.is_set() and not claim.locked:
                break
            await stream.acknowledge(claim.deliveries)
            handled.extend(layer.deserialize(d.payload)["name"] for d in claim.deliveries)
        await layer.close()

    async def watch() -> None:
        nonlocal most
        layer = BusChannelLayer(hosts=[broker], prefix="test")
        while not done.is_set():
            stats = await layer.stream("jobs").stats(capacity)
            most = max(most, stats.depth + stats.in_flight + stats.delayed)
        await layer.close()

    async def send_all() -> None:
        await asyncio.gather(
            *(sender(f"s{n}") for n in range(4)),
            *(asyncio.to_thread(older, f"o{n}") for n in range(2)),
        )
        done.set()

    await asyncio.gather(send_all(), watch(), *(worker(f"w{n}") for n in range(3)))
    assert most <= capacity
    assert refused > 0
    assert Counter(handled) == accepted
    assert sum(accepted.values()) + refused == 6 * each


@pytest.mark.asyncio
async def test_not_every_send_counts_all_partitions(servers: Servers) -> None:
    # One that nobody else asks anything.
    server = servers("valkey")
    layer = BusChannelLayer(hosts=[server.url], prefix="test", partitions=16)
    await layer.send("jobs", {"type": "x"}, ordering_key="0")
    with server.client() as client:

        def lengths_asked_for() -> int:
            return int(client.info("commandstats")["cmdstat_xlen"]["calls"])

        before = lengths_asked_for()
        for number in range(200):
            await layer.send("jobs", {"type": "x"}, ordering_key=str(number))
        # One each, for the wake-up.
        assert lengths_asked_for() - before <= 200 + 16
    await layer.close()
