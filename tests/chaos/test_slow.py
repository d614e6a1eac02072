"""Those who stop reading, one who floods, a web process that is killed: nobody else notices."""

import asyncio
import contextlib
import json
import statistics
import time
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.backend import Backend
from tests.support.processes import Fleet, fleet
from tests.support.wait import until_async

SLOW, QUICK, MESSAGES = 1000, 10, 100
# Enough for every kernel's buffers and every socket writer of those who do not read to be full.
LONG = ("we meet at the harbour after lunch and walk home along the river " * 30)[:1900]


class Member:
    """A session in one room, and what it hears."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[str] = []
        self.late: list[float] = []
        self.presence: list[int] = []
        self.joined = asyncio.Event()
        # What it was told instead of an answer, and of its own messages that were not posted.
        self.wrong: list[Any] = []
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in self.socket:
                parsed = json.loads(frame)
                for item in parsed if isinstance(parsed, list) else [parsed]:
                    if item["type"] == "reply" and "recovered" in item.get("data", {}):
                        self.joined.set()
                    elif item["type"] == "message.posted":
                        body = item["data"]["body"]
                        self.heard.append(body.split()[0])
                        self.late.append(time.time() - float(body.split()[1]))
                    elif item["type"] == "presence.changed":
                        self.presence.append(item["data"]["count"])
                    elif "error" in item or item["data"].get("status") in ("held", "rejected"):
                        self.wrong.append(item)

    async def do(self, kind: str, **data: Any) -> None:
        """Send a command."""
        await self.socket.send(json.dumps({"ref": "1", "type": kind, "data": data}))


async def joined(url: str, room: str, count: int) -> list[Member]:
    """Sessions in a room."""
    members = []
    for _ in range(count):
        socket = await connect(url, subprotocols=["bus.v1"], max_size=None)  # type: ignore[list-item]
        member = Member(socket)
        await member.do("room.join", room=room)
        await asyncio.wait_for(member.joined.wait(), 30)
        members.append(member)
    return members


def hang_up(members: list[Member]) -> None:
    """Without a goodbye, which some would not answer."""
    for member in members:
        member.reading.cancel()
        member.socket.transport.abort()


async def talk(quick: list[Member], first: int = 0) -> float:
    """All hear all that they say, and how late: the 99th percentile, in seconds."""
    for member in quick:
        member.heard, member.late = [], []
    numbers = range(first, first + MESSAGES)
    for number in numbers:
        body = f"{number} {time.time()} {LONG}"
        await quick[number % QUICK].do(
            "message.send", room="slow", body=body, client_id=str(number)
        )
        await asyncio.sleep(0.02)
    await until_async(
        lambda: (
            all(len(member.heard) == MESSAGES for member in quick)
            or any(member.wrong or member.reading.done() for member in quick)
        ),
        "all of it",
        60,
    )
    told = [(member.wrong, member.socket.close_code) for member in quick]
    assert told == [([], None)] * QUICK
    for member in quick:
        assert sorted(member.heard, key=int) == [str(n) for n in numbers]
    late = [moment for member in quick for moment in member.late]
    return statistics.quantiles(late, n=100)[98]


async def talk_alone_and_among_the_slow(site: Fleet, url: str) -> tuple[float, float]:
    """How late quick members hear by themselves, and beside slow ones and one who floods."""
    quick = await joined(url, "slow", QUICK)
    alone = await talk(quick)
    slow = await joined(url, "slow", SLOW)
    for member in slow:
        member.socket.transport.pause_reading()
    # A process of its own: in this one nobody else would come to read.
    site.start("flooder", "-m", "tests.support.flooder", url)
    await asyncio.to_thread(site.wait_for, "flooder", "floods")
    among = await talk(quick, MESSAGES)
    hang_up([*quick, *slow])
    return alone, among


@pytest.mark.timeout(120)
def test_a_thousand_who_stop_reading_and_one_who_floods_slow_nobody_down(backend: Backend) -> None:
    with fleet(backend, "slow", BUS_OUTBOX_LIMIT="50000", BUS_SEND_TIMEOUT="2") as site:
        site.worker("worker", "moderation")
        url = site.web("web")
        alone, among = asyncio.run(talk_alone_and_among_the_slow(site, url))
        print(f"p99 alone {alone:.3f} s, among the slow {among:.3f} s")
        # The other processes of the test, and the other tests, want the processor, too.
        assert among < alone + 0.5


async def kill_one_of_two(site: Fleet, first: str, second: str) -> None:
    staying, others = await joined(first, "killed", 3), await joined(second, "killed", 4)
    await until_async(
        lambda: all(member.presence[-1:] == [7] for member in staying), "seven people", 15
    )
    began = time.monotonic()
    site.kill("second")
    await until_async(
        lambda: all(member.presence[-1] == 3 for member in staying), "three people", 30
    )
    assert time.monotonic() - began < 30
    hang_up([*staying, *others])


@pytest.mark.timeout(100)
def test_who_was_on_a_killed_process_is_gone_within_half_a_minute(backend: Backend) -> None:
    with fleet(backend, "killed") as site:
        first, second = site.web("first"), site.web("second")
        asyncio.run(kill_one_of_two(site, first, second))
