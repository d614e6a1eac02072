"""Heads, bodies and half requests are bounded before Django sees them, and say so."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import AsyncExitStack, ExitStack

import pytest
import uvicorn
from django.core.handlers.asgi import ASGIHandler
from pytest_django import Settings

from bus.conf import conf
from bus.http.security_headers import CSP
from bus.servers.uvicorn_http import connections
from tests.support.raw_http import Answer, ask, line, request
from tests.support.raw_socket import handshake
from tests.support.wait import PATIENCE, until_async

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What Django kept of bodies, in bytes, one by one."""
    kept: list[int] = []
    read = ASGIHandler.read_body

    async def counted(self: ASGIHandler, receive: object) -> object:
        body = await read(self, receive)
        kept.append(len(body.read()))
        body.seek(0)
        return body

    monkeypatch.setattr(ASGIHandler, "read_body", counted)
    return kept


def check(answer: Answer, status: int) -> None:
    """A refusal is short, the last on its connection, and has the headers of all answers."""
    assert answer.status == status
    assert len(answer.body) < 200
    assert answer.headers["connection"] == "close"
    assert answer.headers[CSP.lower()] == conf.content_security_policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("/livez", *(f"X-{n}: {'x' * 1000}" for n in range(40))), 431),
        (request("/livez", f"X: {'x' * 20_000}"), 431),
        (request("/livez", *(f"X-{n}: x" for n in range(200))), 431),
        (request("/livez", "X: " + "x" * 300_000), 431),
        (request("/" + "x" * 9000), 414),
        (request("/livez?" + "x" * 100_000), 414),
        (b"\r\n" * 40_000, 431),
        (b"hello\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET /livez?\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (request("/livez", "Transfer-Encoding: chunked", method="POST")
         + b"0\r\n" + b"X: xxxxxxxx\r\n" * 200 + b"\r\n", 431),
        (request("/livez", "Transfer-Encoding: chunked", method="POST")
         + b"0\r\nX: " + b"x" * 300_000, 431),
    ],
)  # fmt: skip
async def test_a_head_that_is_too_large_is_refused(
    server: uvicorn.Server, data: bytes, status: int
) -> None:
    check(await ask(server, data), status)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (handshake("/ws/", X="x" * 20_000), 431),
        (handshake("/ws/" + "x" * 9000), 414),
        (handshake("/ws/").replace(b"GET /ws/", b"GET /ws/\xed\x95\x9c"), 400),
        (handshake("/ws/").replace(b"GET", b"POST"), 405),
        (handshake("/ws/", Content_Length="5"), 400),
        (handshake("/ws/", Sec_WebSocket_Key="x"), 400),
        (handshake("/ws/", Origin="https://elsewhere.example"), 403),
        (handshake("/nowhere/"), 403),
    ],
)
async def test_a_handshake_that_cannot_be_is_refused(
    server: uvicorn.Server, data: bytes, status: int
) -> None:
    check(await ask(server, data), status)


async def test_a_head_of_usual_size_is_read(server: uvicorn.Server) -> None:
    many = [f"X-{n}: {'x' * 300}" for n in range(60)]
    assert (await ask(server, request("/livez?" + "x" * 4000, *many))).status == 200
    cookie = "Cookie: " + "; ".join(f"c{n}={'x' * 3000}" for n in range(2))
    assert (await ask(server, request("/livez", cookie))).status == 200


async def test_a_head_without_end_is_refused_while_it_comes(server: uvicorn.Server) -> None:
    async with line(server) as one:
        one.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
        for number in range(200):
            one.write(f"X-{number}: {'x' * 500}\r\n".encode())
        check(await one.answer(), 431)
        assert await one.rest() == b""


@pytest.mark.parametrize("path", ["/accounts/login/", "/nothing", "/livez", "/static/bus/app.css"])
async def test_a_body_that_is_too_large_is_refused_before_it_is_kept(
    server: uvicorn.Server, settings: Settings, unread: list[int], path: str
) -> None:
    settings.BUS_REQUEST_BODY_LIMIT = 2000
    check(await ask(server, request(path, "Content-Length: 2001", method="POST")), 413)
    chunked = request(path, "Transfer-Encoding: chunked", method="POST")
    async with line(server) as one:
        one.write(chunked)
        for _ in range(100):
            one.write(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        check(await one.answer(), 413)
    assert unread == []
    fits = request(path, "Content-Length: 2000", method="POST", body=b"x" * 2000)
    assert (await ask(server, fits)).status not in (408, 413)
    assert unread == [2000]


async def test_the_api_says_in_its_own_words_what_is_too_large(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_API_BODY_LIMIT, settings.BUS_REQUEST_BODY_LIMIT = 2000, 10
    path = "/api/v1/channels/jobs/messages"
    for head, body in [
        (request(path, "Content-Length: 3000", method="POST"), b"x" * 3000),
        (request(path, "Transfer-Encoding: chunked", method="POST"),
         b"bb8\r\n" + b"x" * 3000 + b"\r\n0\r\n\r\n"),
    ]:  # fmt: skip
        answer = await ask(server, head + body)
        check(answer, 413)
        assert json.loads(answer.body)["error"]["code"] == "too_long"
    fits = request(path, "Content-Length: 2000", method="POST", body=b"x" * 2000)
    assert (await ask(server, fits)).status == 401


async def test_half_requests_end_by_themselves(server: uvicorn.Server, settings: Settings) -> None:
    settings.BUS_REQUEST_TIMEOUT = 0.5
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(line(server)) for _ in range(200)]
        for number, one in enumerate(lines):
            # Nothing at all, half a head, or half a body.
            if number % 3:
                one.write(b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n")
            if number % 3 == 2:
                one.write(b"\r\n1234")
        assert (await ask(server, request("/livez"))).status == 200
        for number, one in enumerate(lines):
            if number % 3:
                check(await one.answer(), 408)
            assert await one.rest() == b""
    await until_async(lambda: len(connections) == 0)


async def test_a_body_that_comes_slowly_and_steadily_is_taken(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_REQUEST_TIMEOUT = 0.3
    async with line(server) as one:
        one.write(request("/livez", "Content-Length: 40960", method="POST"))
        for _ in range(10):
            one.write(b"x" * 4096)
            await asyncio.sleep(0.1)
        assert (await one.answer()).status not in (408, 413)


async def test_who_asks_nothing_makes_room_for_who_asks(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_HTTP_CONNECTIONS = 20
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(line(server)) for _ in range(60)]
        for one in lines:
            one.write(b"GET /livez HTTP/1.1\r\n")
        for _ in range(5):
            assert (await ask(server, request("/livez"))).status == 200
        assert len(connections) <= 20
        # The oldest went.
        assert await lines[0].rest() == b""


async def test_nobody_of_a_storm_of_sockets_is_turned_away(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_HTTP_CONNECTIONS = 20
    port = server.servers[0].sockets[0].getsockname()[1]
    with ExitStack() as stack:
        storm = [stack.enter_context(socket.socket()) for _ in range(100)]
        for one in storm:
            # Nothing of the server's runs meanwhile: it finds them all at once.
            one.connect(("127.0.0.1", port))
            one.sendall(handshake("/ws/"))
            one.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            answers = await asyncio.gather(*(loop.sock_recv(one, 12) for one in storm))
    assert answers == [b"HTTP/1.1 101"] * 100


async def test_a_connection_serves_one_request_after_the_other(server: uvicorn.Server) -> None:
    async with line(server) as one:
        for _ in range(3):
            one.write(request("/livez"))
            assert (await one.answer()).status == 200
        one.write(request("/livez") * 5)
        assert [(await one.answer()).status for _ in range(5)] == [200] * 5
