"""System checks of how Bus was put into a project: each thing that is missing, and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from itertools import product
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.template import TemplateDoesNotExist, TemplateSyntaxError, loader
from django.urls import NoReverseMatch
from django.utils.module_loading import import_string

from bus.broker.checks import worker_messages
from bus.conf import conf
from bus.conf.asgi import asgi_path, load, unwrapped
from bus.conf.kinds import Setting
from bus.conf.table import Conf
from bus.http import urls

_SESSION_TABLES = (*(f"django.contrib.sessions.backends.{name}" for name in ("db", "cached_db")),)
# Each of these, where it is there, comes after the one before.
_MIDDLEWARE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)
# Read from the environment alone, before there are settings.
_ENVIRONMENT = "BUS_VAR_DIR"


def _for_tasks_alone() -> bool:
    """Whether the project runs its tasks with Bus, and shows no page of it."""
    backends = [one.get("BACKEND") for one in getattr(settings, "TASKS", {}).values()]
    return "bus.tasks.Backend" in backends and not urls.is_included()


@register()
def check_apps(**_kwargs: Any) -> list[CheckMessage]:
    """What Bus needs of other apps is installed."""
    found: list[CheckMessage] = []
    names = [config.name for config in apps.get_app_configs()]
    if "channels" not in names:
        text = "channels is not in INSTALLED_APPS, where what is built on it looks for it."
        hint = 'INSTALLED_APPS = ["bus", "channels", …]: bus is before it.'
        found.append(Warning(text, hint=hint, id="bus.W039"))
    if _for_tasks_alone():
        return found
    if settings.SESSION_ENGINE in _SESSION_TABLES and "django.contrib.sessions" not in names:
        text = "django.contrib.sessions is not installed: nobody who opens a socket is known."
        hint = "Add it to INSTALLED_APPS, or set SESSION_ENGINE to one without tables."
        found.append(Error(text, hint=hint, id="bus.E031"))
    if "django.contrib.staticfiles" not in names:
        text = "django.contrib.staticfiles is not installed: the pages' scripts are not found."
        hint = f"Add it to INSTALLED_APPS, or serve bus/static/ under {settings.STATIC_URL!r}."
        found.append(Warning(text, hint=hint, id="bus.W035"))
    return found


@register()
def check_middleware(**_kwargs: Any) -> list[CheckMessage]:
    """Pages know who is signed in."""
    if _for_tasks_alone():
        return []
    there = [_position(name) for name in _MIDDLEWARE]
    if None not in there and there == sorted(at for at in there if at is not None):
        return []
    text = "MIDDLEWARE does not tell who is signed in: on Bus's pages everybody is a guest."
    hint = f"Have in MIDDLEWARE, in this order: {', '.join(_MIDDLEWARE)}."
    return [Warning(text, hint=hint, id="bus.W036")]


def _position(name: str) -> int | None:
    """Where a middleware is, or one made from it."""
    wanted = import_string(name)
    for at, path in enumerate(settings.MIDDLEWARE):
        kind = import_string(path)
        if isinstance(kind, type) and issubclass(kind, wanted):
            return at
    return None


@register()
def check_urls(**_kwargs: Any) -> list[CheckMessage]:
    """The URLconf has Bus: its pages, its API, and where its sockets are."""
    if urls.is_included():
        try:
            hidden = urls.hidden_paths()
        except NoReverseMatch:
            text = "bus.urls is included under a prefix that takes something from the path."
            hint = (
                "Its pages would not know where they are. Have a prefix without <…> and groups: "
                'path("live/", include("bus.urls")).'
            )
            return [Error(text, hint=hint, id="bus.E033")]
        if hidden:
            text = f"A route of the project answers at {', '.join(hidden)}, before those of Bus."
            hint = 'Move path("", include("bus.urls")) before it, or give it another prefix.'
            return [Error(text, hint=hint, id="bus.E033")]
        return []
    if around := urls.namespace_around():
        text = f"bus.urls is included inside of the namespace {around!r}: nothing of it is found."
        hint = (
            "Include it beside that include, whose prefix it may have, too: "
            'path("…", include("bus.urls")) in the urlpatterns of ROOT_URLCONF.'
        )
        return [Error(text, hint=hint, id="bus.E033")]
    if _for_tasks_alone():
        text = "The project runs its tasks with Bus, and its URLconf does not include Bus."
        hint = "Include bus.urls for chat; without, silence this."
        return [Warning(text, hint=hint, id="bus.W038")]
    return [
        Error(
            "The project's URLconf does not include Bus.",
            hint='Add path("", include("bus.urls")) to the urlpatterns of ROOT_URLCONF, under any '
            "prefix.",
            id="bus.E033",
        )
    ]


@register()
def check_templates(**_kwargs: Any) -> list[CheckMessage]:
    """The pages' templates are found, and the one that they extend."""
    if _for_tasks_alone():
        return []
    hint = "Set APP_DIRS to True in TEMPLATES, or have a loader look into bus/templates."
    try:
        page: Any = loader.get_template("bus/room.html")
        hint = f"BUS_BASE_TEMPLATE names it. {hint}"
        # Where `extends` looks for it: other engines may have it, too.
        page.backend.get_template(conf.base_template)
    except (TemplateDoesNotExist, ImproperlyConfigured) as error:
        text = f"The template {error} is not found: Bus's pages cannot be shown."
        return [Error(text, hint=hint, id="bus.E037")]
    except TemplateSyntaxError as error:
        text = f"A template of Bus's pages cannot be read: {error}"
        return [Error(text, hint=hint, id="bus.E037")]
    return []


@register()
def check_asgi(**_kwargs: Any) -> list[CheckMessage]:
    """The project's ASGI application has the sockets of Bus."""
    if _for_tasks_alone():
        return []
    path = asgi_path()
    mount = "application = bus.asgi.mount(get_asgi_application(), websocket=[…your own routes])"
    if path is None:
        text = "The project has no ASGI application, and WebSockets do not come through WSGI."
        hint = f"Write an asgi.py with {mount}, and name it in ASGI_APPLICATION."
        return [Error(text, hint=hint, id="bus.E034")]
    try:
        application = load(path)
    except ImproperlyConfigured as error:
        return [Error(str(error), hint=f"Mend it, or have there: {mount}", id="bus.E034")]
    inside = list(unwrapped(application))
    router = next((one for one in inside if isinstance(one, ProtocolTypeRouter)), None)
    known = any(isinstance(one, BaseHandler | URLRouter) for one in inside)
    if router is None and (known or not callable(application)):
        text = f"{path} is not mounted by Bus: its sockets are nowhere."
        return [Error(text, hint=f"Have there: {mount}", id="bus.E034")]
    if router is None:
        text = f"What {path} is around does not show: it may route no WebSocket of Bus."
        hint = (
            f"Where it is around what bus.asgi.mount returns, silence this. Or have there: {mount}"
        )
        return [Warning(text, hint=hint, id="bus.W034")]
    routed, routes = getattr(router, "project_routes", []), list(_routes(router))
    if not any(urls.is_ours(route.pattern) for route in routes):
        text = f"{path} routes no WebSocket of Bus."
        hint = f"Add *bus.routing.websocket_urlpatterns to its URLRouter, or have there: {mount}"
        return [Warning(text, hint=hint, id="bus.W034")]
    return _hidden(routed)


def _routes(router: ProtocolTypeRouter) -> Iterator[Any]:
    """The WebSocket routes of an application, through whatever middleware is around them."""
    left, seen = [router.application_mapping.get("websocket")], set()
    while left:
        for one in unwrapped(left.pop()):
            if id(one) in seen:
                continue
            seen.add(id(one))
            for route in getattr(one, "routes", ()):
                yield route
                left.append(route.callback)


def _is_consumer(application: Any) -> bool:
    """Whether it is a consumer, through whatever middleware is around it."""
    return any(hasattr(one, "consumer_class") for one in unwrapped(application))


def _hidden(routes: Any) -> list[CheckMessage]:
    """Whether a route of the project is where our sockets are; those that go on may not be."""
    try:
        paths = [urls.path_to("websocket"), urls.path_to("plain_chat", "room")]
    except NoReverseMatch:
        return []
    for route, path in product(routes, paths):
        if _is_consumer(route.callback) and route.pattern.match(path.lstrip("/")):
            text = f"The project's own route {str(route.pattern)!r} hides Bus's sockets at {path}."
            hint = "Include bus.urls under another prefix, or let that route match less."
            return [Warning(text, hint=hint, id="bus.W032")]
    return []


@register()
def check_workers(**_kwargs: Any) -> list[CheckMessage]:
    """Each app's `workers.py` imports, and no channel is two apps'."""
    from bus import routing

    return worker_messages(routing.channels)


@register()
def check_names(**_kwargs: Any) -> list[CheckMessage]:
    """Each `BUS_…` of the settings is one that is read."""
    # A project may have settings of its own beside ours, as this repository's has.
    tables = [Conf, *Conf.__subclasses__()]
    known = [s.name for table in tables for s in vars(table).values() if isinstance(s, Setting)]
    known.append(_ENVIRONMENT)
    found: list[CheckMessage] = []
    for name in sorted(name for name in dir(settings) if name.startswith("BUS_")):
        near = difflib.get_close_matches(name, known, 1)
        hint = f"Is {near[0]} meant? " if near else ""
        if name == _ENVIRONMENT:
            text, hint = f"{name} is read from the environment alone.", "Set it there."
        elif name in known:
            continue
        else:
            text, hint = f"{name} is no setting of Bus.", f"{hint}docs/settings.md has all of them."
        found.append(Warning(text, hint=hint, id="bus.W033"))
    return found


@register()
def check_database(**_kwargs: Any) -> list[CheckMessage]:
    """The database is one that Bus knows, and SQLite takes several writers."""
    if not settings.USE_TZ:
        text = "USE_TZ is off: the times that Bus stores have a time zone."
        return [Error(text, hint="Set USE_TZ = True, as Django does by itself.", id="bus.E043")]
    if connection.vendor not in ("postgresql", "sqlite"):
        text = f"Bus knows PostgreSQL and SQLite; DATABASES['default'] is {connection.vendor}."
        hint = "It stores messages and sanctions by statements of those two. Take one of them."
        return [Error(text, hint=hint, id="bus.E035")]
    options = connection.settings_dict.get("OPTIONS", {})
    if connection.vendor == "sqlite" and not options.get("transaction_mode"):
        text = 'SQLite refuses a writer beside another one ("database is locked") in this mode.'
        hint = (
            'DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20, '
            '"init_command": "PRAGMA journal_mode=WAL"}'
        )
        return [Warning(text, hint=hint, id="bus.W037")]
    return []
