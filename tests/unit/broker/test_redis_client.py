"""Commands of one turn leave together, and each has its own answer, or error."""

import asyncio
from hashlib import sha1
from pathlib import Path

import pytest
import redis
from redis.exceptions import NoScriptError

from bus.broker import lua
from bus.broker.clock import SteadyClock
from bus.broker.errors import BrokerUnavailable, InvalidMessage
from bus.broker.redis_client import RedisClient
from bus.broker.send_batch import SendBatch
from tests.support.fake_broker import Command, FakeBroker, client_of, echo, outcomes
from tests.support.fake_broker import client as client
from tests.support.fake_broker import fake as fake
from tests.support.wait import until_async


@pytest.mark.asyncio
async def test_the_commands_of_one_turn_leave_in_one_write_and_each_has_its_own_answer(
    fake: FakeBroker, client: RedisClient
) -> None:
    fake.answer = echo
    for _ in range(2):
        fake.packets.clear()
        answers = await asyncio.gather(*(client.call("ECHO", n) for n in range(50)))
        assert answers == [b"%d" % n for n in range(50)]
        assert len(fake.packets) == 1
    assert fake.connections == 1


@pytest.mark.asyncio
async def test_what_cannot_be_sent_fails_alone(fake: FakeBroker, client: RedisClient) -> None:
    fake.answer = echo
    parts = ["a", "\ud800", "b", None, True, [1], 1.5]
    assert await outcomes(*(client.call("ECHO", part) for part in parts)) == [
        *(b"a", InvalidMessage, b"b"),
        *(InvalidMessage, InvalidMessage, InvalidMessage, b"1.5"),
    ]
    assert len(fake.commands) == 3


@pytest.mark.asyncio
async def test_an_error_is_that_of_its_own_command(fake: FakeBroker, client: RedisClient) -> None:
    said = {
        b"full": b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
        b"wrong": b"-ERR wrong\r\n",
        b"loading": b"-LOADING Redis is loading the dataset in memory\r\n",
    }
    fake.answer = lambda command: said.get(command[-1]) or echo(command)
    parts = ["a", "full", "b", "wrong", "loading", "c"]
    assert await outcomes(*(client.call("ECHO", part) for part in parts)) == [
        *(b"a", BrokerUnavailable, b"b"),
        *(redis.ResponseError, BrokerUnavailable, b"c"),
    ]
    assert fake.connections == 1


@pytest.mark.asyncio
async def test_redis_py_says_what_some_answers_are(fake: FakeBroker, client: RedisClient) -> None:
    fake.answer = lambda command: b"$15\r\nused_memory:12\n\r\n"
    assert await client.call("INFO") == {"used_memory": 12}
    fake.answer = lambda command: b"*1\r\n$4\r\nodd!\r\n"
    assert await outcomes(client.call("INFO"), client.call("LRANGE")) == [
        AttributeError,
        [b"odd!"],
    ]


class Scripts:
    """Runs what it was given, and forgets it when it is told to."""

    def __init__(self) -> None:
        self.known: set[bytes] = set()
        self.ran: list[bytes] = []
        self.takes = True

    def load(self, command: Command) -> bytes:
        if self.takes:
            self.known.add(sha1(command[2]).hexdigest().encode())
        return b"+OK\r\n"

    def answer(self, command: Command) -> bytes:
        if command[1] not in self.known:
            return b"-NOSCRIPT No matching script.\r\n"
        self.ran.append(command[-1])
        return b"+%s\r\n" % command[-1]


@pytest.mark.asyncio
async def test_a_script_is_there_before_it_is_run(
    fake: FakeBroker, client: RedisClient, tmp_path: Path
) -> None:
    scripts = Scripts()
    fake.load, fake.answer = scripts.load, scripts.answer
    for name in "ab":
        (tmp_path / f"{name}.lua").write_text(f"return '{name}'")
        assert await client.run(name, "b", "x", directory=tmp_path) == b"x"
    # None was refused first.
    assert len(fake.commands) == 2


@pytest.mark.asyncio
async def test_scripts_that_are_forgotten_are_run_once_and_in_the_order_of_the_calls(
    fake: FakeBroker, client: RedisClient, tmp_path: Path
) -> None:
    scripts, calls = Scripts(), []
    fake.load, fake.answer = scripts.load, scripts.answer
    (tmp_path / "a.lua").write_text("return 'a'")

    def run() -> None:
        calling = client.run("a", "b", str(len(calls)), directory=tmp_path)
        calls.append(asyncio.ensure_future(calling))

    run()
    await calls[0]
    # It forgot the script, and another process brings it back: meanwhile its answers come one by
    # one, with other calls between.
    fake.answer = lambda command: b""
    for _ in range(3):
        run()
    await until_async(lambda: len(fake.commands) == 4)
    fake.answer = scripts.answer
    for _ in range(3):
        assert client._connection is not None
        client._connection.data_received(b"-NOSCRIPT No matching script.\r\n")
        run()
        for _ in range(5):
            await asyncio.sleep(0)
    assert await asyncio.gather(*calls) == [b"%d" % n for n in range(7)]
    assert scripts.ran == [b"%d" % n for n in range(7)]


@pytest.mark.asyncio
async def test_a_broker_that_takes_no_script_is_asked_twice_and_no_more(
    fake: FakeBroker, client: RedisClient, tmp_path: Path
) -> None:
    scripts = Scripts()
    scripts.takes = False
    fake.load, fake.answer = scripts.load, scripts.answer
    (tmp_path / "a.lua").write_text("return 'a'")
    with pytest.raises(NoScriptError):
        await client.run("a", "b", "x", directory=tmp_path)
    assert len(fake.commands) == 2


@pytest.mark.asyncio
async def test_one_caller_that_is_cancelled_takes_no_other_s_answer(
    fake: FakeBroker, client: RedisClient
) -> None:
    held: list[Command] = []

    def hold(command: Command) -> bytes:
        held.append(command)
        return b"" if len(held) < 3 else b"".join(map(echo, held))

    fake.answer = hold
    calls = [asyncio.ensure_future(client.call("ECHO", n)) for n in (1, 2)]
    await until_async(lambda: len(held) == 2)
    calls[0].cancel()
    last = asyncio.ensure_future(client.call("ECHO", 3))
    assert await asyncio.gather(calls[1], last) == [b"2", b"3"]
    assert calls[0].cancelled()


@pytest.mark.asyncio
async def test_what_nobody_asked_for_is_no_answer(fake: FakeBroker, client: RedisClient) -> None:
    push = b">2\r\n$6\r\nMOVING\r\n:1\r\n"
    fake.answer = lambda command: push + echo(command) + push
    answers = await asyncio.gather(*(client.call("ECHO", n) for n in (1, 2)))
    assert answers == [b"1", b"2"]
    # An answer too many: from here on nobody could tell whose is whose.
    fake.answer = lambda command: echo(command) + b"+odd\r\n"
    assert await client.call("ECHO", 3) == b"3"
    fake.answer = echo
    await until_async(lambda: fake.open == 0)
    assert await client.call("ECHO", 4) == b"4"


@pytest.mark.asyncio
async def test_closing_lets_what_is_under_way_finish(fake: FakeBroker) -> None:
    client, answers = client_of(fake), []
    fake.answer = lambda command: (answers.append(command), b"")[1]
    calls = [asyncio.ensure_future(client.call("ECHO", n)) for n in (1, 2)]
    await until_async(lambda: len(answers) == 2)
    closing = asyncio.ensure_future(client.close())
    for command in answers:
        assert not closing.done()
        assert client._connection is not None
        client._connection.data_received(echo(command))
    assert await asyncio.gather(*calls) == [b"1", b"2"]
    await closing
    await until_async(lambda: fake.open == 0)
    # It can be used on.
    fake.answer = echo
    assert await client.call("ECHO", 3) == b"3"
    await client.close()
    await until_async(lambda: fake.open == 0)


@pytest.mark.asyncio
async def test_closing_lets_sends_finish_that_wait_for_the_time(fake: FakeBroker) -> None:
    client = RedisClient(fake.host, "test", SteadyClock())
    clock, send = (sha1(lua.script(name)[0].encode()) for name in ("clock", "send"))
    said = {
        clock.hexdigest().encode(): b":1000\r\n",
        send.hexdigest().encode(): b"*1\r\n+1-1\r\n",
    }
    fake.answer = lambda command: said[command[1]]
    answer = SendBatch(client, "b", {}).add(b"x", b"", (9, 1))
    await client.close()
    assert answer.done()
    assert await answer == b"1-1"
    await until_async(lambda: fake.open == 0)
    assert fake.connections == 1


@pytest.mark.asyncio
async def test_closing_lets_what_comes_while_a_connection_opens_finish(fake: FakeBroker) -> None:
    client = client_of(fake)
    fake.answer = echo
    gone = asyncio.ensure_future(client.call("ECHO", 1))
    for _ in range(2):
        await asyncio.sleep(0)
    assert client._opening is not None
    gone.cancel()
    closing = asyncio.ensure_future(client.close())
    await asyncio.sleep(0)
    coming = asyncio.ensure_future(client.call("ECHO", 2))
    await closing
    assert await asyncio.wait_for(coming, 5) == b"2"
    await until_async(lambda: fake.open == 0)


@pytest.mark.asyncio
async def test_an_opening_that_never_began_holds_up_nobody(fake: FakeBroker) -> None:
    """As where a loop's end cancels all of its tasks before it closes the layer."""
    client = client_of(fake)
    fake.answer = echo
    given_up = asyncio.ensure_future(client.call("ECHO", 1))
    while not (opening := client._opening):  # noqa: ASYNC110
        await asyncio.sleep(0)
    opening.cancel()
    await asyncio.wait_for(client.close(), 5)
    assert await outcomes(given_up, client.call("ECHO", 2)) == [BrokerUnavailable, b"2"]
    await client.close()


@pytest.mark.asyncio
async def test_what_cannot_be_made_ready_fails_alone(
    fake: FakeBroker, client: RedisClient, caplog: pytest.LogCaptureFixture
) -> None:
    fake.answer = lambda command: b"*1\r\n+1-1\r\n"
    # What a sender is told of cannot be packed.
    batches = [SendBatch(client, "b", {"sender": sender}) for sender in ("a", object(), "b")]
    assert await asyncio.wait_for(
        outcomes(*(batch.add(b"x", b"", (9, 1)) for batch in batches)), 5
    ) == [b"1-1", TypeError, b"1-1"]

    def fail() -> None:
        raise RuntimeError("odd")

    client.before_write(fail)
    sent = batches[0].add(b"x", b"", (9, 1))
    assert await asyncio.wait_for(sent, 5) == b"1-1"
    assert "odd" in caplog.text


@pytest.mark.parametrize("said", [b"+OK\r\n", b"*1\r\n+1-1\r\n", b"*3\r\n+1\r\n+2\r\n+3\r\n"])
@pytest.mark.asyncio
async def test_an_answer_that_is_not_one_for_each_send_leaves_nobody_waiting(
    fake: FakeBroker, client: RedisClient, said: bytes
) -> None:
    batch = SendBatch(client, "b", {})
    fake.answer = lambda command: said
    sends = outcomes(*(batch.add(b"x", b"", (9, 1)) for _ in range(2)))
    assert await asyncio.wait_for(sends, 5) == [BrokerUnavailable, BrokerUnavailable]


class Odd(redis.RedisError):
    """An error that cannot be copied."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)


@pytest.mark.asyncio
async def test_an_error_that_cannot_be_copied_is_told_to_each(
    client: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    answer.set_exception(Odd("a", "b"))
    monkeypatch.setattr(client, "run_soon", lambda *args: answer)
    batch = SendBatch(client, "b", {})
    sends = outcomes(*(batch.add(b"x", b"", (9, 1)) for _ in range(2)))
    assert await asyncio.wait_for(sends, 5) == [Odd, Odd]
