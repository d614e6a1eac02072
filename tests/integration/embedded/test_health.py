"""What `manage.py up` asks its web process is answered by Bus, whatever the project has there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from pytest_django.fixtures import Settings

from bus.embedded.health import probed

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]

SECRET = "for one test alone, and long enough"


async def theirs(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """A project that says of every path that all is well."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


async def answered(path: str, shown: str) -> tuple[int, str]:
    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": b"", "http_version": "1.1",
        "headers": [(b"host", b"nobody.example"), (b"authorization", shown.encode())],
        "client": ("127.0.0.1", 1),
    }  # fmt: skip
    communicator = ApplicationCommunicator(probed(theirs), scope)
    await communicator.send_input({"type": "http.request"})
    start = await communicator.receive_output(20)
    body = await communicator.receive_output(20)
    return start["status"], body["body"].decode()


async def test_who_shows_the_secret_is_answered_by_bus_and_all_others_by_the_project(
    settings: Settings,
) -> None:
    settings.BUS_PROBE_SECRET = SECRET
    status, text = await answered("/readyz", f"Bearer {SECRET}")
    checks = json.loads(text)["checks"]
    assert status == 503
    assert checks["database"] == "ok"
    assert "manage.py runworker moderation" in checks["workers of moderation"]
    assert await answered("/readyz", "Bearer somebody else's") == (200, "/readyz")
    assert await answered("/live/readyz", f"Bearer {SECRET}") == (200, "/live/readyz")
    settings.BUS_PROBE_SECRET = ""
    assert await answered("/readyz", "Bearer ") == (200, "/readyz")
