"""A web process whose database connections are all taken: who waits is told, and probes answer."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import uvicorn
from django.db import OperationalError

from bus.database import limits
from bus.database.connection_limit import ConnectionLimit
from bus.pages import views
from tests.support.wait import until_async
from tests.support.web_server import address, session

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

Answer = tuple[int, http.client.HTTPMessage, str]


async def get(server: uvicorn.Server, path: str, **headers: str) -> Answer:
    """What a client gets: status, headers and body."""

    def ask() -> Answer:
        connection = http.client.HTTPConnection(urlsplit(address(server, "/")).netloc, timeout=20)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()

    return await asyncio.to_thread(ask)


def fill(limit: ConnectionLimit, over: threading.Event, threads: ThreadPoolExecutor) -> None:
    """Take all permits of a limit until it is over."""

    def refuse(answer: Future[object]) -> None:
        raise AssertionError("somebody else had the permit")

    for _ in range(limit._permits()):
        limit.submit(over.wait, threads, refuse)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as threads:
        yield threads


@pytest.fixture
def over(threads: ThreadPoolExecutor) -> Iterator[threading.Event]:
    """What ends it; set at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


async def test_who_waits_too_long_for_a_connection_is_told_to_come_back(
    server: uvicorn.Server,
    over: threading.Event,
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for limit in (limits.requests, limits.sockets):
        monkeypatch.setattr(limit, "timeout", 0.2)
    async with session(server) as client:
        fill(limits.requests, over, threads)
        fill(limits.sockets, over, threads)
        status, headers, text = await get(server, "/chat/", **{"Accept-Language": "ko"})
        assert (status, headers["Retry-After"]) == (503, "2")
        assert "잠시" in text
        assert "frame-ancestors" in headers["Content-Security-Policy"]
        status, headers, text = await get(server, "/api/v1/channels", Authorization="Bearer x")
        assert (status, headers["Retry-After"]) == (503, "2")
        assert json.loads(text)["error"]["code"] == "unavailable"
        error = await client.refused("room.join", room="lobby")
        assert (error["code"], error["retry_after"]) == ("unavailable", 2)
        # What asks whether all is well is answered all the same.
        assert (await get(server, "/livez"))[0] == 200
        assert json.loads((await get(server, "/readyz"))[2])["checks"]["database"] == "ok"
        over.set()
        assert (await get(server, "/chat/"))[0] == 200
        await client.do("room.join", room="lobby")


async def test_who_waits_for_a_moment_is_served(
    server: uvicorn.Server, over: threading.Event, threads: ThreadPoolExecutor
) -> None:
    fill(limits.requests, over, threads)
    visits = [asyncio.create_task(get(server, "/chat/")) for _ in range(5)]
    await until_async(lambda: len(limits.requests._waiting) == 5)
    over.set()
    assert {status for status, _, _ in await asyncio.gather(*visits)} == {200}


async def test_a_page_without_its_database_is_unavailable(
    server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_request: object) -> None:
        raise OperationalError("connection to server at 10.0.0.7 failed")

    monkeypatch.setattr(views, "visitor_of", gone)
    status, headers, text = await get(server, "/chat/")
    assert (status, headers["Retry-After"]) == (503, "2")
    assert "10.0.0.7" not in text
