"""The cookie by which a guest stays the same guest, as pages and sockets set it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import override_settings
from django.urls import set_script_prefix

from bus.http.guest_cookie import GUEST_COOKIE, remember_guest, set_cookie_header
from bus.http.script_name import root_of


@pytest.fixture(params=["/", "/live/"])
def prefix(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the project is."""
    set_script_prefix(request.param)
    yield request.param
    set_script_prefix("/")


@pytest.mark.parametrize("secure", [False, True])
def test_sockets_and_pages_set_the_same_cookie(secure: bool, prefix: str) -> None:
    response = HttpResponse()
    root = root_of({"root_path": prefix.rstrip("/")})
    with override_settings(SESSION_COOKIE_SECURE=secure):
        remember_guest(response, "a:b:c")
        by_hand = set(set_cookie_header("a:b:c", root).split("; "))
    made = set(response.cookies[GUEST_COOKIE].OutputString().split("; "))
    # Which second it ends is Django's addition for browsers of old.
    assert {part for part in made if not part.startswith("expires=")} == by_hand
    assert ("Secure" in by_hand) is secure
    assert f"Path={prefix.rstrip('/') or '/'}" in by_hand
