"""The project's routes are the admin's and those of Bus; another project includes those alone."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from django.urls import Resolver404, get_resolver, include, path, resolve

from bus import unavailable
from bus.api import health


def test_the_project_has_an_admin_and_says_when_a_server_is_away() -> None:
    assert resolve("/admin/").app_names == ["admin"]
    assert resolve("/admin/password_change/").url_name is None
    assert resolve("/livez").func is health.livez
    assert get_resolver().resolve_error_handler(500) is unavailable.failed


def test_another_project_includes_bus_and_keeps_its_own_admin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = ModuleType("other_urls")
    other.urlpatterns = [path("", include("bus.urls"))]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "other_urls", other)
    assert resolve("/chat/lobby/", "other_urls").view_name == "bus:room"
    assert resolve("/api/v1/openapi.json", "other_urls").app_names == ["bus", "ninja"]
    for absent in ("/admin/", "/", "/favicon.ico", "/accounts/login/", "/accounts/signup/"):
        with pytest.raises(Resolver404):
            resolve(absent, "other_urls")
