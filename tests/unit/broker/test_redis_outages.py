"""A broker that answers by halves, or not at all, or goes: nothing is sent twice, all are told."""

import asyncio
import time
from pathlib import Path

import pytest
import uvloop

from bus.broker.errors import BrokerUnavailable
from bus.broker.redis_client import RedisClient
from bus.broker.send_batch import SendBatch
from tests.support.fake_broker import CLOSE, FakeBroker, client_of, echo, outcomes
from tests.support.fake_broker import client as client
from tests.support.fake_broker import fake as fake
from tests.support.wait import until_async


@pytest.mark.asyncio
async def test_what_a_half_written_answer_was_for_is_unknown_and_sent_no_more(
    fake: FakeBroker, client: RedisClient
) -> None:
    ends = {b"1": b"+one\r\n", b"2": b"$5\r\nhal" + CLOSE}
    fake.answer = lambda command: ends.get(command[-1], b"+more\r\n")
    assert await outcomes(*(client.call("ECHO", n) for n in (1, 2, 3))) == [
        *(b"one", BrokerUnavailable, BrokerUnavailable)
    ]
    assert await client.call("ECHO", 4) == b"more"
    assert [command[-1] for command in fake.commands] == [b"1", b"2", b"3", b"4"]
    assert fake.connections == 2


@pytest.mark.asyncio
async def test_what_was_not_written_yet_goes_over_the_next_connection(
    fake: FakeBroker, client: RedisClient
) -> None:
    fake.answer = echo
    assert await client.call("ECHO", 1) == b"1"
    calling = asyncio.ensure_future(client.call("ECHO", 2))
    await asyncio.sleep(0)
    # It is asked for, and the connection ends before the turn does.
    assert client._connection is not None
    client._connection.connection_lost(None)
    assert await calling == b"2"
    assert [command[-1] for command in fake.commands] == [b"1", b"2"]


@pytest.mark.asyncio
async def test_a_silent_broker_is_left_by_all_who_wait(fake: FakeBroker) -> None:
    client = client_of(fake, answer_timeout=0.1)
    fake.answer = lambda command: b"+one\r\n" if command[-1] == b"1" else b""
    assert await outcomes(*(client.call("ECHO", n) for n in (1, 2, 3))) == [
        *(b"one", BrokerUnavailable, BrokerUnavailable)
    ]
    with pytest.raises(BrokerUnavailable, match="does not answer"):
        await client.call("ECHO", 4)
    await until_async(lambda: fake.open == 0)
    fake.answer = echo
    assert await client.call("ECHO", 5) == b"5"
    await client.close()


@pytest.mark.asyncio
async def test_an_answer_that_comes_bit_by_bit_is_no_silence(fake: FakeBroker) -> None:
    client = client_of(fake, answer_timeout=0.3)
    began = asyncio.get_running_loop().time()
    bits = iter([b"$9\r\n", *(b"%d" % n for n in range(9)), b"\r\n"])
    fake.answer = lambda command: b""
    answer = asyncio.ensure_future(client.call("ECHO", 1))
    await until_async(lambda: bool(fake.commands))
    for bit in bits:
        assert client._connection is not None
        client._connection.data_received(bit)
        await asyncio.wait([answer], timeout=0.1)
    assert await answer == b"012345678"
    assert asyncio.get_running_loop().time() - began > 2 * 0.3
    await client.close()


@pytest.mark.asyncio
async def test_a_master_that_is_a_replica_now_is_left_when_all_is_answered(
    fake: FakeBroker, client: RedisClient
) -> None:
    said = b"-READONLY You can't write against a read only replica.\r\n"
    fake.answer = lambda command: said if command[-1] == b"2" else echo(command)
    assert await outcomes(*(client.call("ECHO", n) for n in (1, 2, 3))) == [
        *(b"1", BrokerUnavailable, b"3")
    ]
    assert await client.call("ECHO", 4) == b"4"
    assert fake.connections == 2
    await until_async(lambda: fake.open == 1)


@pytest.mark.asyncio
async def test_a_master_that_is_a_replica_now_is_left_where_a_list_of_answers_says_so(
    fake: FakeBroker, client: RedisClient
) -> None:
    batch = SendBatch(client, "b", {})
    said = b"-READONLY You can't write against a read only replica.\r\n"
    fake.answer = lambda command: b"*2\r\n+1-1\r\n" + said
    assert await outcomes(*(batch.add(b"x", b"", (9, 1)) for _ in range(2))) == [
        *(b"1-1", BrokerUnavailable)
    ]
    fake.answer = echo
    assert await client.call("ECHO", 4) == b"4"
    assert fake.connections == 2
    await until_async(lambda: fake.open == 1)


def test_a_process_that_stood_still_reads_what_has_come_before_it_leaves(tmp_path: Path) -> None:
    async def ask_twice() -> list[bytes]:
        async with FakeBroker(tmp_path / "s").running() as fake:
            client = client_of(fake, answer_timeout=0.1)
            fake.answer = lambda command: echo(command) if command[-1] == b"1" else b""

            def stand_still(answer: bytes) -> bytes:
                if answer == b"1":
                    # While it reads; the answer to the second is there when it looks up.
                    time.sleep(0.3)
                    fake.say(b"+2\r\n")
                return answer

            client._parsers["ECHO"] = stand_still
            answers = await asyncio.gather(*(client.call("ECHO", n) for n in (1, 2)))
            await client.close()
            return answers

    # It runs what is due before it reads, unlike the event loop of asyncio.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask_twice()) == [b"1", b"2"]


@pytest.mark.parametrize("said", [b"?odd\r\n", b"*2\r\n:1\r\n?\r\n"])
@pytest.mark.asyncio
async def test_bytes_that_are_no_answer_end_the_connection(
    fake: FakeBroker, client: RedisClient, said: bytes
) -> None:
    fake.answer = lambda command: said
    with pytest.raises(BrokerUnavailable):
        await client.call("ECHO", 1)
    fake.answer = echo
    assert await client.call("ECHO", 2) == b"2"


@pytest.mark.asyncio
async def test_a_connection_that_was_idle_for_longer_than_trusted_is_not_used(
    fake: FakeBroker,
) -> None:
    fake.host["health_check_interval"] = 0.05
    client = client_of(fake)
    fake.answer = echo
    assert await client.call("ECHO", 1) == b"1"
    loop = asyncio.get_running_loop()
    idle_until = loop.time() + 0.06
    await until_async(lambda: loop.time() > idle_until)
    assert await client.call("ECHO", 2) == b"2"
    assert fake.connections == 2
    await client.close()


@pytest.mark.asyncio
async def test_nobody_there_is_told_to_each_and_later_somebody_is(tmp_path: Path) -> None:
    fake = FakeBroker(tmp_path / "s")
    fake.answer = echo
    client = client_of(fake)
    assert set(await outcomes(*(client.call("ECHO", n) for n in (1, 2)))) == {BrokerUnavailable}
    async with fake.running():
        assert await client.call("ECHO", 3) == b"3"
        await client.close()
    assert [command[-1] for command in fake.commands] == [b"3"]
