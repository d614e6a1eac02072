"""Sends that go in one script do what each would alone, by the script of the release before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Any

import msgpack
import pytest
import redis
from channels.exceptions import ChannelFull
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.broker import BusChannelLayer
from bus.broker.errors import BrokerUnavailable, InvalidMessage
from bus.broker.lua import script
from tests.support import older_release
from tests.support.broker_servers import Servers
from tests.support.broker_servers import servers as servers

NUMBERS = count()
# By the steady clock, far enough from the machine's that only this one is gone by.
NOW = 1_500_000_000_000
SHARED = {"capacity": 6, "partitions": 3, "sender": "s", "number_for": 100_000}
DAY = 86_400_000
TIMES = st.sampled_from([{"after": 0}, {"after": 500_000}, {"at": 1}])
MESSAGES = st.fixed_dictionaries(
    {"ordering_key": st.sampled_from([b"", b"a", b"b", b"c", b"\xff"])},
    optional={
        "due": TIMES,
        "expires": TIMES,
        "idempotency_key": st.sampled_from([b"x", b"y"]),
        "replayed_from": st.just(b"1-1"),
        "repeatable": st.just(True),
    },
)


@pytest.fixture
def client(broker: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(broker) as found:
        yield found


def packed(options: dict[str, Any]) -> bytes:
    found: bytes = msgpack.packb(options, use_bin_type=False)
    return found


def kind(answer: Any) -> str:
    """What an answer is, without the time that is in an id."""
    text = str(answer) if isinstance(answer, Exception) else answer.decode()
    return text if text.startswith(("BUS", "later")) else "id"


def kept(client: redis.Redis, base: str) -> dict[str, Any]:
    """All that a channel keeps, without the ids and times that no two runs share."""
    counts = client.hgetall(f"{base}:counts")
    streams = {
        f"{generation}:{partition}": [
            fields for _, fields in client.xrange(f"{base}:{generation}:{partition}")
        ]
        for generation in range(3)
        for partition in range(5)
    }
    later = {k: msgpack.unpackb(v, raw=True) for k, v in client.hgetall(f"{base}:later").items()}
    return {
        "meta": client.hgetall(f"{base}:meta"),
        "streams": streams,
        "due": client.zrange(f"{base}:due", 0, -1, withscores=True),
        "later": {name: [*row[:3], *row[4:]] for name, row in later.items()},
        "counts": {name: n for name, n in counts.items() if not name.startswith(b"held")},
        "rate": [client.hgetall(key) for key in client.keys(f"{base}:rate:*")],
        "sender": client.get(f"{base}:sender:s"),
        "once": len(client.keys(f"{base}:once:*")),
    }


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(MESSAGES, min_size=1, max_size=8), max_size=3), lost=st.booleans())
def test_a_batch_does_what_its_sends_do_one_by_one(
    client: redis.Redis, batches: list[list[dict[str, Any]]], lost: bool
) -> None:
    fast, slow = (f"{{test{next(NUMBERS)}:jobs}}" for _ in range(2))
    number, payloads = 0, count()
    for batch in batches:
        if lost:
            for base in (fast, slow):
                client.delete(f"{base}:sender:s")
        confirmed, parts, answers = number, [], []
        for message in batch:
            payload, options = b"%d" % next(payloads), dict(message)
            if "idempotency_key" in options:
                options["repeats_known_for"] = DAY
            if options.pop("repeatable", False):
                number += 1
                options |= {"number": number, "confirmed": confirmed}
            parts += [payload, packed(options)]
            shared = dict(SHARED)
            if "number" not in options:
                del shared["sender"]
            try:
                answer = older_release.run(client, "send", slow, NOW, payload, shared | options)
            except redis.ResponseError as error:
                answer = error
            answers.append(kind(answer))
        together = client.eval(script("send")[0], 1, f"{fast}:meta", NOW, packed(SHARED), *parts)
        assert list(map(kind, together)) == answers
        assert kept(client, fast) == kept(client, slow)


@pytest.mark.asyncio
async def test_each_send_of_a_turn_has_its_own_answer_and_all_go_in_one_script(
    servers: Servers,
) -> None:
    # One that nobody else asks anything.
    server = servers("valkey")
    layer = BusChannelLayer(hosts=[server.url], prefix="test", capacity=4, partitions=2)
    await layer.send("others", {"type": "x"})

    def scripts_run() -> int:
        with server.client() as client:
            return int(client.info("commandstats")["cmdstat_evalsha"]["calls"])

    before = scripts_run()
    sends: list[dict[str, Any]] = [
        {"repeatable": True},
        {"ordering_key": "\ud800"},
        {"delay": 0.001},
        {"ttl": 0},
        {"delay": float("nan")},
        {"repeatable": True},
        {},
        {"repeatable": True},
    ]
    answers = await asyncio.gather(
        *(layer.send("jobs", {"type": "x", "n": n}, **sends[n]) for n in range(len(sends))),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [
        *(str, InvalidMessage, str, str, InvalidMessage, str, ChannelFull, ChannelFull)
    ]
    assert str(answers[6]) == "jobs holds 4 messages and takes no more"
    assert scripts_run() == before + 1
    await layer.close()


@pytest.mark.asyncio
async def test_who_is_cancelled_before_the_turn_ends_sends_nothing_and_delays_nobody(
    broker: str,
) -> None:
    layer = BusChannelLayer(hosts=[broker], prefix="test", partitions=1)
    await layer.send("others", {"type": "x"})
    sends = [
        asyncio.ensure_future(layer.send("jobs", {"type": "x", "n": n}, ordering_key="k"))
        for n in range(5)
    ]
    await asyncio.sleep(0)
    sends[1].cancel()
    answers = await asyncio.gather(*sends, return_exceptions=True)
    assert [type(answer) for answer in answers] == [str, asyncio.CancelledError, str, str, str]
    claimed = (await layer.stream("jobs").claim("w/0", 9)).deliveries
    assert [layer.deserialize(d.payload)["n"] for d in claimed] == [0, 2, 3, 4]
    await layer.close()


@pytest.mark.asyncio
async def test_what_is_sent_in_the_turn_of_the_closing_is_sent_before_it(broker: str) -> None:
    layer = BusChannelLayer(hosts=[broker], prefix="test", partitions=1)
    await layer.send("others", {"type": "x"})
    sending = asyncio.ensure_future(layer.send("jobs", {"type": "x"}))
    await asyncio.sleep(0)
    client = layer.connection("jobs")
    await client.close()
    assert sending.done()
    assert await sending
    # Nothing is left to open another connection.
    await asyncio.sleep(0)
    assert client._connection is None
    assert client._opening is None


@pytest.mark.asyncio
async def test_the_first_sends_of_a_process_keep_their_order(broker: str) -> None:
    layer = BusChannelLayer(hosts=[broker], prefix="test", partitions=1)
    sends = []
    for number in range(30):
        # Turn by turn, while the broker is asked for its clock.
        message = {"type": "x", "n": number}
        sends.append(asyncio.ensure_future(layer.send("jobs", message, ordering_key="k")))
        await asyncio.sleep(0)
    await asyncio.gather(*sends)
    claimed = (await layer.stream("jobs").claim("w/0", 99)).deliveries
    assert [layer.deserialize(d.payload)["n"] for d in claimed] == list(range(30))
    await layer.close()


@pytest.mark.asyncio
async def test_more_than_one_script_takes_go_in_order_and_large_ones_too(broker: str) -> None:
    layer = BusChannelLayer(hosts=[broker], prefix="test", partitions=1)
    sizes = [10] * 150 + [200_000] * 12
    await asyncio.gather(
        *(
            layer.send("jobs", {"type": "x", "n": n, "t": "x" * size}, ordering_key="k")
            for n, size in enumerate(sizes)
        )
    )
    claimed = (await layer.stream("jobs").claim("w/0", 999)).deliveries
    assert [layer.deserialize(d.payload)["n"] for d in claimed] == list(range(len(sizes)))
    await layer.close()


@pytest.mark.asyncio
async def test_all_of_a_turn_are_refused_where_the_broker_is_away(tmp_path: Any) -> None:
    layer = BusChannelLayer(hosts=[f"unix://{tmp_path}/none"], prefix="test")
    answers = await asyncio.gather(
        *(layer.send("jobs", {"type": "x"}) for _ in range(3)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [BrokerUnavailable] * 3
    assert len(set(map(id, answers))) == 3
    await layer.close()
