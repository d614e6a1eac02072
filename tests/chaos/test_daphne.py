"""Under Daphne: networks that are cut, processes that are replaced, and peers that do not read."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.chaos.test_drain import hear
from tests.chaos.test_rolling import listening
from tests.chaos.test_slow import Member, hang_up, joined
from tests.support.manage_up import free_port
from tests.support.many_clients import Person, crowd, everything_once_in_order
from tests.support.site import Site, running
from tests.support.wait import until_async

PEOPLE = 6
# What a stalled peer is too far behind with, in bytes.
OUTBOX = 100_000


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path:
        limits = {
            "BUS_OUTBOX_LIMIT": str(OUTBOX), "BUS_SEND_RATE": "0", "BUS_PRESENCE_GRACE": "0.5"
        }  # fmt: skip
        with running(Path(path), "daphne", **limits) as site:
            yield site


async def say(people: list[Person], count: int) -> None:
    """Have everybody say something, and wait until that is settled."""
    for person in people:
        person.sent += [person.room.send(f"{person.name} {len(person.sent)}") for _ in range(count)]
    await asyncio.gather(*(sent.settled for person in people for sent in person.sent))


@pytest.mark.asyncio
async def test_a_network_that_was_cut_loses_nothing(site: Site) -> None:
    async with crowd(PEOPLE, "cut", site.port) as people:
        lost, others = people[: PEOPLE // 2], people[PEOPLE // 2 :]
        for way in ("cut", "stall"):
            for person in lost:
                getattr(person.network, way)()
                person.sent += [person.room.send(f"{person.name} in the dark, {way}")]
            await say(others, 5)
            for person in lost:
                person.network.drop()
                person.network.mend()
        assert await everything_once_in_order(people) == len(others) * 10 + len(lost) * 2
        assert all(person.reconnects for person in lost)


@pytest.mark.asyncio
async def test_processes_are_replaced_while_people_talk(site: Site) -> None:
    ports = [site.port, free_port()]
    webs = [site.web, site.start_web(ports[1])]
    for port in ports:
        await listening(port)
    async with crowd(PEOPLE, "replaced", *ports) as people:
        talking = [asyncio.ensure_future(person.talk(120.0, 0.2)) for person in people]
        for web, port in zip(webs, ports, strict=True):
            await asyncio.to_thread(site.kill, web, signal.SIGTERM)
            site.start_web(port)
            await listening(port)
        said = sum(len(person.sent) for person in people)
        await until_async(
            lambda: sum(len(person.sent) for person in people) > said + PEOPLE, "more talk", 20
        )
        for talk in talking:
            talk.cancel()
        assert await everything_once_in_order(people) > said
        assert all(person.reconnects for person in people)


@pytest.mark.asyncio
async def test_a_stop_is_announced_and_says_come_back(site: Site) -> None:
    port = free_port()
    web = site.start_web(port)
    await listening(port)
    url = f"ws://127.0.0.1:{port}/ws/"
    async with connect(url, subprotocols=["bus.v1"]) as socket:  # type: ignore[list-item]
        await socket.send(json.dumps({"ref": "1", "type": "room.join", "data": {"room": "x"}}))
        while json.loads(await socket.recv())["type"] != "reply":
            pass
        web.send_signal(signal.SIGTERM)
        told, code, _ = await hear(socket)
    (closing,) = [item["data"] for item in told if item["type"] == "session.closing"]
    assert (closing["reason"], closing["reconnect_in"] >= 0) == ("restart", True)
    # Daphne cannot say 1012.
    assert code == 4408
    await until_async(lambda: web.poll() is not None, "the end", 20)
    assert "Traceback" not in site.text()


def all_heard(members: list[Member], count: int) -> bool:
    """Whether everybody has heard that many messages."""
    return all(len(member.heard) == count for member in members)


@pytest.mark.asyncio
async def test_who_stops_reading_is_sent_away_and_the_others_go_on(site: Site) -> None:
    url = f"ws://127.0.0.1:{site.port}/ws/"
    # Nobody judges that it is a flood.
    make = "from bus.models import Room; Room(name='slow', access='open', moderation='off').save()"
    await asyncio.to_thread(site.manage, "shell", "-c", make)
    quick, slow = await joined(url, "slow", 2), await joined(url, "slow", 2)
    for member in slow:
        member.socket.transport.pause_reading()
    pad, began, sent = "x" * 1900, time.monotonic(), 0
    # Until the kernel's buffers are full, and then the socket writer.
    while quick[0].presence[-1:] != [2]:
        # Daphne itself notices after 50 s, and keeps everything until then.
        assert time.monotonic() - began < 40, "nobody was sent away"
        # Few enough that those who read are never too far behind.
        for _ in range(20):
            body = f"{sent} 0 {pad}"
            await quick[0].do("message.send", room="slow", body=body, client_id=f"slow-{sent}")
            sent += 1
        await until_async(partial(all_heard, quick, sent), "all of it", 20)
    hang_up([*quick, *slow])
