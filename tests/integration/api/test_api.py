"""The HTTP API: who may call it, what it refuses, and how."""

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission, User
from django.db import OperationalError
from django.http import HttpResponse
from django.test import AsyncClient, AsyncRequestFactory

from bus.api.auth import StaffAuth
from bus.api.root import api
from bus.chat import api_keys
from bus.messaging import sender
from bus.protocol.errors import Forbidden
from tests.support.api_caller import (
    JOB,
    SUBMITTED,
    Caller,
    accepted,
    lose_broker,
    refused,
    waiting,
)

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


@pytest.mark.parametrize(
    "change",
    [
        lambda secret: "",
        lambda secret: secret[:-1] + ("0" if secret[-1] != "0" else "1"),
        lambda secret: "bus_000000000000_" + secret.rpartition("_")[2],
        lambda secret: secret.rpartition("_")[0],
        lambda secret: secret + "0",
        lambda secret: "ü" * 65,
    ],
)
async def test_a_wrong_key_is_refused(backend: Caller, change: Callable[[str], str]) -> None:
    backend.secret = change(backend.secret)
    response = await backend.post("channels/jobs/messages", JOB)
    refused(response, "unauthenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


async def test_no_key_and_other_schemes_are_refused(backend: Caller) -> None:
    response = await AsyncClient().post("/api/v1/channels/jobs/messages", JOB, "application/json")
    refused(response, "unauthenticated")
    response = await backend.call("POST", "channels/jobs/messages", JOB, authorization="Basic eDp5")
    refused(response, "unauthenticated")
    assert await waiting("jobs") == []


async def test_a_revoked_key_is_refused_at_once(backend: Caller) -> None:
    accepted(await backend.post("channels/jobs/messages", JOB))
    await sync_to_async(api_keys.revoke)(backend.key.prefix)
    refused(await backend.post("channels/jobs/messages", JOB), "unauthenticated")


async def test_staff_call_with_their_session_and_a_csrf_token(backend: Caller) -> None:
    client = AsyncClient(enforce_csrf_checks=True)
    await client.aforce_login(await staff("ann", "bus.send_channel", "bus.view_channel"))
    path = "/api/v1/channels/jobs/messages"
    error = refused(await client.post(path, JOB, "application/json"), "forbidden")
    assert "CSRF" in error["message"]
    assert (await client.get("/api/v1/channels")).status_code == 200
    # The docs page is where a browser gets the token.
    assert (await client.get("/api/v1/docs")).status_code == 200
    token = client.cookies[django_settings.CSRF_COOKIE_NAME].value
    accepted(await client.post(path, JOB, "application/json", headers={"x-csrftoken": token}))


async def staff(name: str, *permissions: str, **values: bool) -> User:
    """A staff user with these permissions."""
    user = await sync_to_async(User.objects.create_user)(name, is_staff=True, **values)
    for permission in permissions:
        codename = permission.partition(".")[2]
        await user.user_permissions.aadd(await Permission.objects.aget(codename=codename))
    return user


NOTIFY = {"type": "notification.requested", "data": {"users": [1], "name": "x"}}
CALLS = [
    ("post", "channels/broadcast/messages", NOTIFY, "bus.send_channel"),
    ("post", "channels/jobs/batch", [JOB], "bus.send_channel"),
    ("get", "channels", None, "bus.view_channel"),
    ("get", "channels/jobs", None, "bus.view_channel"),
]


async def answers(user: User) -> list[HttpResponse]:
    """What a user is answered who makes each call once."""
    client = AsyncClient()
    await client.aforce_login(user)
    return [
        await getattr(client, method)(f"/api/v1/{path}", body, content_type="application/json")
        for method, path, body, _ in CALLS
    ]


async def test_staff_need_the_permission_of_each_endpoint(backend: Caller) -> None:
    for response, call in zip(await answers(await staff("ann")), CALLS, strict=True):
        assert call[-1] in refused(response, "forbidden")["message"]
    assert await waiting("broadcast") == await waiting("jobs") == []
    codes = [r.status_code for r in await answers(await staff("reader", "bus.view_channel"))]
    assert codes == [403, 403, 200, 404]
    codes = [r.status_code for r in await answers(await staff("sender", "bus.send_channel"))]
    assert codes == [202, 202, 403, 403]
    codes = [r.status_code for r in await answers(await staff("root", is_superuser=True))]
    assert codes == [202, 202, 200, 200]
    # A key needs none.
    accepted(await backend.post("channels/jobs/messages", JOB))


async def test_an_endpoint_that_states_no_permission_is_for_superusers(
    transactional_db: None,
) -> None:
    request = AsyncRequestFactory().get("/")
    for user, welcome in (
        (await staff("ann", "bus.send_channel"), False),
        (await staff("root", is_superuser=True), True),
    ):
        request.auser = AsyncMock(return_value=user)
        if welcome:
            assert await StaffAuth()(request) is not None
        else:
            with pytest.raises(Forbidden):
                await StaffAuth()(request)


async def test_other_users_may_not_call(transactional_db: None) -> None:
    client = AsyncClient()
    await client.aforce_login(await sync_to_async(User.objects.create_user)("bob"))
    refused(await client.get("/api/v1/channels"), "forbidden")


async def test_a_key_needs_no_csrf_token_even_beside_a_session(backend: Caller) -> None:
    backend.client = AsyncClient(enforce_csrf_checks=True)
    await backend.client.aforce_login(await sync_to_async(User.objects.create_user)("bob"))
    accepted(await backend.post("channels/jobs/messages", JOB))


@pytest.mark.parametrize(
    ("channel", "body", "field"),
    [
        ("jo bs", JOB, "channel"),
        ("local!abc", JOB, "channel"),
        ("x" * 100, JOB, "channel"),
        ("jobs", {"data": {}}, "type"),
        ("jobs", {"type": "job.due"}, "data"),
        ("jobs", {**JOB, "type": "_private"}, "type"),
        ("jobs", {**JOB, "type": ""}, "type"),
        ("jobs", {**JOB, "data": [1]}, "data"),
        ("jobs", {**JOB, "extra": 1}, "extra"),
        ("jobs", {**JOB, "data": {"type": "other"}}, "data.type"),
        ("jobs", {**JOB, "ordering_key": ""}, "ordering_key"),
        ("jobs", {**JOB, "not_before": True}, "not_before"),
        ("jobs", {**JOB, "not_before": 1795219200}, "not_before"),
        ("jobs", {**JOB, "not_before": "tomorrow"}, "not_before"),
        ("jobs", {**JOB, "not_before": "2100-01-01T00:00:00"}, "not_before"),
        ("moderation", {"type": "message.sent", "data": SUBMITTED}, "type"),
        ("moderation", {"type": "message.submitted", "data": {**SUBMITTED, "room": "a b"}}, "room"),
        ("moderation", {"type": "message.submitted", "data": {"room": "lobby"}}, "author"),
    ],
)
async def test_what_is_wrong_is_named(backend: Caller, channel: str, body: Any, field: str) -> None:
    error = refused(await backend.post(f"channels/{channel}/messages", body), "invalid")
    assert error["field"] == field


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"type": "a", "data": {"x": NaN}}',
        b'{"type": "a", "data": {"x": "\\ud83d"}}',
        b'{"type": "a", "data": {"x": 99999999999999999999999}}',
        b'{"type": "a", "data": ' + b'{"a": ' * 5000 + b"1" + b"}" * 5000 + b"}",
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(backend: Caller, body: bytes) -> None:
    refused(await backend.post("channels/jobs/messages", body), "invalid")
    assert await waiting("jobs") == []


async def test_large_bodies_and_messages_are_refused(backend: Caller, settings: Any) -> None:
    settings.BUS_MESSAGE_SIZE_LIMIT, settings.BUS_API_BODY_LIMIT = 1000, 2000
    body = {"type": "job.due", "data": {"x": "x" * 1500}}
    assert (
        refused(await backend.post("channels/jobs/messages", body), "too_long")["field"] == "data"
    )
    announcement = {"type": "announcement.requested", "data": {"rooms": "all", "body": "x" * 11}}
    settings.BUS_BODY_LIMIT = 10
    error = refused(await backend.post("channels/broadcast/messages", announcement), "too_long")
    assert error["field"] == "body"


@pytest.mark.parametrize(
    ("method", "path", "code", "status"),
    [
        ("GET", "", "not_found", 404),
        ("GET", "nowhere", "not_found", 404),
        ("POST", "channels/jobs/messages/", "not_found", 404),
        ("GET", "channels/unheard", "not_found", 404),
        ("GET", "channels/jobs/messages", "invalid", 405),
        ("DELETE", "channels", "invalid", 405),
    ],
)
async def test_unknown_paths_and_wrong_methods_are_answered_in_json(
    backend: Caller, method: str, path: str, code: str, status: int
) -> None:
    response = await backend.call(method, path)
    assert response.status_code == status
    assert json.loads(response.content)["error"]["code"] == code
    assert int(response["Content-Length"]) == len(response.content)
    assert status != 405 or response["Allow"]


async def test_the_sync_handler_answers_alike(backend: Caller, client: Any) -> None:
    response = await sync_to_async(client.get)("/api/v1/nowhere")
    refused(response, "not_found")
    response = await sync_to_async(client.get)("/api/v1/channels")
    refused(response, "unauthenticated")


async def test_a_bug_is_ours_and_tells_nothing(
    backend: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_args: Any, **_options: Any) -> str:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(sender, "send_raw", broken)
    error = refused(await backend.post("channels/jobs/messages", JOB), "internal")
    assert "detail" not in error["message"]
    assert "a secret detail" in caplog.text


async def test_a_full_channel_is_busy(backend: Caller, settings: Any) -> None:
    settings.BUS_CAPACITY = 0
    response = await backend.post("channels/jobs/messages", JOB)
    error = refused(response, "busy")
    assert 0 < error["retry_after"] <= int(response["Retry-After"])


async def test_without_the_broker_it_is_unavailable(backend: Caller, settings: Any) -> None:
    lose_broker(settings)
    for response in (
        await backend.post("channels/jobs/messages", JOB, key="k1"),
        await backend.call("GET", "channels"),
    ):
        error = refused(response, "unavailable")
        assert 0 < error["retry_after"] <= int(response["Retry-After"])
        assert "sock" not in error["message"]


async def test_without_the_database_it_is_unavailable(
    backend: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_text: str) -> None:
        raise OperationalError("connection to server at 10.0.0.7 failed")

    monkeypatch.setattr(api_keys, "check", gone)
    error = refused(await backend.post("channels/jobs/messages", JOB), "unavailable")
    assert "10.0.0.7" not in error["message"]


async def test_every_path_is_in_the_docs() -> None:
    docs = (django_settings.BASE_DIR / "docs" / "http.md").read_text("utf-8")
    for path in api.get_openapi_schema()["paths"]:
        assert path.removeprefix("/api/v1/") in docs
