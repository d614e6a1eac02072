"""Which pages may open a WebSocket."""

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from bus.consumers.origin import OriginGuard, is_allowed


@pytest.fixture(autouse=True)
def site(settings: Settings) -> None:
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["chat.example.com", "localhost"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.example.com", "https://*.partner.example"]
    settings.BUS_ALLOWED_ORIGINS = ["http://tools.example:8080"]


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://chat.example.com", "chat.example.com"),
        ("https://chat.example.com", "chat.example.com:443"),
        ("http://chat.example.com:80", "CHAT.example.com"),
        ("http://localhost:8000", "localhost:8000"),
        ("https://app.example.com", "chat.example.com"),
        ("https://app.example.com:443", "chat.example.com"),
        ("https://a.b.partner.example", "chat.example.com"),
        ("http://tools.example:8080", "chat.example.com"),
    ],
)
def test_own_and_trusted_pages_may(origin: str, host: str) -> None:
    assert is_allowed(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "chat.example.com"),
        # The host is the page's own, but not ours: DNS rebinding.
        ("https://evil.example", "evil.example"),
        ("http://localhost:9000", "localhost:8000"),
        ("https://chat.example.com:8443", "chat.example.com"),
        ("http://app.example.com", "chat.example.com"),
        ("https://evilpartner.example", "chat.example.com"),
        ("http://x.partner.example", "chat.example.com"),
        ("http://tools.example", "chat.example.com"),
        ("https://chat.example.com.evil.example", "chat.example.com"),
        ("null", "chat.example.com"),
        ("", "chat.example.com"),
        ("https://[", "chat.example.com"),
        ("https://a:b", "chat.example.com"),
        ("https://chat.example.com", ""),
        ("chat.example.com", "chat.example.com"),
    ],
)
def test_others_may_not(origin: str, host: str) -> None:
    assert not is_allowed(origin, host)


def test_a_star_allows_all(settings: Settings) -> None:
    settings.BUS_ALLOWED_ORIGINS = ["*"]
    assert is_allowed("https://evil.example", "chat.example.com")
    assert is_allowed("null", "")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("headers", "passed"),
    [
        ([], True),
        ([(b"origin", b"http://localhost:1"), (b"host", b"localhost:1")], True),
        ([(b"origin", b"https://evil.example"), (b"host", b"localhost")], False),
        (
            [
                (b"origin", b"http://localhost"),
                (b"origin", b"https://evil.example"),
                (b"host", b"localhost"),
            ],
            False,
        ),
        ([(b"origin", b"\xff\xfe"), (b"host", b"localhost")], False),
    ],
)
async def test_a_handshake_is_passed_on_or_refused(
    headers: list[tuple[bytes, bytes]], passed: bool
) -> None:
    sent: list[Any] = []
    calls: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        calls.append(scope)

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await OriginGuard(application)({"headers": headers}, receive, send)
    assert bool(calls) is passed
    assert sent == ([] if passed else [{"type": "websocket.close"}])
