"""Checks of where a project has Bus's pages and sockets: prefixes, languages, templates."""

import itertools
import sys
from types import ModuleType
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.core.checks import CheckMessage
from django.urls import include, path
from django.utils import translation
from pytest_django.fixtures import Settings

from bus.http import urls
from bus.management.commands.up import Command
from bus.project_checks import check_templates, check_urls

_numbers = itertools.count()
DEFAULT = [("de", "Deutsch"), ("en", "English")]


def only(found: list[CheckMessage]) -> tuple[str, str, str]:
    """The one message: its id, what is wrong, what to do."""
    (message,) = found
    return str(message.id), message.msg, str(message.hint or "")


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Any:
    """Takes patterns as the URLconf of the project."""

    def use(*patterns: Any) -> None:
        # Django keeps what it finds in a URLconf under its name.
        module = ModuleType(f"mounting_urls_{next(_numbers)}")
        module.urlpatterns = list(patterns)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        settings.ROOT_URLCONF = module.__name__

    return use


@pytest.mark.parametrize(
    ("code", "languages", "prefixed", "lobby"),
    [
        ("en-us", DEFAULT, True, "/en/chat/"),
        ("de-at", DEFAULT, True, "/de/chat/"),
        ("de-at", [*DEFAULT, ("de-at", "Österreichisch")], True, "/de-at/chat/"),
        # Django says itself that it is none of LANGUAGES.
        ("fr", DEFAULT, True, "/fr/chat/"),
        ("en-us", DEFAULT, False, "/chat/"),
    ],
)
def test_a_language_is_spelled_as_the_paths_have_it(
    code: str, languages: Any, prefixed: bool, lobby: str, use: Any, settings: Settings
) -> None:
    settings.LANGUAGE_CODE, settings.LANGUAGES = code, languages
    use(*i18n_patterns(path("", include("bus.urls")), prefix_default_language=prefixed))
    # As a command has it, which is in no request.
    with translation.override(code):
        assert check_urls() == []
        assert urls.path_to("lobby") == lobby
        assert f"http://here{lobby}\n" in Command().first_steps("http://here")


def test_a_prefix_that_takes_from_the_path_is_named(use: Any) -> None:
    use(path("<slug:tenant>/", include("bus.urls")))
    code, text, hint = only(check_urls())
    assert (code, "takes something from the path" in text) == ("bus.E033", True)
    assert 'path("live/", include("bus.urls"))' in hint
    use(path("live/", include("bus.urls")))
    assert check_urls() == []


def test_a_base_template_that_is_not_found_is_named(settings: Settings) -> None:
    settings.BUS_BASE_TEMPLATE = "nope.html"
    code, text, hint = only(check_templates())
    assert (code, "The template nope.html is not found" in text) == ("bus.E037", True)
    assert "BUS_BASE_TEMPLATE" in hint


def test_a_base_template_that_cannot_be_read_is_named(settings: Settings) -> None:
    engine = "django.template.backends.django.DjangoTemplates"
    texts = {"site.html": "{% nonsense %}", "bus/room.html": "{% extends base %}"}
    loaders = [("django.template.loaders.locmem.Loader", texts)]
    settings.TEMPLATES = [{"BACKEND": engine, "OPTIONS": {"loaders": loaders}}]
    settings.BUS_BASE_TEMPLATE = "site.html"
    code, text, _ = only(check_templates())
    assert (code, "'nonsense'" in text) == ("bus.E037", True)
