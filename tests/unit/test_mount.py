"""What `bus.asgi.mount` takes as a project's routes of WebSockets, and what it says to all else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.contrib.auth.views import LoginView
from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.urls import include, path, re_path
from pytest_django.fixtures import Settings

import bus.asgi
from bus.project_checks import check_asgi


class Game(AsyncWebsocketConsumer):
    """A consumer of the project."""


class Old(WebsocketConsumer):
    """Another one, without asyncio."""


class Around:
    """A middleware of the project's own."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one socket."""
        await self.inner(scope, receive, send)


async def http(_scope: Any, _receive: Any, _send: Any) -> None:
    """What Django would be."""


def page(_request: HttpRequest, name: str = "") -> Any:
    """A view of HTTP."""


ROUTES = [path("game/", Game.as_asgi())]
ALL = 'websocket=[re_path(r"", AuthMiddlewareStack(URLRouter(routes)))]'


@pytest.mark.parametrize(
    ("websocket", "says"),
    [
        (AuthMiddlewareStack(URLRouter(ROUTES)), ALL),
        (Around(URLRouter(ROUTES)), ALL),
        (URLRouter(ROUTES), ALL),
        (Game.as_asgi(), ALL),
        (ProtocolTypeRouter({"websocket": URLRouter(ROUTES)}), 'what it has as "websocket"'),
        (None, "Leave it out where there are none"),
        ("game.routing.websocket_urlpatterns", "not 'game.routing.websocket_urlpatterns'"),
        ({"game/": Game.as_asgi()}, "not {'game/'"),
        ([Game.as_asgi()], 'say path("game/", Game.as_asgi())'),
        ([*ROUTES, path("old/", Old)], "has a class: say Old.as_asgi()"),
        ([*ROUTES, path("page/", page)], "leads to a view of HTTP, which belongs into urls.py"),
        ([path("<str:name>/", page)], "leads to a view of HTTP"),
        ([path("login/", LoginView.as_view())], "leads to a view of HTTP"),
        ([path("all/", include(ROUTES))], "includes others"),
    ],
)
def test_what_cannot_be_routed_is_refused_with_what_to_do(websocket: Any, says: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="as `websocket` a list of routes") as refused:
        bus.asgi.mount(http, websocket=websocket)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "websocket",
    [
        (),
        ROUTES,
        tuple(ROUTES),
        [path("game/", AuthMiddlewareStack(Game.as_asgi())), path("old/", Old.as_asgi())],
        [re_path("", AuthMiddlewareStack(URLRouter(ROUTES)))],
        [path("", Around(URLRouter(ROUTES))), path("plain/", http)],
    ],
)
def test_what_can_be_routed_is(websocket: Any) -> None:
    assert bus.asgi.mount(http, websocket=websocket).project_routes == list(websocket)


def test_routes_that_come_once_are_routed_and_known_to_the_checks() -> None:
    mounted = bus.asgi.mount(http, websocket=(route for route in ROUTES))
    assert mounted.project_routes == ROUTES
    assert ROUTES[0] in mounted.application_mapping["websocket"]._application.routes


def test_a_router_of_protocols_is_not_what_django_returns() -> None:
    router = ProtocolTypeRouter({"http": http, "websocket": URLRouter(ROUTES)})
    for made in (router, bus.asgi.mount(http)):
        with pytest.raises(ImproperlyConfigured, match="hand over its parts"):
            bus.asgi.mount(made)


ASGI = """
import bus.asgi
application = bus.asgi.mount(lambda scope, receive, send: None, websocket=None)
"""


def test_the_check_says_what_mount_says(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asgi_without_routes.py").write_text(ASGI)
    monkeypatch.syspath_prepend(tmp_path)
    settings.ASGI_APPLICATION = "asgi_without_routes.application"
    (error,) = check_asgi()
    assert error.id == "bus.E034"
    assert "takes as `websocket` a list of routes, not None" in error.msg


class Traced:
    """Middleware around the whole application, as that of tracing is."""

    def __init__(self, app: Any) -> None:
        self.app = app


def test_the_check_sees_through_middleware_around_the_application(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "asgi_around.py").write_text("application = None")
    settings.ASGI_APPLICATION = "asgi_around.application"

    def ids(application: Any) -> list[str | None]:
        monkeypatch.setattr("asgi_around.application", application)
        return [message.id for message in check_asgi()]

    mounted = bus.asgi.mount(http)
    assert ids(Traced(mounted)) == ids(Around(Traced(mounted))) == []
    assert ids(Traced(bus.asgi.mount(http, [path("ws/", Game.as_asgi())]))) == ["bus.W032"]
    assert ids(Traced(ProtocolTypeRouter({"websocket": URLRouter(ROUTES)}))) == ["bus.W034"]
    assert ids(Traced(get_asgi_application())) == ["bus.E034"]
    assert ids(None) == ["bus.E034"]
    # It does not show what it is around.
    assert ids(lambda scope, receive, send: mounted(scope, receive, send)) == ["bus.W034"]
