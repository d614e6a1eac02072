"""A broker that answers as a test tells it, over a socket of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import hiredis
import pytest_asyncio

from bus.broker.clock import SteadyClock
from bus.broker.redis_client import RedisClient

Command = list[bytes]
# The bytes to answer a command with; none for silence, and what `CLOSE` ends is closed after it.
Answer = Callable[[Command], bytes]
CLOSE = b"<close>"


class FakeBroker:
    """Makes connections as a real one, and hands all that follows to `answer`."""

    def __init__(self, path: Path) -> None:
        self.host = {"address": f"unix://{path}"}
        self.answer: Answer = lambda command: b"+OK\r\n"
        # What answers the loading of scripts, which comes ahead of all else.
        self.load: Answer = lambda command: b"+OK\r\n"
        # What came in one packet, packet by packet, of all connections; without their making.
        self.packets: list[list[Command]] = []
        # Writes to the newest connection.
        self.say: Callable[[bytes], None] = lambda data: None
        self.connections = 0
        self.open = 0
        self._path = path

    @property
    def commands(self) -> list[Command]:
        """All that came, in order, but for the loading of scripts."""
        return [c for packet in self.packets for c in packet if c[:2] != [b"SCRIPT", b"LOAD"]]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeBroker]:
        """Take connections until the end."""
        async with await asyncio.start_unix_server(self._serve, self._path):
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.say = writer.write
        requests = hiredis.Reader(notEnoughData=self)
        try:
            while data := await reader.read(2**20):
                requests.feed(data)
                packet = []
                while (command := requests.gets()) is not self:
                    if command[0] == b"HELLO":
                        writer.write(b"%1\r\n$5\r\nproto\r\n:3\r\n")
                    elif command[0] == b"CLIENT":
                        writer.write(b"+OK\r\n")
                    elif command[0] == b"PING":
                        writer.write(b"+PONG\r\n")
                    else:
                        packet.append(command)
                if packet:
                    self.packets.append(packet)
                for command in packet:
                    answer = self.load if command[0] == b"SCRIPT" else self.answer
                    said, closing, _ = answer(command).partition(CLOSE)
                    writer.write(said)
                    if closing:
                        return
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            writer.close()


@pytest_asyncio.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeBroker]:
    async with FakeBroker(tmp_path / "s").running() as found:
        yield found


@pytest_asyncio.fixture
async def client(fake: FakeBroker) -> AsyncIterator[RedisClient]:
    found = client_of(fake)
    yield found
    await found.close()


def client_of(fake: FakeBroker, **options: Any) -> RedisClient:
    clock = SteadyClock()
    clock.hear(1)
    assert clock.due()
    return RedisClient(fake.host, "test", clock, **options)


def echo(command: Command) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(command[-1]), command[-1])


async def outcomes(*calls: Any) -> list[Any]:
    """Each call's answer, or the class of what it raised."""
    found = await asyncio.gather(*calls, return_exceptions=True)
    return [type(each) if isinstance(each, Exception) else each for each in found]
