"""Many write at once through several web processes and workers: nobody's own are out of order."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.support.manage_up import free_port
from tests.support.site import Site, running
from tests.support.wait import until, until_async

ROOMS = 3
AUTHORS = 8
MESSAGES = 60
# One author writes in a second tab, too.
TABS = 2
# One socket writes as fast as it can, as no person does.
NO_LIMITS = {"BUS_SEND_RATE": "0", "BUS_USER_SEND_RATE": "0", "BUS_JOIN_RATE": "0"}


@dataclass
class Tab:
    """One socket: where it is, what it wrote, and what it heard, as (tab, number) in turn."""

    name: str
    room: str
    socket: ClientConnection
    heard: list[tuple[str, int]] = field(default_factory=list)
    joined: asyncio.Event = field(default_factory=asyncio.Event)

    async def join(self) -> None:
        """Enter the room; what is said from then on is heard."""
        await self._say("room.join", room=self.room)
        self.listening = asyncio.ensure_future(self._listen())
        await asyncio.wait_for(self.joined.wait(), 30)

    async def flood(self) -> None:
        """Write all at once, and wait for nothing."""
        for number in range(MESSAGES):
            body = f"{self.name} {number} and nothing else"
            await self._say(
                "message.send", room=self.room, body=body, client_id=f"{self.name}-{number}"
            )

    async def _say(self, kind: str, **data: str) -> None:
        await self.socket.send(json.dumps({"ref": kind, "type": kind, "data": data}))

    async def _listen(self) -> None:
        async for frame in self.socket:
            told = json.loads(frame)
            for item in told if isinstance(told, list) else [told]:
                if item["type"] == "message.posted":
                    name, number, *_ = item["data"]["body"].split()
                    self.heard.append((name, int(number)))
                elif item["type"] == "reply":
                    assert item["ok"], item
                    if item["ref"] == "room.join":
                        self.joined.set()


async def crowd(stack: AsyncExitStack, ports: list[int]) -> list[Tab]:
    """Everybody's sockets, joined; those of one author are in different web processes."""
    tabs = []
    for room in range(ROOMS):
        for author in range(AUTHORS):
            cookie = ""
            for tab in range(TABS if author == 0 else 1):
                port = ports[(author + tab) % len(ports)]
                opening = connect(
                    f"ws://127.0.0.1:{port}/ws/",
                    subprotocols=["bus.v1"],  # type: ignore[list-item]
                    additional_headers={"Cookie": cookie} if cookie else None,
                    max_queue=None,
                )
                opened = await stack.enter_async_context(opening)
                assert opened.response is not None
                cookie = cookie or opened.response.headers["Set-Cookie"].partition(";")[0]
                tabs.append(Tab(f"r{room}a{author}t{tab}", f"flooded{room}", opened))
    for each in tabs:
        await each.join()
    return tabs


def answers(port: int) -> bool:
    """Whether a web process listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wanted(tabs: list[Tab], room: str) -> int:
    """How many messages each of a room hears."""
    return MESSAGES * sum(1 for tab in tabs if tab.room == room)


async def flood(site: Site, ports: list[int]) -> list[Tab]:
    """All write at once; a worker is killed when a part has been heard."""
    async with AsyncExitStack() as stack:
        tabs = await crowd(stack, ports)
        writing = [asyncio.ensure_future(tab.flood()) for tab in tabs]
        part = wanted(tabs, tabs[0].room) // 4
        await until_async(lambda: _heard(tabs[0], part), "a part is heard", 60)
        await asyncio.to_thread(site.kill, site.worker)
        site.worker = site.start_worker()
        await asyncio.gather(*writing)
        await until_async(
            lambda: _all_heard(tabs), f"everything is heard:\n{site.text()[-2000:]}", 90
        )
        for tab in tabs:
            tab.listening.cancel()
        return tabs


async def _heard(tab: Tab, count: int) -> bool:
    return len(tab.heard) >= count


async def _all_heard(tabs: list[Tab]) -> bool:
    return all(len(tab.heard) >= wanted(tabs, tab.room) for tab in tabs)


@pytest.mark.timeout(240)
def test_a_flood_through_several_processes_keeps_each_authors_order() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path,
        running(Path(path), **NO_LIMITS) as site,
    ):
        ports = [site.port, free_port()]
        site.start_web(ports[1])
        site.start_worker()
        until(lambda: site.text().count("listens on") >= 2, "two workers", 60)
        until(lambda: all(map(answers, ports)), "two web processes", 60)
        tabs = asyncio.run(flood(site, ports))
        for listener in tabs:
            numbers: dict[str, list[int]] = defaultdict(list)
            for name, number in listener.heard:
                numbers[name].append(number)
            assert set(numbers) == {tab.name for tab in tabs if tab.room == listener.room}
            for name, found in numbers.items():
                assert found == list(range(MESSAGES)), (listener.name, name)
        for room in {tab.room for tab in tabs}:
            heard = [tab.heard for tab in tabs if tab.room == room]
            assert all(each == heard[0] for each in heard), "all hear one order"
