"""What the pages may load where files and sockets are on other hosts."""

from __future__ import annotations

import pytest

from bus.http.security_headers import with_drawn_images
from config.security import content_policy


def directives(policy: str) -> dict[str, list[str]]:
    parts = [part.split() for part in policy.split(";")]
    return {part[0]: part[1:] for part in parts}


@pytest.mark.parametrize("static_url", ["/static/", "static/", "/live/static/"])
def test_all_is_from_here(static_url: str) -> None:
    assert content_policy(static_url, "") == (
        "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


@pytest.mark.parametrize(
    ("static_url", "origin"),
    [
        ("https://static.example.org/bus/", "https://static.example.org"),
        ("http://127.0.0.1:8100/s/", "http://127.0.0.1:8100"),
        ("//static.example.org/", "static.example.org"),
    ],
)
def test_files_come_from_where_static_url_is_and_nothing_else_does(
    static_url: str, origin: str
) -> None:
    found = directives(content_policy(static_url, ""))
    for name in ("script-src", "style-src", "img-src"):
        assert found[name] == ["'self'", origin]
    assert found["default-src"] == found["connect-src"] == ["'self'"]


def test_sockets_may_be_on_another_host() -> None:
    found = directives(content_policy("static/", "wss://ws.example.org/live/ws/"))
    assert found["connect-src"] == ["'self'", "wss://ws.example.org"]
    assert "connect-src 'self';" in content_policy("static/", "/elsewhere/ws/")


@pytest.mark.parametrize("static_url", ["static/", "https://static.example.org/"])
def test_the_docs_page_draws_icons(static_url: str) -> None:
    policy = content_policy(static_url, "")
    found = directives(with_drawn_images(policy))
    assert "data:" in found.pop("img-src")
    assert found.items() <= directives(policy).items()
