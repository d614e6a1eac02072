"""Where people come by https: cookies, and what a proxy tells."""

from __future__ import annotations

from typing import Any

import pytest
import uvicorn
from django.contrib.auth.models import User
from django.test import Client

from bus.models import Room
from tests.support.web_server import session

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]


@pytest.fixture(autouse=True)
def production(settings: Any) -> None:
    settings.BUS_HTTPS = True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_HSTS_SECONDS = 31_536_000


def get(path: str, told: str, **options: Any) -> Any:
    return Client().get(path, headers={"x-forwarded-proto": told} if told else {}, **options)


def test_every_cookie_is_secure() -> None:
    User.objects.create_user("mina", password="a-good-pass-1")
    Room.objects.create(name="lobby", access="open")
    client = Client()
    client.get("/chat/lobby/")
    client.get("/accounts/login/")
    client.post("/accounts/login/", {"username": "mina", "password": "a-good-pass-1"})
    assert set(client.cookies) == {"bus_guest", "csrftoken", "sessionid"}
    assert all(cookie["secure"] for cookie in client.cookies.values())


@pytest.mark.asyncio
async def test_the_cookie_of_a_guests_socket_is_secure(server: uvicorn.Server) -> None:
    async with session(server) as one:
        assert one.socket.response.headers["set-cookie"].endswith("; Secure")


def test_who_comes_by_http_is_sent_on_where_a_proxy_says_so() -> None:
    page = get("/chat/?a=1", "http")
    assert (page.status_code, page["Location"]) == (301, "https://testserver/chat/?a=1")
    page = get("/chat/", "https")
    assert page.status_code == 200
    assert page["Strict-Transport-Security"] == "max-age=31536000"
    # Probes, services beside it, and proxies that do not tell: nobody is sent in a circle.
    assert get("/chat/", "").status_code == 200
    assert get("/livez", "").status_code == 200


def test_once_proxies_are_named_nobody_else_is_believed(settings: Any) -> None:
    settings.BUS_TRUSTED_PROXIES = ["10.0.0.0/8"]
    stranger = get("/chat/", "https", REMOTE_ADDR="203.0.113.5")
    assert "Strict-Transport-Security" not in stranger
    named = get("/chat/", "https", REMOTE_ADDR="10.0.0.9")
    assert "Strict-Transport-Security" in named


def test_a_site_without_tls_is_left_alone(settings: Any) -> None:
    settings.BUS_HTTPS = False
    assert get("/chat/", "http").status_code == 200
