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

from tests.chaos.backend import Backend
from tests.chaos.fleet import Fleet, fleet
from tests.waiting import until_async

SLOW, QUICK, MESSAGES = 1000, 10, 100


class Member:
    """A session in one room, and what it hears."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[str] = []
        self.late: list[float] = []
        self.presence: list[int] = []
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in self.socket:
                parsed = json.loads(frame)
                for item in parsed if isinstance(parsed, list) else [parsed]:
                    if item["type"] == "message.posted":
                        body = item["data"]["body"]
                        self.heard.append(body.split()[0])
                        self.late.append(time.time() - float(body.split()[1]))
                    elif item["type"] == "presence.changed":
                        self.presence.append(item["data"]["count"])

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
        members.append(member)
    return members


def hang_up(members: list[Member]) -> None:
    """Without a goodbye, which some would not answer."""
    for member in members:
        member.reading.cancel()
        member.socket.transport.abort()


async def flood(url: str) -> None:
    """Send as fast as the server takes it, and come back when it does not."""
    while True:
        with contextlib.suppress(ConnectionClosed, OSError):
            async with connect(url, subprotocols=["bus.v1"]) as socket:  # type: ignore[list-item]
                while True:
                    await socket.send(json.dumps({"type": "history.list", "data": {"room": "x"}}))


async def talk_among_the_slow(url: str) -> float:
    """How late quick members hear beside slow ones: the 99th percentile, in seconds."""
    quick, slow = await joined(url, "slow", QUICK), await joined(url, "slow", SLOW)
    for member in slow:
        member.socket.transport.pause_reading()
    flooding = asyncio.create_task(flood(url))
    # Enough for every kernel's buffers and every outbox to be full.
    pad = "x" * 1900
    for number in range(MESSAGES):
        body = f"{number} {time.time()} {pad}"
        await quick[number % QUICK].do(
            "message.send", room="slow", body=body, client_id=str(number)
        )
        await asyncio.sleep(0.02)
    await until_async(
        lambda: all(len(member.heard) == MESSAGES for member in quick), "all of it", 60
    )
    flooding.cancel()
    for member in quick:
        assert sorted(member.heard, key=int) == [str(n) for n in range(MESSAGES)]
    late = [moment for member in quick for moment in member.late]
    hang_up([*quick, *slow])
    return statistics.quantiles(late, n=100)[98]


@pytest.mark.timeout(120)
def test_a_thousand_who_stop_reading_and_one_who_floods_slow_nobody_down(backend: Backend) -> None:
    with fleet(backend, "slow", BUS_OUTBOX_LIMIT="50000", BUS_SEND_TIMEOUT="2") as site:
        site.worker("worker", "moderation")
        url = site.web("web")
        p99 = asyncio.run(talk_among_the_slow(url))
        print(f"p99 {p99:.3f} s")
        # Of a second the machine of the tests may need a part for itself.
        assert p99 < 2.0


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
