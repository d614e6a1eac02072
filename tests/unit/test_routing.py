"""Where Bus's sockets are: where the project's URLconf has them, beside the project's own."""

import itertools
import sys
from types import ModuleType
from typing import Any

import pytest
from channels.routing import URLRouter
from django.conf.urls.i18n import i18n_patterns
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from pytest_django.fixtures import Settings

import bus.asgi
from bus import routing
from bus.http import urls

_numbers = itertools.count()


def view(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Any:
    def use(*patterns: Any) -> None:
        # Django keeps what it finds in a URLconf under its name.
        module = ModuleType(f"urls_{next(_numbers)}")
        module.urlpatterns = list(patterns)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        settings.ROOT_URLCONF = module.__name__

    return use


def found(place: str) -> str | None:
    """The route of Bus at a path, and what it takes from it."""
    for route in routing.websocket_urlpatterns:
        match = route.pattern.match(place)
        if match:
            return f"{route.name} {match[2]}"  # type: ignore[index]
    return None


def test_sockets_are_under_the_prefix_of_the_include(use: Any) -> None:
    use(path("live/", include("bus.urls")))
    assert found("live/ws/") == found("live/ws") == "websocket {}"
    assert found("live/ws/chat/안녕/") == "plain_chat {'room': '안녕'}"
    assert found("ws/") is found("live/") is found("live/chat/") is None
    assert urls.is_included()


def test_a_path_is_looked_for_once_in_each_urlconf(
    use: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    match_of = urls.match_of
    monkeypatch.setattr(urls, "match_of", lambda path: asked.append(path) or match_of(path))
    use(path("live/", include("bus.urls")))
    for _ in range(3):
        assert found("live/ws/chat/a/") == "plain_chat {'room': 'a'}"
    assert asked == ["/live/ws/chat/a/"]
    # What one has of it is its own.
    routing.websocket_urlpatterns[1].pattern.match("live/ws/chat/a/")[2]["room"] = "b"  # type: ignore[index]
    assert found("live/ws/chat/a/") == "plain_chat {'room': 'a'}"
    use(path("other/", include("bus.urls")))
    assert found("live/ws/chat/a/") is None
    assert found("other/ws/chat/a/") == "plain_chat {'room': 'a'}"
    long = f"other/ws/chat/{'x' * 300}/"
    for _ in range(2):
        found(long)
    assert asked.count(f"/{long}") > 2


def test_sockets_are_in_every_language_of_the_prefix(use: Any, settings: Settings) -> None:
    settings.LANGUAGES = [("en", "English"), ("ko", "한국어")]
    use(*i18n_patterns(path("live/", include("bus.urls")), prefix_default_language=False))
    assert found("live/ws/") == found("ko/live/ws/") == "websocket {}"
    assert found("en/live/ws/") is None


def test_sockets_are_under_the_name_of_the_script(use: Any, settings: Settings) -> None:
    use(path("", include("bus.urls")))
    settings.FORCE_SCRIPT_NAME = "/team"
    # A proxy may have taken it off.
    assert found("team/ws/") == found("ws/") == "websocket {}"
    assert urls.path_of({"path": "/team/ws/"}) == "/ws/"
    settings.FORCE_SCRIPT_NAME = None
    assert urls.path_of({"path": "/team/ws/", "root_path": "/team"}) == "/ws/"


def test_other_routes_of_these_names_are_the_projects(use: Any) -> None:
    use(path("ws/", view, name="websocket"))
    assert found("ws/") is None
    assert not urls.is_included()


async def where_to(application: Any, place: str, **scope: Any) -> str:
    """Who took a handshake: a route of the project by its name, or nobody."""
    taken: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(event: dict[str, Any]) -> None:
        taken.append(event["type"])

    scope = {"type": "websocket", "path": place, "headers": [], "taken": taken, **scope}
    await application(scope, receive, send)
    return taken[0]


def mine(name: str) -> Any:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scope["taken"].append(f"{name} {scope.get('user')} {scope['url_route']['kwargs']}")

    return application


@pytest.mark.asyncio
async def test_the_routes_of_a_project_come_first_and_none_is_swallowed(use: Any) -> None:
    use(path("", include("bus.urls")))
    nested = URLRouter([path("deep/", mine("deep"))])
    application = bus.asgi.mount(
        view,
        [
            path("ws/chat/<room>/", mine("tutorial")),
            re_path(r"^", nested),
            path("ws/game/", mine("game")),
        ],
    )
    # Without a user of ours: a project brings the stack that it wants.
    assert await where_to(application, "/ws/chat/a/") == "tutorial None {'room': 'a'}"
    assert await where_to(application, "/deep/") == "deep None {}"
    assert await where_to(application, "/ws/game/") == "game None {}"
    foreign = [(b"origin", b"https://elsewhere.example"), (b"host", b"localhost")]
    assert await where_to(application, "/ws/game/", headers=foreign) == "game None {}"
    assert await where_to(application, "/ws/", headers=foreign) == "websocket.close"
    assert await where_to(application, "/nowhere/") == "websocket.close"
    # Servers that leave the root path out of the path are understood, too.
    for place in ("/ws/game/", "/team/ws/game/"):
        assert await where_to(application, place, root_path="/team") == "game None {}"


def test_wsgi_is_refused_in_words() -> None:
    for wrong in (WSGIHandler.__new__(WSGIHandler), None):
        with pytest.raises(ImproperlyConfigured, match="get_asgi_application"):
            bus.asgi.mount(wrong)
