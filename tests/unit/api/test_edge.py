"""Where the API is, and what it refuses by itself where a project has no middleware of ours."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from django.conf.urls.i18n import i18n_patterns, is_language_prefix_patterns_used
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import include, path, set_script_prefix

from bus.http import urls

NONE_OF_OURS = ["django.middleware.common.CommonMiddleware"]


def theirs(_request: object) -> HttpResponse:
    return HttpResponse("theirs", status=404)


@pytest.fixture
def host() -> Iterator[Client]:
    """A project that has Bus under a prefix and in languages, and an API of its own beside it."""
    module = ModuleType("host_urls")
    module.urlpatterns = [  # type: ignore[attr-defined]
        path("api/v1/theirs", theirs),
        *i18n_patterns(path("라이브/", include("bus.urls"))),
    ]
    sys.modules["host_urls"] = module
    is_language_prefix_patterns_used.cache_clear()
    with override_settings(ROOT_URLCONF="host_urls", MIDDLEWARE=NONE_OF_OURS):
        yield Client()
    del sys.modules["host_urls"]


def test_the_api_is_where_the_project_has_it(host: Client) -> None:
    for prefix in ("/", "/live/"):
        set_script_prefix(prefix)
        try:
            assert urls.is_api("/ko/라이브/api/v1/channels")
            assert urls.is_api("/en/라이브/api/nothing")
            assert not urls.is_api("/api/v1/theirs")
            assert not urls.is_api("/라이브/api/v1/channels")
            assert not urls.is_api("/ko/라이브/chat/")
        finally:
            set_script_prefix("/")


def test_a_project_without_bus_has_no_api_of_ours() -> None:
    module = ModuleType("bare_urls")
    module.urlpatterns = []  # type: ignore[attr-defined]
    sys.modules["bare_urls"] = module
    with override_settings(ROOT_URLCONF="bare_urls"):
        assert not urls.is_api("/api/v1/channels")
    del sys.modules["bare_urls"]


def test_a_wrong_method_is_told_in_json(host: Client) -> None:
    answer = host.delete("/en/라이브/api/v1/channels")
    assert answer.status_code == 405
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.content)["error"]["code"] == "invalid"
    assert "GET" in answer.headers["Allow"]


def test_a_nul_is_refused_by_our_own_addresses(host: Client) -> None:
    for address in ("api/v1/channels?q=%00", "chat/?q=%00", "chat/a%00b/"):
        assert host.get(f"/en/라이브/{address}").status_code == 400


def test_what_is_the_projects_own_is_left_as_it_is(host: Client) -> None:
    answer = host.get("/api/v1/theirs")
    assert (answer.status_code, answer.content) == (404, b"theirs")
