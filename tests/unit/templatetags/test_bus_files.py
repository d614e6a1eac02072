"""Static files are under the script name of the request, whatever Django was asked before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.test import override_settings
from django.urls import set_script_prefix

from bus.templatetags.bus_files import bus_static


@pytest.fixture(autouse=True)
def at_the_root() -> Iterator[None]:
    yield
    set_script_prefix("/")


@pytest.mark.parametrize("prefix", ["/", "/live/", "/other/"])
def test_a_relative_address_is_under_the_name_of_now(prefix: str) -> None:
    with override_settings(STATIC_URL="static/"):
        # Asked for, and kept by Django, before anybody says a name.
        assert settings.STATIC_URL == "/static/"
        set_script_prefix(prefix)
        assert bus_static("bus/app.css") == f"{prefix}static/bus/app.css"


@pytest.mark.parametrize("url", ["/live/static/", "https://static.example.org/", "//s.example/x/"])
def test_a_whole_address_is_as_the_project_says(url: str) -> None:
    set_script_prefix("/other/")
    with override_settings(STATIC_URL=url):
        assert bus_static("bus/app.css") == f"{url}bus/app.css"


class Elsewhere(StaticFilesStorage):
    """As of files that a storage has put somewhere."""

    def url(self, name: str | None) -> str:
        """The address there."""
        return f"https://cdn.example/{name}"


def test_a_storage_may_know_better() -> None:
    set_script_prefix("/live/")
    storages = {**settings.STORAGES, "staticfiles": {"BACKEND": f"{__name__}.Elsewhere"}}
    with override_settings(STATIC_URL="static/", STORAGES=storages):
        assert bus_static("bus/app.css") == "https://cdn.example/bus/app.css"


def test_a_project_may_have_no_app_for_files() -> None:
    installed = [app for app in settings.INSTALLED_APPS if app != "django.contrib.staticfiles"]
    set_script_prefix("/live/")
    with override_settings(STATIC_URL="static/", INSTALLED_APPS=installed):
        assert bus_static("bus/app.css") == "/live/static/bus/app.css"
