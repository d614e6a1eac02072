"""The worker engine with unmodified Channels consumers, on a real broker."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from hashlib import sha1
from typing import Any

import pytest
import pytest_asyncio
import redis
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from django.db import OperationalError
from django.test import override_settings
from redis.exceptions import ResponseError

from bus.broker import BusChannelLayer, Undeliverable, outage
from bus.broker.errors import InvalidMessage
from bus.broker.send_options import SendOptions
from bus.broker.stream import Stream
from bus.broker.worker.worker import Worker
from bus.conf import conf
from bus.protocol.errors import Unavailable
from bus.workers.base import BatchConsumer
from tests.support.wait import until_async as until

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@pytest_asyncio.fixture
async def layer(broker: str) -> AsyncIterator[BusChannelLayer]:
    with override_settings(BUS_RETRY_BASE=0.02, BUS_RETRY_CAP=0.1, BUS_MAX_ATTEMPTS=3):
        found = BusChannelLayer(hosts=[broker], prefix="test")
        yield found
        await found.close()


@contextlib.asynccontextmanager
async def working(
    layer: BusChannelLayer, consumer: Any, concurrency: int = 1, **options: Any
) -> AsyncIterator[Worker]:
    """A worker on the channel `jobs` while the block runs; stopping it is part of every test."""
    application = ProtocolTypeRouter({"channel": ChannelNameRouter({"jobs": consumer})})
    own_layer = BusChannelLayer(hosts=layer.hosts, prefix="test")
    worker = Worker(application, ["jobs"], own_layer, concurrency, **options)
    running = asyncio.ensure_future(worker.main())
    try:
        yield worker
    finally:
        worker.stop()
        await asyncio.wait_for(running, 20)


def dead_letters(broker: str) -> list[dict[bytes, bytes]]:
    with redis.Redis.from_url(broker) as client:
        return [letter for _, letter in client.xrange("{test:jobs}:dead")]


def left(broker: str) -> int:
    """How many messages are in the channel, in flight or set aside."""
    with redis.Redis.from_url(broker) as client:
        streams = client.keys("{test:jobs}:1:*")
        return sum(client.xlen(key) for key in streams) + client.zcard("{test:jobs}:due")


class Recorder:
    """What a consumer saw, shared by its instances."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.instances = 0


def recording(consumer: type[Any], act: Callable[[Any, dict[str, Any]], None] | None = None) -> Any:
    """A consumer of the given kind that records the `n` of each job."""
    record = Recorder()

    class Jobs(consumer):
        def __init__(self) -> None:
            super().__init__()
            record.instances += 1

        def _run(self, message: dict[str, Any]) -> None:
            record.seen.append(message["n"])
            if act:
                act(record, message)

    if issubclass(consumer, SyncConsumer):
        Jobs.job_run = lambda self, message: self._run(message)
    else:

        async def job_run(self: Any, message: dict[str, Any]) -> None:
            self._run(message)

        Jobs.job_run = job_run
    return record, Jobs.as_asgi()


@pytest.mark.parametrize("consumer", [AsyncConsumer, SyncConsumer])
async def test_stock_consumers_get_every_message_in_order(
    layer: BusChannelLayer, broker: str, consumer: type[Any]
) -> None:
    record, application = recording(consumer)
    for number in range(50):
        await layer.send("jobs", {"type": "job.run", "n": number})
    async with working(layer, application):
        await until(lambda: len(record.seen) == 50 and left(broker) == 0)
    assert record.seen == list(range(50))
    assert record.instances == 1


async def test_a_message_is_in_the_broker_until_its_handler_is_done(
    layer: BusChannelLayer, broker: str
) -> None:
    started, finish = asyncio.Event(), asyncio.Event()

    class Jobs(AsyncConsumer):
        async def job_run(self, message: dict[str, Any]) -> None:
            started.set()
            await finish.wait()

    await layer.send("jobs", {"type": "job.run"})
    async with working(layer, Jobs.as_asgi()):
        await asyncio.wait_for(started.wait(), 5)
        assert left(broker) == 1
        finish.set()
        await until(lambda: left(broker) == 0)


async def test_a_failing_message_fails_alone_and_ends_as_a_dead_letter(
    layer: BusChannelLayer, broker: str
) -> None:
    def act(record: Recorder, message: dict[str, Any]) -> None:
        if message["n"] == 2:
            raise RuntimeError("it never works")

    record, application = recording(AsyncConsumer, act)
    for number in range(6):
        await layer.send("jobs", {"type": "job.run", "n": number})
    async with working(layer, application):
        await until(lambda: len(dead_letters(broker)) == 1 and left(broker) == 0)
    assert [n for n in record.seen if n != 2] == [0, 1, 3, 4, 5]
    assert record.seen.count(2) == 3
    (letter,) = dead_letters(broker)
    assert letter[b"error"] == b"RuntimeError: it never works"
    assert letter[b"attempts"] == b"3"


@pytest.mark.parametrize("share", [1.0, 0.25])
async def test_each_retry_is_due_after_its_share_of_a_wait_that_doubles(
    layer: BusChannelLayer, broker: str, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """The times that the broker holds, against its clock as each attempt failed."""
    monkeypatch.setattr(random, "uniform", lambda least, most: least + share * (most - least))
    due = "{test:jobs}:due"
    failed: list[float] = []
    with (
        override_settings(BUS_RETRY_BASE=40, BUS_RETRY_CAP=300, BUS_MAX_ATTEMPTS=5),
        redis.Redis.from_url(broker) as client,
    ):

        def fail(record: Recorder, message: dict[str, Any]) -> None:
            seconds, microseconds = client.time()
            failed.append(seconds + microseconds / 1e6)
            raise RuntimeError("it never works")

        def set_aside() -> list[tuple[bytes, float]]:
            """What waits for its time; 1 is that of what was hurried."""
            return [(id_, at) for id_, at in client.zrange(due, 0, -1, withscores=True) if at > 1]

        _, application = recording(AsyncConsumer, fail)
        await layer.send("jobs", {"type": "job.run", "n": 1})
        async with working(layer, application):
            for longest in (40, 80, 160, 300):
                ((id_, at),) = await until(set_aside)
                waits = at / 1000 - failed[-1]
                assert share * longest - 0.002 <= waits < share * longest + 5
                client.zadd(due, {id_: 1})
            await until(lambda: len(dead_letters(broker)) == 1)
    assert len(failed) == 5


async def test_a_failure_that_passes_is_retried(layer: BusChannelLayer, broker: str) -> None:
    def act(record: Recorder, message: dict[str, Any]) -> None:
        if record.seen.count(message["n"]) < 3:
            raise RuntimeError("not yet")

    record, application = recording(SyncConsumer, act)
    await layer.send("jobs", {"type": "job.run", "n": 1})
    async with working(layer, application):
        await until(lambda: left(broker) == 0)
    assert record.seen == [1, 1, 1]
    assert dead_letters(broker) == []


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"n": 1}, b"its type is None"),
        ({"type": ""}, b"its type is ''"),
        ({"type": 7}, b"its type is 7"),
        ({"type": "_private"}, b"its type is '_private'"),
        ({"type": "nobody.handles"}, b"ValueError: No handler for message type nobody.handles"),
    ],
)
async def test_what_no_handler_can_take_is_a_dead_letter_at_once(
    layer: BusChannelLayer, broker: str, message: dict[str, Any], error: bytes
) -> None:
    record, application = recording(AsyncConsumer)
    await layer.send("jobs", message)
    await layer.send("jobs", {"type": "job.run", "n": 2})
    async with working(layer, application):
        await until(lambda: record.seen == [2] and left(broker) == 0)
    (letter,) = dead_letters(broker)
    assert letter[b"error"].startswith(error)
    assert letter[b"attempts"] == b"1"


@pytest.mark.parametrize("payload", [b"", b"\xc1\xff", b"\x93\x01\x02\x03"])
async def test_what_cannot_be_decoded_is_a_dead_letter_at_once(
    layer: BusChannelLayer, broker: str, payload: bytes
) -> None:
    record, application = recording(AsyncConsumer)
    await layer.stream("jobs").send(payload, SendOptions("k"), capacity=10, partitions=16)
    await layer.send("jobs", {"type": "job.run", "n": 2}, ordering_key="k")
    async with working(layer, application):
        await until(lambda: record.seen == [2] and left(broker) == 0)
    (letter,) = dead_letters(broker)
    assert letter[b"payload"] == payload


async def test_a_handler_over_its_time_fails_and_the_next_goes_on(
    layer: BusChannelLayer, broker: str
) -> None:
    seen = []

    class Jobs(AsyncConsumer):
        async def job_run(self, message: dict[str, Any]) -> None:
            seen.append(message["n"])
            if message["n"] == 1:
                await asyncio.Event().wait()

    await layer.send("jobs", {"type": "job.run", "n": 1})
    await layer.send("jobs", {"type": "job.run", "n": 2})
    with override_settings(BUS_HANDLER_TIMEOUT=0.1):
        async with working(layer, Jobs.as_asgi()):
            await until(lambda: len(dead_letters(broker)) == 1 and left(broker) == 0)
    assert seen.count(1) == 3
    assert 2 in seen
    assert b"BUS_HANDLER_TIMEOUT" in dead_letters(broker)[0][b"traceback"]


async def test_a_consumer_that_stops_gets_a_successor(layer: BusChannelLayer, broker: str) -> None:
    def act(record: Recorder, message: dict[str, Any]) -> None:
        raise StopConsumer

    record, application = recording(AsyncConsumer, act)
    for number in range(3):
        await layer.send("jobs", {"type": "job.run", "n": number})
    async with working(layer, application):
        await until(lambda: left(broker) == 0)
    assert record.seen == [0, 1, 2]
    assert record.instances >= 3
    assert dead_letters(broker) == []


async def test_a_stop_finishes_one_and_hands_back_the_rest(
    layer: BusChannelLayer, broker: str
) -> None:
    started, finish = asyncio.Event(), asyncio.Event()
    seen = []

    class Jobs(AsyncConsumer):
        async def job_run(self, message: dict[str, Any]) -> None:
            seen.append(message["n"])
            started.set()
            await finish.wait()

    for number in range(5):
        await layer.send("jobs", {"type": "job.run", "n": number})
    async with working(layer, Jobs.as_asgi()) as worker:
        await asyncio.wait_for(started.wait(), 5)
        worker.stop()
        worker.stop()
        finish.set()
    assert seen == [0]
    assert left(broker) == 4
    claim = await layer.stream("jobs").claim("next", 10)
    assert [layer.deserialize(d.payload)["n"] for d in claim.deliveries] == [1, 2, 3, 4]
    assert {d.attempt for d in claim.deliveries} == {1}


class Batches(BatchConsumer):
    """Records lists; fails as the test says. Its messages are not of our protocol."""

    lists: list[list[int]]
    fail: Callable[[list[int]], dict[int, Exception]]

    async def _parse_and_handle(self, deliveries: Any) -> dict[int, Exception]:
        numbers = [d.message["n"] for d in deliveries]
        type(self).lists.append(numbers)
        return type(self).fail(numbers)

    async def handle(self, batch: Any) -> dict[int, Exception]:
        raise AssertionError


def batches(fail: Callable[[list[int]], dict[int, Exception]]) -> type[Batches]:
    return type("TheseBatches", (Batches,), {"lists": [], "fail": staticmethod(fail)})


async def test_a_batch_consumer_gets_lists_and_fails_some(
    layer: BusChannelLayer, broker: str
) -> None:
    def fail(numbers: list[int]) -> dict[int, Exception]:
        return {i: Undeliverable("odd") for i, n in enumerate(numbers) if n % 2}

    consumer = batches(fail)
    for number in range(40):
        await layer.send("jobs", {"type": "x", "n": number})
    async with working(layer, consumer.as_asgi()):
        await until(lambda: left(broker) == 0)
    assert [n for numbers in consumer.lists for n in numbers] == list(range(40))
    assert len(consumer.lists) == 1
    assert len(dead_letters(broker)) == 20


async def test_a_batch_that_fails_whole_is_tried_one_by_one(
    layer: BusChannelLayer, broker: str
) -> None:
    def fail(numbers: list[int]) -> dict[int, Exception]:
        if 7 in numbers:
            raise RuntimeError("the seventh")
        return {}

    consumer = batches(fail)
    for number in range(10):
        await layer.send("jobs", {"type": "x", "n": number})
    async with working(layer, consumer.as_asgi()):
        await until(lambda: len(dead_letters(broker)) == 1 and left(broker) == 0)
    assert consumer.lists[0] == list(range(10))
    assert consumer.lists[1:11] == [[n] for n in range(10)]


@pytest.mark.parametrize("error", [Unavailable(), OperationalError("server closed the connection")])
async def test_an_outage_counts_no_attempt_and_keeps_the_order(
    layer: BusChannelLayer, broker: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    answers = iter([False, False, True])

    async def servers_answer(_stream: Any) -> bool:
        return next(answers, True)

    def fail(numbers: list[int]) -> dict[int, Exception]:
        nonlocal calls
        calls += 1
        if calls <= 3:
            raise error
        return {}

    monkeypatch.setattr(outage, "servers_answer", servers_answer)
    consumer = batches(fail)
    for number in range(5):
        await layer.send("jobs", {"type": "x", "n": number})
    async with working(layer, consumer.as_asgi()):
        await until(lambda: left(broker) == 0)
    assert consumer.lists == [list(range(5))] * 4
    assert dead_letters(broker) == []


async def test_a_handler_that_hangs_on_a_silent_server_is_not_to_blame(
    layer: BusChannelLayer, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, True] * 3)

    async def servers_answer(_stream: Any) -> bool:
        return next(answers)

    def fail(numbers: list[int]) -> dict[int, Exception]:
        if len(consumer.lists) <= 3:
            raise TimeoutError("no answer")
        return {}

    monkeypatch.setattr(outage, "servers_answer", servers_answer)
    consumer = batches(fail)
    for number in range(5):
        await layer.send("jobs", {"type": "x", "n": number})
    async with working(layer, consumer.as_asgi()):
        await until(lambda: left(broker) == 0)
    assert consumer.lists == [list(range(5))] * 4
    assert dead_letters(broker) == []


async def test_what_waits_behind_a_slow_handler_is_given_to_others(
    layer: BusChannelLayer,
) -> None:
    keys = [str(n) for n in range(40)]
    partition = {int(key): int(sha1(key.encode()).hexdigest()[:8], 16) % 16 for key in keys}
    loaded, go_on = asyncio.Event(), asyncio.Event()
    begun: list[int] = []
    done: set[int] = set()

    class Jobs(AsyncConsumer):
        async def job_run(self, message: dict[str, Any]) -> None:
            if message["n"] == -1:
                begun.append(-1)
                await loaded.wait()
            elif begun == [-1]:
                begun.append(message["n"])
                await go_on.wait()
            done.add(message["n"])

    quick = set(range(-300, -1))
    for number in quick:
        await layer.send("jobs", {"type": "job.run", "n": number})
    async with working(layer, Jobs.as_asgi(), work_held=1000.0):
        # The first worker finds that its handlers are quick, and then takes all at once.
        await until(lambda: done == quick)
        await layer.send("jobs", {"type": "job.run", "n": -1})
        await until(lambda: begun == [-1])
        for key in keys:
            await layer.send("jobs", {"type": "job.run", "n": int(key)}, ordering_key=key)
        loaded.set()
        await until(lambda: len(begun) == 2)
        others = {n for n in partition if partition[n] != partition[begun[1]]}
        async with working(layer, Jobs.as_asgi()):
            await until(lambda: others <= done)
            assert begun[1] not in done
            go_on.set()
            await until(lambda: set(partition) <= done)


async def test_an_outage_that_no_server_knows_of_is_the_messages_fault(
    layer: BusChannelLayer, broker: str
) -> None:
    def fail(numbers: list[int]) -> dict[int, Exception]:
        if 3 in numbers:
            raise OperationalError("no such table: nowhere")
        return {}

    consumer = batches(fail)
    for number in range(5):
        await layer.send("jobs", {"type": "x", "n": number})
    async with working(layer, consumer.as_asgi()):
        await until(lambda: len(dead_letters(broker)) == 1 and left(broker) == 0)


async def test_two_workers_keep_each_keys_order(layer: BusChannelLayer, broker: str) -> None:
    handled: dict[str, list[int]] = {}
    by: dict[str, set[int]] = {}

    def consumer(worker: int) -> Any:
        class Jobs(AsyncConsumer):
            async def job_run(self, message: dict[str, Any]) -> None:
                await asyncio.sleep(0)
                handled.setdefault(message["key"], []).append(message["n"])
                by.setdefault(message["key"], set()).add(worker)

        return Jobs.as_asgi()

    for number in range(400):
        await layer.send(
            "jobs",
            {"type": "job.run", "key": f"k{number % 8}", "n": number},
            ordering_key=f"k{number % 8}",
        )
    async with working(layer, consumer(1)), working(layer, consumer(2)):
        await until(lambda: left(broker) == 0)
    assert all(numbers == sorted(numbers) for numbers in handled.values())
    assert sum(len(numbers) for numbers in handled.values()) == 400
    assert set().union(*by.values()) == {1, 2}


async def test_live_workers_are_visible_and_a_stopped_one_is_not(layer: BusChannelLayer) -> None:
    record, application = recording(AsyncConsumer)
    async with working(layer, application) as worker:
        await layer.send("jobs", {"type": "job.run", "n": 1})
        await until(lambda: record.seen == [1])
        (seen,) = await layer.stream("jobs").workers()
        assert (seen["id"], seen["channels"]) == (worker.id, ["jobs"])
    assert await layer.stream("jobs").workers() == []


async def test_a_message_keeps_the_id_that_its_sender_was_told(
    layer: BusChannelLayer, broker: str
) -> None:
    def act(record: Recorder, message: dict[str, Any]) -> None:
        raise RuntimeError("it never works")

    _, application = recording(AsyncConsumer, act)
    told = [
        await layer.send("jobs", {"type": "job.run", "n": 1}),
        await layer.send("jobs", {"type": "job.run", "n": 2}, delay=0.05),
    ]
    async with working(layer, application):
        await until(lambda: len(dead_letters(broker)) == 2)
    assert {letter[b"message_id"].decode() for letter in dead_letters(broker)} == set(told)


async def test_a_lane_that_dies_is_started_again(
    layer: BusChannelLayer, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, application = recording(AsyncConsumer)
    claim, calls = Stream.claim, []

    async def flawed(self: Stream, worker: str, count: int, **options: bool) -> Any:
        calls.append(worker)
        if len(calls) <= 2:
            raise ZeroDivisionError("nobody foresaw this")
        return await claim(self, worker, count, **options)

    monkeypatch.setattr(Stream, "claim", flawed)
    await layer.send("jobs", {"type": "job.run", "n": 1})
    async with working(layer, application):
        await until(lambda: record.seen == [1] and left(broker) == 0)
    assert len(calls) > 2


class Cancelling(AsyncConsumer):
    """Lets a CancelledError of its own escape, as libraries do."""

    async def job_run(self, message: dict[str, Any]) -> None:
        inner = asyncio.ensure_future(asyncio.Event().wait())
        inner.cancel()
        await inner


class Exiting(AsyncConsumer):
    """Tries to end the process."""

    async def job_run(self, message: dict[str, Any]) -> None:
        raise SystemExit(3)


@pytest.mark.parametrize("consumer", [Cancelling, Exiting])
async def test_a_handler_that_ends_its_run_fails_like_any_other(
    layer: BusChannelLayer, broker: str, consumer: type[AsyncConsumer]
) -> None:
    await layer.send("jobs", {"type": "job.run"})
    async with working(layer, consumer.as_asgi()):
        await until(lambda: len(dead_letters(broker)) == 1 and left(broker) == 0)
    (letter,) = dead_letters(broker)
    assert letter[b"error"].startswith(b"RuntimeError: the handler")
    assert letter[b"attempts"] == b"3"


async def test_a_list_whose_handling_is_cancelled_from_within_is_not_acknowledged(
    layer: BusChannelLayer, broker: str
) -> None:
    def fail(numbers: list[int]) -> dict[int, Exception]:
        if 3 in numbers:
            raise asyncio.CancelledError
        return {}

    consumer = batches(fail)
    for number in range(6):
        await layer.send("jobs", {"type": "x", "n": number})
    async with working(layer, consumer.as_asgi()):
        await until(lambda: len(dead_letters(broker)) == 1 and left(broker) == 0)
    alone = [numbers for numbers in consumer.lists if len(numbers) == 1]
    assert [[n] for n in range(6)] == alone[:6]


async def test_what_an_outage_had_tried_is_no_first_delivery_to_the_next(
    layer: BusChannelLayer, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = asyncio.Event()

    def fail(numbers: list[int]) -> dict[int, Exception]:
        tried.set()
        raise Unavailable

    async def silent(_stream: Any) -> bool:
        return False

    monkeypatch.setattr(outage, "servers_answer", silent)
    await layer.send("jobs", {"type": "x", "n": 1})
    async with working(layer, batches(fail).as_asgi()):
        await asyncio.wait_for(tried.wait(), 5)
    (again,) = (await layer.stream("jobs").claim("next", 10)).deliveries
    # Handing it over once more makes it a redelivery; the attempt is still the first.
    assert (again.tries, again.attempt) == (1, 1)


async def test_what_cannot_be_sent_fails_alone(layer: BusChannelLayer) -> None:
    sends = [layer.send("jobs", {"type": "x", "n": n}, ordering_key="k") for n in range(5)]
    wrong = layer.send("jobs", {"type": "x"}, ordering_key="\ud800")
    results = await asyncio.gather(wrong, *sends, return_exceptions=True)
    assert isinstance(results[0], InvalidMessage)
    assert all(isinstance(result, str) for result in results[1:])


async def test_of_a_list_that_hangs_the_others_lose_no_attempt(
    layer: BusChannelLayer, broker: str
) -> None:
    def hang(numbers: list[int]) -> dict[int, Exception]:
        return {}

    consumer = batches(hang)

    class Hanging(consumer):  # type: ignore[misc, valid-type]
        async def _parse_and_handle(self, deliveries: Any) -> Any:
            if any(d.message["n"] == 0 for d in deliveries):
                await asyncio.Event().wait()
            return await super()._parse_and_handle(deliveries)

    for number in range(20):
        await layer.send("jobs", {"type": "x", "n": number}, ordering_key=str(number))
    with override_settings(BUS_HANDLER_TIMEOUT=1.5, BUS_MAX_ATTEMPTS=1):
        async with working(layer, Hanging.as_asgi()):
            await until(lambda: left(broker) == 0)
    (letter,) = dead_letters(broker)
    assert b"BUS_HANDLER_TIMEOUT" in letter[b"traceback"]
    assert sorted(n for numbers in consumer.lists for n in numbers) == list(range(1, 20))


async def test_an_acknowledgement_that_fails_is_told_and_made_good(
    layer: BusChannelLayer, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    acknowledge, calls = Stream.acknowledge, 0

    class Jobs(AsyncConsumer):
        async def job_run(self, message: dict[str, Any]) -> None:
            seen.append(message["n"])
            await asyncio.sleep(0)

    async def fail_once(self: Stream, deliveries: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise ResponseError("ERR something else")
        return await acknowledge(self, deliveries)

    monkeypatch.setattr(Stream, "acknowledge", fail_once)
    for number in range(600):
        message = {"type": "job.run", "n": number}
        await layer.send("jobs", message, ordering_key=str(number % 40))
    async with working(layer, Jobs.as_asgi()):
        # Long before the visibility timeout.
        await until(lambda: left(broker) == 0)
    assert calls > 5
    assert set(seen) == set(range(600))
    assert dead_letters(broker) == []


async def test_what_waits_behind_many_slow_handlers_is_given_to_others(
    layer: BusChannelLayer,
) -> None:
    loaded, given = asyncio.Event(), asyncio.Event()
    quick = set(range(-300, -1))
    by: dict[int, str] = {}

    def consumer(worker: str) -> Any:
        class Jobs(AsyncConsumer):
            async def job_run(self, message: dict[str, Any]) -> None:
                if message["n"] == -1:
                    by[-1] = worker
                    await loaded.wait()
                    return
                if worker == "other":
                    given.set()
                elif message["n"] >= 0:
                    # None of its handlers takes as long as a slot keeps what waits, all of them do.
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(given.wait(), 0.3)
                by[message["n"]] = worker

        return Jobs.as_asgi()

    for number in quick:
        await layer.send("jobs", {"type": "job.run", "n": number})
    async with working(layer, consumer("first"), work_held=1000.0):
        # The first worker finds that its handlers are quick, and then takes all at once.
        await until(lambda: quick <= set(by))
        await layer.send("jobs", {"type": "job.run", "n": -1})
        await until(lambda: -1 in by)
        for number in range(16):
            await layer.send("jobs", {"type": "job.run", "n": number}, ordering_key=str(number))
        loaded.set()
        await until(lambda: max(by) >= 0)
        async with working(layer, consumer("other")):
            await until(lambda: set(range(16)) <= set(by))
    assert given.is_set()


async def test_a_lasting_backlog_keeps_nothing_of_a_dead_worker_waiting(
    layer: BusChannelLayer,
) -> None:
    seen: list[tuple[str, int]] = []
    ended = asyncio.Event()

    class Jobs(AsyncConsumer):
        async def job_run(self, message: dict[str, Any]) -> None:
            seen.append((message["key"], message["n"]))

    async def feed(start: int) -> None:
        await asyncio.gather(
            *(
                layer.send(
                    "jobs",
                    {"type": "job.run", "key": f"k{n % 40}", "n": n},
                    ordering_key=f"k{n % 40}",
                )
                for n in range(start, start + 400)
            )
        )

    async def keep_feeding() -> None:
        start = 4000
        while not ended.is_set():
            if (await layer.stream("jobs").stats(1)).depth < 3000:
                await feed(start)
                start += 400

    for start in range(0, 4000, 400):
        await feed(start)
    held = (await layer.stream("jobs").claim("dead", 10)).deliveries
    numbers = [layer.deserialize(d.payload)["n"] for d in held]
    feeding = asyncio.ensure_future(keep_feeding())
    async with working(layer, Jobs.as_asgi()):
        await until(lambda: set(numbers) <= {n for _, n in seen})
        ended.set()
        await feeding
    # The dead worker's came first, and not when the feeding had an end.
    assert len(seen) < 4000
    for key in {key for key, _ in seen}:
        mine = [n for other, n in seen if other == key]
        assert mine == sorted(mine)


async def test_of_a_list_that_hangs_other_partitions_go_on_elsewhere(
    layer: BusChannelLayer, broker: str
) -> None:
    taken: set[int] = set()
    # How many hung together, and what was done by the end of that.
    hung: list[tuple[int, set[int]]] = []

    class Jobs(BatchConsumer):
        async def _parse_and_handle(self, deliveries: Any) -> Any:
            numbers = {d.message["n"] for d in deliveries}
            if 0 in numbers:
                try:
                    await asyncio.Event().wait()
                finally:
                    hung.append((len(numbers), set(taken)))
            taken.update(numbers)
            return {}

        async def handle(self, batch: Any) -> Any:
            raise NotImplementedError

    for number in range(40):
        await layer.send("jobs", {"type": "x", "n": number}, ordering_key=str(number % 20))
    first = partition_of("0")
    others = {n for n in range(40) if partition_of(str(n % 20)) != first}
    with override_settings(BUS_HANDLER_TIMEOUT=1.5, BUS_MAX_ATTEMPTS=1):
        async with working(layer, Jobs.as_asgi(), concurrency=2):
            await until(lambda: left(broker) == 0)
    # It hung in a list and then alone; the other partitions' did not wait for the second time.
    (together, before), (alone, after) = hung
    assert (together, before, alone) == (40, set(), 1)
    assert others <= after
    assert taken == set(range(1, 40))


def partition_of(key: str) -> int:
    return int(sha1(key.encode()).hexdigest()[:8], 16) % conf.partitions
