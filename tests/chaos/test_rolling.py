"""A new version goes out while people talk: every message once, in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.manage_up import free_port
from tests.support.many_clients import crowd, everything_once_in_order
from tests.support.site import Site, running
from tests.support.wait import until_async

PEOPLE = 10
PAUSE = 0.3  # s between two messages of one person, on average


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with (
        tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path,
        running(Path(path)) as site,
    ):
        yield site


async def listening(port: int) -> None:
    """Wait until somebody takes connections there."""

    async def connects() -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
        return False

    await until_async(connects, f"somebody listens on {port}", 60)


async def restart(site: Site, ports: list[int]) -> None:
    """Replace each process in turn: web after web, then the worker."""
    webs = [site.web, site.start_web(ports[1])]
    for port in ports:
        await listening(port)
    for web, port in zip(webs, ports, strict=True):
        await asyncio.to_thread(site.kill, web, signal.SIGTERM)
        site.web = site.start_web(port)
        await listening(port)
    site.start_worker()
    assert await asyncio.to_thread(site.kill, site.worker, signal.SIGTERM) == 0


@pytest.mark.asyncio
async def test_web_and_workers_are_replaced_while_people_talk(site: Site) -> None:
    ports = [site.port, free_port()]
    async with crowd(PEOPLE, "rolling", *ports) as people:
        restarting = asyncio.ensure_future(restart(site, ports))
        talking = [asyncio.ensure_future(person.talk(120.0, PAUSE)) for person in people]
        await restarting
        before = sum(len(person.sent) for person in people)
        await asyncio.sleep(2.0)  # of talk on what is new
        for talk in talking:
            talk.cancel()
        count = await everything_once_in_order(people)
        assert count > before > PEOPLE
        assert all(person.reconnects for person in people), "each was on a web that stopped"
        print(f"{count} messages to {PEOPLE} people: all, over two webs and a worker")
