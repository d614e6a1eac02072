"""What `mount` does with requests: Bus's own are bounded, the project's are as they were."""

import asyncio
import sys
from contextlib import nullcontext
from types import ModuleType
from typing import Any

import pytest
from django.urls import include, path, resolve
from pytest_django.fixtures import Settings

import bus.asgi

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """A project that has Bus under a prefix."""
    module = ModuleType("urls_of_an_application")
    module.urlpatterns = [path("live/", include("bus.urls"))]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    settings.ROOT_URLCONF = module.__name__
    settings.BUS_BOUND_ALL_REQUESTS = False
    settings.BUS_REQUEST_BODY_LIMIT = settings.BUS_API_BODY_LIMIT = 10


async def http(scope: Any, receive: Any, send: Any) -> None:
    """What Django would be: answers with how much it was sent."""
    size, more = 0, True
    while more:
        event = await receive()
        size += len(event.get("body", b""))
        more = event.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


async def post(
    address: str, body: bytes, method: str = "POST", application: Any = http
) -> tuple[int, dict[bytes, bytes], str]:
    """The answer of a mounted application: status, headers, text."""
    sent: list[dict[str, Any]] = []

    events = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        if (event := next(events, None)) is None:
            # The client stays until it is answered.
            await asyncio.Future()
        assert event is not None
        return event

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    headers = [(b"content-length", str(len(body)).encode()), (b"host", b"localhost")]
    scope = {"type": "http", "method": method, "path": address, "headers": headers}
    scope |= {"query_string": b"", "raw_path": address.encode(), "http_version": "1.1"}
    await bus.asgi.mount(application)(scope, receive, send)
    found = {name.lower(): value for name, value in sent[0]["headers"]}
    text = b"".join(event.get("body", b"") for event in sent[1:]).decode()
    return sent[0]["status"], found, text


async def test_requests_of_the_project_are_not_ours_to_bound() -> None:
    status, headers, text = await post("/upload/", b"x" * 1000)
    assert (status, headers, text) == (200, {}, "1000")


@pytest.mark.parametrize("address", ["/live/chat/", "/live/api/v1/channels/mails/messages"])
async def test_our_own_are_bounded_under_any_prefix(address: str) -> None:
    status, headers, _ = await post(address, b"x" * 1000)
    assert status == 413
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert (await post(address, b"x" * 10))[0] == 200


async def test_a_setting_has_our_bounds_hold_for_all(settings: Settings) -> None:
    settings.BUS_BOUND_ALL_REQUESTS = True
    assert (await post("/upload/", b"x" * 1000))[0] == 413


async def test_static_files_are_served_while_developing_alone(settings: Settings) -> None:
    settings.MIDDLEWARE = []
    assert (await post("/static/bus/client.js", b"", "GET"))[2] == "0"
    settings.DEBUG = True
    status, _, text = await post("/static/bus/client.js", b"", "GET")
    assert (status, "WebSocket" in text) == (200, True)
    # Who serves them already goes on.
    settings.MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware"]
    assert (await post("/static/bus/client.js", b"", "GET"))[2] == "0"


@pytest.mark.parametrize("address", ["/live/chat/", "/live/livez", "/live/readyz", "/upload/"])
async def test_a_request_is_matched_once_before_django_does(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    matched: list[str] = []

    def resolved(path: str) -> Any:
        matched.append(path)
        return resolve(path)

    monkeypatch.setattr("bus.http.urls.resolve", resolved)
    assert (await post(address, b"", "GET"))[0] == 200
    assert matched == [address]


@pytest.mark.parametrize("for_all", [True, False])
async def test_a_urlconf_that_fails_is_for_django_to_tell(
    for_all: bool, settings: Settings
) -> None:
    settings.ROOT_URLCONF = "nothing.that.is.there"
    settings.BUS_BOUND_ALL_REQUESTS = for_all
    with pytest.raises(Asked) if not for_all else nullcontext():
        status, headers, _ = await post("/live/livez", b"", "GET", application=failing)
        assert (status, headers[b"x-content-type-options"]) == (500, b"nosniff")


class Asked(Exception):
    """Django was asked, and failed."""


async def failing(_scope: Any, _receive: Any, _send: Any) -> None:
    """What Django does where its own refusals fail, too."""
    raise Asked
