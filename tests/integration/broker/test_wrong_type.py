"""Whatever somebody else puts into the broker: it is set apart, or named, and the rest goes on."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha1
from typing import Any

import msgpack
import pytest
import pytest_asyncio
import redis
from channels.consumer import AsyncConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from django.core.management import call_command
from django.http import HttpResponse
from django.test import AsyncClient, override_settings

from bus.broker import BusChannelLayer
from bus.broker.errors import BrokerUnavailable
from bus.broker.operations.dead_letters import DeadLetter, DeadLetters
from bus.broker.operations.handled_log import HandledLog
from bus.broker.worker.worker import Worker
from bus.messaging import default_layer, operations
from bus.messaging.inbox import dropped
from bus.messaging.presence_store import PresenceStore
from bus.protocol.objects import Author
from tests.support.wait import until_async as until

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

BASE = "{bus:jobs}"
STREAM = f"{BASE}:1:0"
GOOD = msgpack.packb({"type": "job.run", "n": 1})
# Entries that are no messages of ours, and a word of the reason.
ENTRIES = {
    "foreign fields": ({"x": "y"}, "payload"),
    "a time to live that is no number": ({"m": GOOD, "k": "k", "x": "soon"}, "field x"),
    "a time to live that Lua would take": ({"m": GOOD, "x": "nan"}, "field x"),
    "a count of attempts that is no number": ({"m": GOOD, "n": "abc"}, "field n"),
    "a count of attempts beyond all numbers": ({"m": GOOD, "n": "1e999"}, "field n"),
    "a time that is no number": ({"m": GOOD, "f": "-1"}, "field f"),
    "nothing that can be decoded": ({"m": b"\xc1", "k": "k"}, "decoded"),
    "an empty payload": ({"m": b"", "k": "k"}, "decoded"),
    "a list": ({"m": msgpack.packb([1])}, "list"),
    "keys that are numbers": ({"m": msgpack.packb({"type": "x", "p": {1: 2}})}, "decoded"),
    "no type": ({"m": msgpack.packb({"n": 1}), "k": "k"}, "type"),
    "a type that is a number": ({"m": msgpack.packb({"type": 7})}, "type"),
    "a huge payload": ({"m": b"x" * 5_000_000, "k": "k"}, "5000000 bytes"),
    "many fields": ({f"f{n}": "v" for n in range(9000)}, "payload"),
    "names and values that are no text": ({b"\xff": b"\xfe", b"k": b"\xff"}, "payload"),
}


@pytest_asyncio.fixture
async def layer(broker: str) -> AsyncIterator[BusChannelLayer]:
    with override_settings(BUS_RETRY_BASE=0.02, BUS_RETRY_CAP=0.05, BUS_MAX_ATTEMPTS=2):
        yield default_layer.get()
        await default_layer.close()


@pytest.fixture
def raw(broker: str) -> redis.Redis:
    return redis.Redis.from_url(broker)


class Jobs:
    """What a consumer saw."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def as_asgi(self) -> Any:
        seen = self.seen

        class Consumer(AsyncConsumer):
            async def job_run(self, message: dict[str, Any]) -> None:
                seen.append(message["n"])

        return Consumer.as_asgi()


@asynccontextmanager
async def working(channel: str = "jobs") -> AsyncIterator[list[int]]:
    """A worker on a channel while the block runs; the numbers of the jobs that it did."""
    jobs = Jobs()
    application = ProtocolTypeRouter({"channel": ChannelNameRouter({channel: jobs.as_asgi()})})
    worker = Worker(application, [channel], BusChannelLayer(hosts=default_layer.get().hosts))
    running = asyncio.ensure_future(worker.main())
    try:
        yield jobs.seen
    finally:
        worker.stop()
        await asyncio.wait_for(running, 20)


async def send(layer: BusChannelLayer, numbers: range) -> None:
    for number in numbers:
        await layer.send("jobs", {"type": "job.run", "n": number}, ordering_key="k")


async def ask_if_ready() -> HttpResponse:
    """/readyz, as to one of us."""
    secret = "for one test alone, and long enough"
    with override_settings(BUS_PROBE_SECRET=secret):
        return await AsyncClient().get("/readyz", headers={"authorization": f"Bearer {secret}"})


def partition_of(client: redis.Redis) -> str:
    """The one stream that has something."""
    (found,) = [key.decode() for key in client.keys(f"{BASE}:1:*") if client.xlen(key)]
    return found


async def letters(layer: BusChannelLayer, channel: str = "jobs") -> list[DeadLetter]:
    return [letter async for letter in DeadLetters(layer, channel).each()]


@pytest.mark.parametrize("case", ENTRIES)
async def test_an_entry_that_is_no_message_is_a_dead_letter_and_the_rest_goes_on_in_order(
    layer: BusChannelLayer, raw: redis.Redis, case: str
) -> None:
    fields, reason = ENTRIES[case]
    await send(layer, range(3))
    stream = partition_of(raw)
    raw.xadd(stream, fields)  # type: ignore[arg-type]
    await send(layer, range(3, 6))
    async with working() as seen:
        await until(lambda: seen == list(range(6)))
        await until(lambda: raw.xlen(stream) == 0)
    (letter,) = await letters(layer)
    assert reason in letter.error
    # Nothing of it is lost.
    kept = {**letter.raw, "m": letter.payload}
    for name, value in fields.items():
        if name not in ("k", b"k"):
            known = name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
            assert kept[known] == (value.encode() if isinstance(value, str) else value)
    assert (await layer.stream("jobs").stats(9)).totals.dead == 1


async def test_ids_far_from_any_time_stop_nobody(layer: BusChannelLayer, raw: redis.Redis) -> None:
    await send(layer, range(1))
    raw.xadd(partition_of(raw), {"m": GOOD, "k": "k"}, id="18446744073709551000-5")
    await send(layer, range(2, 4))
    now = raw.time()[0] * 1000
    (first, *rest) = (await layer.stream("jobs").claim("w", 9)).deliveries
    assert [layer.deserialize(d.payload)["n"] for d in (first, *rest)] == [0, 1, 2, 3]
    assert all(d.sent_at <= now + 5000 for d in rest)


async def test_what_was_set_aside_and_cannot_be_unpacked_is_a_dead_letter(
    layer: BusChannelLayer, raw: redis.Redis
) -> None:
    await send(layer, range(1))
    for name, packed in {"a": b"\xc1", "b": msgpack.packb([1]), "c": msgpack.packb(7)}.items():
        raw.hset(f"{BASE}:later", name, packed)
        raw.zadd(f"{BASE}:due", {name: 1})
    async with working() as seen:
        await until(lambda: seen == [0])
        await until(lambda: raw.xlen(f"{BASE}:dead") == 3)
    assert {letter.raw["later"] for letter in await letters(layer)} == {
        b"\xc1",
        msgpack.packb([1]),
        msgpack.packb(7),
    }


async def test_put_back_it_is_what_it_was(layer: BusChannelLayer, raw: redis.Redis) -> None:
    await send(layer, range(1))
    stream = partition_of(raw)
    raw.xadd(stream, {"m": msgpack.packb({"type": "job.run", "n": 7}), "k": "k", "n": "abc"})
    raw.xadd(stream, {"x": "y"})
    raw.xadd(f"{BASE}:dead", {"hello": "there", "attempts": "many", "sent_at": "yesterday"})
    async with working() as seen:
        await until(lambda: raw.xlen(f"{BASE}:dead") == 3)
        back = [letter.id for letter in await letters(layer)]
        assert await DeadLetters(layer, "jobs").retry(back) == back
        # Its payload was a message; the two others are dead letters once more, as they were.
        await until(lambda: seen == [0, 7])
        await until(lambda: raw.xlen(f"{BASE}:dead") == 2)
    kept = [letter.raw for letter in await letters(layer)]
    assert {"x": b"y"} in kept
    assert any(fields.get("hello") == b"there" for fields in kept)


async def test_dead_letters_and_history_are_shown_whatever_lies_there(
    layer: BusChannelLayer, raw: redis.Redis
) -> None:
    await send(layer, range(1))
    for fields in ({"x": "y"}, {"attempts": "many", "sent_at": "9" * 30, "error": b"\xff"}):
        raw.xadd(f"{BASE}:dead", fields, id="*")  # type: ignore[arg-type]
        raw.xadd(f"{BASE}:history", fields)  # type: ignore[arg-type]
    assert [letter.attempts for letter in await letters(layer)] == [0, 0]
    assert (await HandledLog(layer, "jobs").stretch(0, 10**14)).positions == []
    with override_settings(BUS_RETENTION=["60"], BUS_RETENTION_LIMIT=1):
        async with working() as seen:
            await until(lambda: seen == [0])
            await until(lambda: raw.xlen(f"{BASE}:history") == 1)
    (last,) = (await HandledLog(layer, "jobs").stretch(0, 10**14)).positions
    assert last.sent_at > 0

    def shown() -> str:
        out = io.StringIO()
        call_command("bus", "dead", "list", "jobs", stdout=out)
        for letter in found:
            call_command("bus", "dead", "show", "jobs", letter.id, stdout=out)
        return out.getvalue()

    found = await letters(layer)
    assert "x = y" in await asyncio.to_thread(shown)


def key_of(partition: int) -> str:
    """An ordering key of this partition of 16."""
    keys = (str(number) for number in range(1000))
    return next(k for k in keys if int(sha1(k.encode()).hexdigest()[:8], 16) % 16 == partition)


# Those that each send needs, and what only some do.
NEEDED: dict[str, dict[str, Any]] = {
    "meta": {},
    "due": {"delay": 0.001},
    "1:3": {"ordering_key": key_of(3)},
}
WRONG_KEYS: dict[str, Callable[[redis.Redis, str], Any]] = {
    "meta": lambda client, key: client.set(key, "x"),
    "due": lambda client, key: client.set(key, "x"),
    "workers": lambda client, key: client.set(key, "x"),
    "1:3": lambda client, key: client.sadd(key, "x"),
}


@pytest.mark.parametrize("name", WRONG_KEYS)
async def test_a_key_of_another_type_is_named_and_work_goes_on_once_it_is_gone(
    layer: BusChannelLayer, raw: redis.Redis, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    await default_layer.get().send("moderation", {"type": "job.run", "n": 0})
    key = "{bus:moderation}:" + name
    kept = raw.dump(key)
    raw.delete(key)
    WRONG_KEYS[name](raw, key)
    async with working("moderation") as seen:
        await until(lambda: key in caplog.text or "WRONGTYPE" in caplog.text)
        answer = await ask_if_ready()
        assert answer.status_code == 503
        assert f"the key {key} is a" in answer.content.decode()
        # Whose message needs the key is refused, and not those that are sent with it.
        first, second = await asyncio.gather(
            default_layer.get().send(
                "moderation", {"type": "job.run", "n": 1}, **NEEDED.get(name, {})
            ),
            default_layer.get().send("moderation", {"type": "job.run", "n": 2}, ordering_key="0"),
            return_exceptions=True,
        )
        refused = [each for each in (first, second) if isinstance(each, BrokerUnavailable)]
        assert len(refused) == {"meta": 2, "workers": 0}.get(name, 1)
        assert all(f"{key} is a" in str(error) for error in refused)
        raw.delete(key)
        if kept:
            raw.restore(key, 0, kept)
        await until(lambda: len(seen) == 3 - len(refused))
        assert set(seen) == {0, 1, 2} - ({1} if first in refused else set()) - (
            {2} if second in refused else set()
        )


async def test_a_channel_that_no_worker_can_take_from_is_not_ready(
    layer: BusChannelLayer, raw: redis.Redis
) -> None:
    await layer.send("moderation", {"type": "job.run", "n": 0})
    count = raw.hget("{bus:moderation}:meta", "partitions:1")
    assert count is not None

    async def ready_says(word: str) -> None:
        """Wait until it does."""
        async with asyncio.timeout(20):
            said = ""
            while word not in said:
                answer = await ask_if_ready()
                said = json.loads(answer.content)["checks"]["workers of moderation"]

    async with working("moderation") as seen:
        await until(lambda: seen == [0])
        raw.hdel("{bus:moderation}:meta", "partitions:1")
        await ready_says("cannot be used")
        raw.hset("{bus:moderation}:meta", "partitions:1", count)
        await ready_says("ok")


async def test_a_message_is_kept_where_it_cannot_become_a_dead_letter(
    layer: BusChannelLayer, raw: redis.Redis
) -> None:
    raw.set(f"{BASE}:dead", "x")
    await send(layer, range(1))
    stream = layer.stream("jobs")
    (delivery,) = (await stream.claim("w", 1)).deliveries
    with pytest.raises(BrokerUnavailable, match="is a string and should be a stream"):
        await stream.dead_letter(delivery, "no")
    raw.delete(f"{BASE}:dead")
    await stream.dead_letter(delivery, "no")
    assert len(await letters(layer)) == 1


async def test_what_is_published_under_a_groups_name_ends_no_consumer(
    layer: BusChannelLayer, raw: redis.Redis
) -> None:
    channel = await layer.new_channel("x")
    await layer.group_add("room", channel)
    name, _ = layer.group_locator()("room")
    for junk in (b"", b"\xc1", msgpack.packb([1]), msgpack.packb({1: 2}), b"\x91" * 2000):
        raw.publish(name, junk)
        raw.publish(channel, junk)
    await layer.group_send("room", {"type": "x"})
    assert await asyncio.wait_for(layer.receive(channel), 5) == {"type": "x"}
    assert dropped()["undecodable"] == 10


async def test_people_in_a_room_are_shown_whatever_lies_beside_them(
    layer: BusChannelLayer, raw: redis.Redis
) -> None:
    roster = PresenceStore(layer.connection("roster.7"), layer.prefix, 7)
    raw.zadd("{bus:roster.7}:people", {"junk": 9e15, b"\xff": 9e15})
    raw.hset("{bus:roster.7}:who", "junk", "not json")
    raw.hset("{bus:roster.7}:changes", "junk", "+not json")
    found = await roster.attend("p", {"u1": Author(id=1, name="mina")})
    assert [author.name for author in found.members] == ["mina"]
    changes = await roster.changes()
    assert not isinstance(changes, float)
    assert [author.name for author in changes.joined] == ["mina"]


async def test_what_is_told_of_workers_is_shown_whatever_lies_there(
    layer: BusChannelLayer, raw: redis.Redis
) -> None:
    now = raw.time()[0] * 1000
    raw.zadd(f"{BASE}:workers", {b"\xff": now, "list": now, "here-1-2": now, "old\xff": 1})
    raw.hset(f"{BASE}:about", mapping={b"\xff": b"\xc1", "list": "[1]", "here-1-2": '{"pid": 7}'})
    raw.hset(f"{BASE}:counts", mapping={"sent": "many", "done": "3"})
    async with working() as seen:
        await send(layer, range(2))
        await until(lambda: seen == [0, 1])
        stats = await layer.stream("jobs").stats(9)
    assert stats.totals.done >= 3
    assert 7 in {worker.pid for worker in stats.workers}


async def test_a_tap_passes_over_what_it_did_not_ask_for(
    layer: BusChannelLayer, raw: redis.Redis
) -> None:
    loop = asyncio.get_running_loop()

    def first() -> int:
        following = operations.tap("jobs").follow()
        next(following)
        for junk in (b"", b"\xc1", msgpack.packb([1] * 6), msgpack.packb(7)):
            raw.publish(f"{BASE}:tap", junk)
        asyncio.run_coroutine_threadsafe(send(layer, range(1)), loop).result(5)
        for sent in following:
            if sent is not None and sent.message is not None:
                return int(sent.message["n"])
        raise AssertionError

    assert await asyncio.wait_for(asyncio.to_thread(first), 10) == 0
