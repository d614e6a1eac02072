"""The ASGI application: what comes by HTTP, by WebSocket, and through named channels."""

from __future__ import annotations

import inspect
import io
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any

from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIHandler
from django.urls import ResolverMatch, re_path

from bus import routing, unavailable
from bus.api import middleware
from bus.conf import conf
from bus.consumers import origin
from bus.database import limits
from bus.database.connection_limit import ConnectionLimit
from bus.database.requests import BoundedRequests
from bus.http import static_files, urls
from bus.http.body_limit import BodyLimit
from bus.http.response import send_response
from bus.http.script_name import ScriptName
from bus.http.security_headers import SecurityHeaders
from bus.http.static_files import Application

# What asks whether all is well does not wait with what may be the matter; the first of them asks
# for nothing but an answer. By the names of our routes.
_LIMITS: dict[str | None, ConnectionLimit | None] = {"livez": None, "readyz": limits.probes}


class Mounted(ProtocolTypeRouter):
    """The application of a project with Bus, and the project's own routes of WebSockets."""

    def __init__(self, applications: dict[str, Any], project_routes: Sequence[Any]) -> None:
        super().__init__(applications)
        self.project_routes = project_routes


def build(http: Application, websocket: Sequence[Any] = ()) -> Mounted:
    """Route each protocol, with what bounds it around; Django is set up before."""
    if isinstance(http, WSGIHandler) or not callable(http):
        raise ImproperlyConfigured(
            "bus.asgi.mount takes what django.core.asgi.get_asgi_application() returns, not "
            f"{http!r}. WebSockets do not come through WSGI."
        )
    if isinstance(http, ProtocolTypeRouter):
        raise ImproperlyConfigured(
            "bus.asgi.mount takes what django.core.asgi.get_asgi_application() returns, not a "
            "ProtocolTypeRouter, which it makes: hand over its parts, mount(http, websocket=[…])."
        )
    theirs = _routes(websocket)
    routes = [*theirs, *routing.websocket_urlpatterns, re_path(r"", origin.nowhere)]  # type: ignore[arg-type]
    return Mounted(
        {
            "http": ScriptName(_bounded(static_files.served(http) if settings.DEBUG else http)),
            "websocket": ScriptName(URLRouter(routes)),
            "channel": ChannelNameRouter(routing.channels),
            "lifespan": routing.lifespan,
        },
        theirs,
    )


def _routes(websocket: Any) -> list[Any]:
    """The project's own routes; raises ImproperlyConfigured for what cannot be routed to."""
    wants = "bus.asgi.mount takes as `websocket` a list of routes"
    if isinstance(websocket, ProtocolTypeRouter):
        raise ImproperlyConfigured(
            f'{wants}, not a ProtocolTypeRouter: hand over what it has as "websocket", as '
            'websocket=[re_path(r"", …)]. Bus routes the other protocols.'
        )
    if callable(websocket):
        # A URLRouter, or middleware around one.
        raise ImproperlyConfigured(
            f"{wants}, not an application ({type(websocket).__name__}): have it around them all by "
            'websocket=[re_path(r"", AuthMiddlewareStack(URLRouter(routes)))].'
        )
    if isinstance(websocket, str | bytes | Mapping) or not isinstance(websocket, Iterable):
        raise ImproperlyConfigured(
            f"{wants}, not {websocket!r}. Leave it out where there are none."
        )
    found = list(websocket)
    for route in found:
        if fault := _fault_of(route):
            raise ImproperlyConfigured(f"{wants}, and {route!r} {fault}.")
    return found


def _fault_of(route: Any) -> str:
    """Why a socket cannot be routed by it; "" where it can."""
    if not hasattr(route, "pattern"):
        return 'is none: say path("game/", Game.as_asgi())'
    application = getattr(route, "callback", None)
    if application is None:
        return "includes others, which sockets cannot: list them, or nest a URLRouter"
    if isinstance(application, type):
        return f"has a class: say {application.__name__}.as_asgi()"
    try:
        inspect.signature(application).bind({}, None, None)
    except TypeError:
        return "leads to a view of HTTP, which belongs into urls.py: sockets need a consumer"
    except ValueError:
        # It tells nothing of itself.
        return ""
    if hasattr(application, "view_class"):
        return "leads to a view of HTTP, which belongs into urls.py: sockets need a consumer"
    return ""


def _bounded(http: Application) -> Application:
    """What is ours within its bounds; all else, too, where BUS_BOUND_ALL_REQUESTS says so."""

    async def refuse(scope: dict[str, Any], send: Any) -> None:
        await send_response(unavailable.answer(ASGIRequest(scope, io.BytesIO())), send)

    def within(limit: ConnectionLimit | None) -> Application:
        bounded = http if limit is None else BoundedRequests(http, limit, refuse)
        return SecurityHeaders(BodyLimit(bounded, middleware.body_limit, middleware.wording))

    requests = within(limits.requests)
    routes = {name: within(limit) for name, limit in _LIMITS.items()}

    def serve(scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[None]:
        found = _match_of(scope)
        ours = routes.get(found.url_name, requests) if found else requests
        return (ours if found or conf.bound_all_requests else http)(scope, receive, send)

    return serve


def _match_of(scope: dict[str, Any]) -> ResolverMatch | None:
    try:
        return urls.match_of(urls.path_of(scope))
    except Exception:
        # A URLconf that fails does so for Django, too, which says it and answers as it does.
        return None
