"""Every answer of the web process has the headers, whoever gives it: Django, a file, the server."""

from __future__ import annotations

import pytest
import uvicorn
from pytest_django import Settings

from bus.conf import conf
from bus.http.security_headers import CSP
from tests.support.raw_http import Answer, ask, request
from tests.support.raw_socket import handshake

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]

FILE = "/static/bus/client.js"
ANSWERS = {
    "page": (request("/chat/lobby/"), 200),
    "redirect": (request("/"), 302),
    "missing page": (request("/nothing"), 404),
    "without its slash": (request("/chat/lobby"), 301),
    "file": (request(FILE), 200),
    "head of a file": (request(FILE, method="HEAD"), 200),
    "part of a file": (request(FILE, "Range: bytes=0-9"), 206),
    "no such part": (request(FILE, "Range: bytes=99999999-"), 416),
    "missing file": (request("/static/nothing.js"), 404),
    "file of the admin": (request("/static/admin/css/base.css"), 200),
    "foreign host": (request("/chat/", "Host: evil.example"), 400),
    "foreign host, probe": (request("/livez", "Host: evil.example"), 400),
    "foreign host, file": (request(FILE, "Host: evil.example"), None),
    "form of another page": (request("/accounts/login/", "Content-Length: 0", method="POST"), 403),
    "wrong method": (request("/livez", "Content-Length: 0", method="DELETE"), None),
    "probe": (request("/livez"), 200),
    "API without a key": (request("/api/v1/channels"), 401),
    "missing call": (request("/api/v1/nothing"), 404),
    "admin": (request("/admin/"), 302),
    "admin's sign-in": (request("/admin/login/"), 200),
    "no HTTP": (b"nonsense\r\n\r\n", 400),
    "large head": (request("/livez", "X: " + "x" * 9000), 431),
    "long address": (request("/" + "x" * 9000), 414),
    "large body": (request("/livez", "Content-Length: 999999999", method="POST"), 413),
    "large body, API": (request("/api/v1/x", "Content-Length: 999999999", method="POST"), 413),
    "foreign socket": (handshake("/ws/", Origin="https://evil.example"), 403),
    "no such socket": (handshake("/ws/nothing/"), 403),
    "broken handshake": (handshake("/ws/", Sec_WebSocket_Key="x"), 400),
    "not UTF-8": (b"GET /livez?q=\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
}  # fmt: skip


def check(answer: Answer) -> None:
    assert answer.headers[CSP.lower()] == conf.content_security_policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_answer_has_the_headers(server: uvicorn.Server, name: str) -> None:
    data, status = ANSWERS[name]
    answer = await ask(server, data)
    check(answer)
    if status is not None:
        assert answer.status == status


async def test_a_failure_has_them_too(server: uvicorn.Server, settings: Settings) -> None:
    settings.ROOT_URLCONF = "nothing.that.is.there"
    answer = await ask(server, request("/livez"))
    assert answer.status == 500
    check(answer)


async def test_the_docs_page_of_the_api_has_its_own(server: uvicorn.Server) -> None:
    answer = await ask(server, request("/api/v1/docs"))
    assert answer.headers[CSP.lower()].startswith("default-src 'self'; script-src 'self';")
    assert "img-src 'self' data:" in answer.headers[CSP.lower()]
