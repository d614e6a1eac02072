"""Checks of how Bus was put into a project: each names what is missing, and what to do."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.apps import apps
from django.core.asgi import get_asgi_application
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.test.utils import override_settings
from django.urls import clear_url_caches, include, path, re_path
from pytest_django.fixtures import Settings

import bus.asgi
from bus import project_checks, routing
from bus.apps import BusConfig
from bus.broker.checks import check_layer, check_layers, check_order
from bus.broker.worker.discovery import discover
from bus.management.commands.up import is_embedded
from bus.project_checks import (
    check_apps,
    check_asgi,
    check_database,
    check_middleware,
    check_names,
    check_templates,
    check_urls,
    check_workers,
)

ROOT = Path(__file__).resolve().parents[2]
ALL = (
    *(check_layer, check_apps, check_middleware, check_urls, check_templates, check_asgi),
    *(check_workers, check_layers, check_order, check_names, check_database),
)
OURS = {"BACKEND": "bus.broker.BusChannelLayer", "CONFIG": {"hosts": ["redis://gone:1"]}}
MEMORY = {"BACKEND": "channels.layers.InMemoryChannelLayer"}


def only(found: list[CheckMessage]) -> tuple[str, str, str]:
    """The one message: its id, what is wrong, what to do."""
    (message,) = found
    return str(message.id), message.msg, str(message.hint or "")


def without(names: list[str], *gone: str) -> list[str]:
    return [name for name in names if name not in gone]


@pytest.fixture
def asgi(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Any:
    """Takes an application as that of the project."""

    def use(application: Any) -> None:
        module = ModuleType("asgi_of_a_project")
        module.application = application  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        settings.ASGI_APPLICATION = f"{module.__name__}.application"

    return use


@pytest.fixture
def discovery() -> Iterator[None]:
    """Apps are looked through anew, and again after the test."""
    discover.cache_clear()
    yield
    discover.cache_clear()


async def http(scope: Any, receive: Any, send: Any) -> None:
    """What Django would be."""


def test_this_repositorys_project_lacks_nothing() -> None:
    assert [message for check in ALL for message in check()] == []


def test_a_layer_that_is_not_ours_is_named_by_its_alias(settings: Settings) -> None:
    settings.CHANNEL_LAYERS = {"default": MEMORY, "bus": OURS}
    code, text, hint = only(check_layer())
    assert code == "bus.E001"
    assert text == "CHANNEL_LAYERS['default'] is channels.layers.InMemoryChannelLayer."
    assert "BUS_LAYER = 'bus'" in hint
    settings.BUS_LAYER = "bus"
    assert check_layer() == []
    settings.BUS_LAYER = "bsu"
    assert only(check_layer())[1] == "CHANNEL_LAYERS['bsu'] is not set."
    settings.CHANNEL_LAYERS = {"bsu": {**OURS, "BACKEND": f"{__name__}.Derived"}}


def test_a_project_without_layers_is_told_of_the_line_that_it_lacks(settings: Settings) -> None:
    del settings.CHANNEL_LAYERS
    assert only(check_layer())[0] == "bus.E001"
    assert check_layers() == []
    assert not is_embedded()


def test_a_layer_in_memory_is_named_in_production(settings: Settings) -> None:
    settings.CHANNEL_LAYERS = {"default": MEMORY, "bus": OURS}
    assert only(check_layers())[0] == "bus.W031"
    settings.DEBUG = True
    assert check_layers() == []


@pytest.mark.parametrize(
    ("app", "code", "says"),
    [
        ("channels", "bus.W039", '["bus", "channels", …]'),
        ("django.contrib.sessions", "bus.E031", "SESSION_ENGINE"),
        ("django.contrib.staticfiles", "bus.W035", "INSTALLED_APPS"),
    ],
)
def test_a_missing_app_is_named(app: str, code: str, says: str, settings: Settings) -> None:
    with override_settings(INSTALLED_APPS=without(settings.INSTALLED_APPS, app)):
        found, text, hint = only(check_apps())
    assert found == code
    assert app in text
    assert says in hint


def test_sessions_without_tables_need_no_app(settings: Settings) -> None:
    names = without(settings.INSTALLED_APPS, "django.contrib.sessions")
    engine = "django.contrib.sessions.backends.signed_cookies"
    with override_settings(INSTALLED_APPS=names, SESSION_ENGINE=engine):
        assert check_apps() == []


@pytest.mark.parametrize("other", ["channels", "bus.broker"])
def test_bus_comes_before_others_that_have_a_runworker(other: str, settings: Settings) -> None:
    names = [other, *without(settings.INSTALLED_APPS, "channels")]
    with override_settings(INSTALLED_APPS=names):
        code, text, hint = only(check_order())
    assert code == "bus.E030"
    assert text.startswith(f"bus comes after {other} in INSTALLED_APPS: `runworker` would be")
    assert '["bus", "channels", …]' in hint


@pytest.mark.parametrize("gone", ["django.contrib.auth", "django.contrib.contenttypes"])
def test_without_users_bus_says_what_it_needs(gone: str, settings: Settings) -> None:
    others = ("django.contrib.admin", "axes", "config")
    with (
        pytest.raises(ImproperlyConfigured, match=f"Bus needs {gone}: add that"),
        override_settings(INSTALLED_APPS=without(settings.INSTALLED_APPS, gone, *others)),
    ):
        pass
    assert apps.ready


@pytest.mark.parametrize(
    ("listed", "before", "says"),
    [
        (["bus", "channels", "bus"], [], "has bus more than once"),
        (["bus.apps.BusConfig", "bus"], ["bus"], "has bus more than once"),
        (["bus", "town.bus"], [], r"town\.bus is called `bus`, too"),
        (["town.apps.Line", "bus"], ["town"], "town is called `bus`, too"),
    ],
)
def test_another_app_of_this_name_is_named(
    listed: list[str], before: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {name: SimpleNamespace(name=name, label="bus") for name in before}
    monkeypatch.setattr("bus.apps.settings", SimpleNamespace(INSTALLED_APPS=listed))
    monkeypatch.setattr("bus.apps.apps", SimpleNamespace(app_configs=there))
    with pytest.raises(ImproperlyConfigured, match=says):
        BusConfig("bus", bus)


def test_pages_need_the_middleware_that_tells_who_it_is(settings: Settings) -> None:
    session = "django.contrib.sessions.middleware.SessionMiddleware"
    settings.MIDDLEWARE = [*without(settings.MIDDLEWARE, session), session]
    code, _, hint = only(check_middleware())
    assert code == "bus.W036"
    assert hint.index("SessionMiddleware") < hint.index("AuthenticationMiddleware")
    settings.MIDDLEWARE = [session]
    assert only(check_middleware())[0] == "bus.W036"


def test_a_urlconf_without_bus_is_named(settings: Settings) -> None:
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    code, _, hint = only(check_urls())
    assert (code, 'include("bus.urls")' in hint) == ("bus.E033", True)


@pytest.mark.parametrize("deep", [False, True])
def test_a_namespace_that_bus_is_included_in_is_named(
    deep: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = ModuleType("namespaced_urls")
    ours: Any = ([path("talk/", include("bus.urls"))], "shop")
    if deep:
        ours = ([path("eu/", include(ours))], "site")
    urls.urlpatterns = [path("shop/", include(ours))]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "namespaced_urls", urls)
    settings.ROOT_URLCONF = "namespaced_urls"
    code, text, hint = only(check_urls())
    assert (code, 'include("bus.urls")' in hint) == ("bus.E033", True)
    assert f"inside of the namespace {'site:shop' if deep else 'shop'!r}" in text
    clear_url_caches()
    # What the hint says.
    urls.urlpatterns.append(path("shop/talk/", include("bus.urls")))
    assert check_urls() == []


def test_a_route_that_answers_for_ours_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = ModuleType("covered_urls")
    ours = path("live/", include("bus.urls"))
    urls.urlpatterns = [re_path("^live/chat/", http), ours]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "covered_urls", urls)
    settings.ROOT_URLCONF = "covered_urls"
    code, text, _ = only(check_urls())
    assert (code, "answers at /live/chat/, before" in text) == ("bus.E033", True)
    clear_url_caches()
    urls.urlpatterns.reverse()
    assert check_urls() == []


def test_templates_that_are_not_found_are_named(settings: Settings) -> None:
    backend = "django.template.backends.django.DjangoTemplates"
    settings.TEMPLATES = [{"BACKEND": backend, "APP_DIRS": False, "DIRS": []}]
    code, text, _ = only(check_templates())
    assert (code, "bus/room.html" in text) == ("bus.E037", True)


def test_an_application_without_our_sockets_is_named(asgi: Any) -> None:
    for plain in (get_asgi_application(), URLRouter([path("a/", http)])):
        asgi(plain)
        code, text, hint = only(check_asgi())
        assert (code, "is not mounted" in text) == ("bus.E034", True)
        assert "bus.asgi.mount(" in hint
    asgi(ProtocolTypeRouter({"websocket": AuthMiddlewareStack(URLRouter([path("a/", http)]))}))
    code, _, hint = only(check_asgi())
    assert (code, "bus.routing.websocket_urlpatterns" in hint) == ("bus.W034", True)
    routes = [*routing.websocket_urlpatterns, path("a/", http)]
    asgi(ProtocolTypeRouter({"websocket": AuthMiddlewareStack(URLRouter(routes))}))
    assert check_asgi() == []


def test_a_project_with_wsgi_alone_is_told_so(settings: Settings) -> None:
    settings.ASGI_APPLICATION = None
    # There are config.urls and config.asgi.
    assert check_asgi() == []
    settings.WSGI_APPLICATION, settings.ROOT_URLCONF = "tests.wsgi.application", "tests.urls"
    code, text, hint = only(check_asgi())
    assert (code, "do not come through WSGI" in text) == ("bus.E034", True)
    assert "ASGI_APPLICATION" in hint


def test_an_application_that_does_not_import_is_named(settings: Settings) -> None:
    settings.ASGI_APPLICATION = "tests.nothing.application"
    code, text, _ = only(check_asgi())
    assert code == "bus.E034"
    assert "tests.nothing.application does not import: ModuleNotFoundError" in text


def test_a_route_of_the_project_that_hides_our_sockets_is_named(asgi: Any) -> None:
    asgi(bus.asgi.mount(http, [path("ws/", WebsocketConsumer.as_asgi())]))
    code, text, _ = only(check_asgi())
    assert (code, "'ws/' hides Bus's sockets at /ws/" in text) == ("bus.W032", True)
    asgi(bus.asgi.mount(http, [path("ws/", AuthMiddlewareStack(WebsocketConsumer.as_asgi()))]))
    assert only(check_asgi())[0] == "bus.W032"
    tutorials = re_path(r"ws/chat/(?P<room_name>\w+)/$", WebsocketConsumer.as_asgi())
    asgi(bus.asgi.mount(http, [tutorials]))
    assert "at /ws/chat/room/" in only(check_asgi())[1]
    asgi(bus.asgi.mount(http, [path("ws/game/", WebsocketConsumer.as_asgi())]))
    assert check_asgi() == []


@pytest.mark.usefixtures("discovery")
def test_workers_that_do_not_import_and_channels_of_two_apps_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = "bus.broker.worker.discovery"

    def use(**modules: Any) -> None:
        discover.cache_clear()
        monkeypatch.setattr(apps, "get_app_configs", lambda: [_App(name) for name in modules])
        monkeypatch.setattr(f"{where}.module_has_submodule", lambda *_: True)
        monkeypatch.setattr(
            "bus.broker.worker.discovery.import_module", lambda n: modules[n[:-8]]()
        )

    def broken() -> Any:
        raise NameError("name 'Consumer' is not defined")

    def named(*names: str) -> Any:
        return lambda: type("Module", (), {"channels": dict.fromkeys(names, http)})

    use(shop=broken, plain=lambda: object())
    code, text, _ = only(check_workers())
    assert code == "bus.W030"
    assert text == "shop.workers does not import: NameError: name 'Consumer' is not defined"
    use(shop=lambda: sys.exit(3), post=named("mails"))
    assert only(check_workers())[1] == "shop.workers does not import: SystemExit: 3"
    for channels, says in (
        ({"mails": WebsocketConsumer}, "say WebsocketConsumer.as_asgi()"),
        ({"mails": "mails.Consumer"}, "'mails.Consumer', which is no consumer"),
        ({"ma ils": http}, "must be a valid unicode string"),
        (["mails"], "a dict of names"),
    ):
        use(shop=lambda channels=channels: SimpleNamespace(channels=channels))
        assert says in only(check_workers())[1]
    use(shop=named("mails"), post=named("mails"))
    code, text, _ = only(check_workers())
    assert (code, "by shop.workers and by post.workers" in text) == ("bus.E036", True)
    use(shop=named("moderation"))
    assert "by bus and by shop.workers" in only(check_workers())[1]
    use(shop=named("mails"))
    assert check_workers() == []
    assert set(routing.channels) >= {"moderation", "broadcast", "mails"}


class _App:
    """An app, as far as it is asked for."""

    module = None

    def __init__(self, name: str) -> None:
        self.name = name


def test_a_setting_that_nobody_reads_is_named(settings: Settings) -> None:
    settings.BUS_BODY_LIMITS = 1
    code, text, hint = only(check_names())
    assert (code, text) == ("bus.W033", "BUS_BODY_LIMITS is no setting of Bus.")
    assert hint.startswith("Is BUS_BODY_LIMIT meant?")
    del settings.BUS_BODY_LIMITS
    settings.BUS_VAR_DIR = "/srv/bus"
    assert "from the environment alone" in only(check_names())[1]


def test_times_without_a_zone_are_named(settings: Settings) -> None:
    settings.USE_TZ = False
    assert only(check_database())[0] == "bus.E043"


def test_databases_that_are_not_known_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_checks, "connection", _Connection("mysql"))
    code, text, _ = only(check_database())
    assert (code, text.endswith("is mysql.")) == ("bus.E035", True)
    monkeypatch.setattr(project_checks, "connection", _Connection("sqlite"))
    code, _, hint = only(check_database())
    assert (code, '"transaction_mode": "IMMEDIATE"' in hint) == ("bus.W037", True)
    monkeypatch.setattr(project_checks, "connection", _Connection("postgresql"))
    assert check_database() == []


class _Connection:
    """A connection, as far as the checks look."""

    settings_dict: dict[str, Any] = {}

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor


def test_a_project_that_has_bus_for_its_tasks_needs_nothing_of_its_pages(
    settings: Settings,
) -> None:
    pages = (check_apps, check_middleware, check_urls, check_templates, check_asgi)
    settings.ROOT_URLCONF = None
    settings.TASKS = {"default": {"BACKEND": "bus.tasks.Backend"}}
    settings.MIDDLEWARE, settings.TEMPLATES, settings.ASGI_APPLICATION = [], [], None
    assert only([message for check in pages for message in check()])[0] == "bus.W038"
    settings.TASKS = {"default": {"BACKEND": "somebody.Else"}}
    assert "bus.E033" in {message.id for check in pages for message in check()}


def test_the_guide_lists_every_check() -> None:
    package = Path(project_checks.__file__).parent
    code = "".join(path.read_text("utf-8") for path in sorted(package.rglob("*.py")))
    guide = (ROOT / "docs" / "how-to" / "install-into-a-project.md").read_text("utf-8")
    listed = re.findall(r"^\| `(bus\.[EW]\d+)` \|", guide, re.M)
    assert sorted(set(re.findall(r'"(bus\.[EW]\d+)"', code))) == listed
