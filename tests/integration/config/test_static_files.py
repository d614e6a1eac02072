"""Static files and the icon, over a real ASGI server."""

from __future__ import annotations

import asyncio
import os
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.support.wait import until_async
from tests.support.web_server import address

STATIC = Path(__file__).resolve().parents[3] / "bus" / "static" / "bus"
FILE = (STATIC / "client.js").read_bytes()

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def ask(server: uvicorn.Server, path: str, method: str = "GET", **headers: str) -> Any:
    """(status, headers, body); warnings are errors."""

    def fetch() -> tuple[int, Any, bytes]:
        url = address(server, path).replace("ws:", "http:")
        request = urllib.request.Request(url, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        # Of a request that Django gives up before there is an answer; nobody is shown those.
        warnings.simplefilter("ignore", ResourceWarning)
        answer = await asyncio.to_thread(fetch)
    assert [str(warning.message) for warning in warned] == []
    return answer


async def test_a_file_is_served_whole_without_a_warning(server: uvicorn.Server) -> None:
    status, headers, body = await ask(server, "/static/bus/client.js")
    assert (status, body) == (200, FILE)
    assert headers["Content-Type"].startswith("text/javascript")
    assert int(headers["Content-Length"]) == len(FILE)
    assert headers["Content-Security-Policy"]


async def test_heads_ranges_and_what_is_known_already(server: uvicorn.Server) -> None:
    path = "/static/bus/client.js"
    status, headers, body = await ask(server, path, "HEAD")
    assert (status, int(headers["Content-Length"]), body) == (200, len(FILE), b"")
    status, _, body = await ask(server, path, Range="bytes=10-19")
    assert (status, body) == (206, FILE[10:20])
    status, _, body = await ask(server, path, **{"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")
    assert (await ask(server, path, "POST"))[0] == 405


async def test_the_icon_is_where_browsers_ask_for_it(server: uvicorn.Server) -> None:
    status, headers, body = await ask(server, "/favicon.ico")
    assert (status, headers["Content-Type"]) == (200, "image/x-icon")
    assert body[:4] == b"\0\0\1\0"
    assert "max-age" in headers["Cache-Control"]
    assert headers["Content-Security-Policy"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc here")
async def test_a_client_that_goes_away_leaves_no_file_open(server: uvicorn.Server) -> None:
    def left_open() -> list[str]:
        fds = Path("/proc/self/fd")
        return [link for fd in fds.iterdir() if (link := _target(fd)).endswith("client.js")]

    host, _, port = address(server, "").removeprefix("ws://").partition(":")
    for _ in range(20):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /static/bus/client.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await writer.drain()
        writer.transport.abort()
    await ask(server, "/static/bus/client.js")
    await until_async(lambda: not left_open())


def _target(fd: Path) -> str:
    try:
        return os.readlink(fd)
    except OSError:
        return ""
