"""A backend that calls the HTTP API, and what its tests ask of it."""

import json
from typing import Any

from channels.layers import channel_layers
from django.http import HttpResponse
from django.test import AsyncClient

from bus.messaging import default_layer, operations
from bus.models import ApiKey
from bus.protocol import errors

JOB = {"type": "job.due", "data": {"number": 1}}
SUBMITTED = {"room": "lobby", "author": "ci", "body": "hi", "client_id": "c1"}


class Caller:
    """A backend with a key of its own."""

    def __init__(self, key: ApiKey, secret: str) -> None:
        self.key = key
        self.secret = secret
        self.client = AsyncClient()

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """Send `body`, encoded unless it is bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.generic(
            method,
            f"/api/v1/{path}",
            content,
            content_type="application/json",
            headers={"authorization": f"Bearer {self.secret}", **headers},
        )

    async def post(self, path: str, body: Any = None, key: str | None = None) -> HttpResponse:
        """POST, with an idempotency key if there is one."""
        return await self.call("POST", path, body, **({"idempotency-key": key} if key else {}))


def lose_broker(settings: Any) -> None:
    """From now on the broker is away."""
    layer = settings.CHANNEL_LAYERS["default"]
    gone = {**layer, "CONFIG": {"hosts": ["unix:///nowhere/gone.sock"]}}
    settings.CHANNEL_LAYERS = {"default": gone}
    channel_layers.backends.clear()


def refused(response: HttpResponse, code: str) -> dict[str, Any]:
    """The error of a refusal, which has the one shape that they all have."""
    assert response["Content-Type"] == "application/json"
    body = json.loads(response.content)
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert set(error) <= {"code", "message", "field", "retry_after"}
    assert (error["code"], response.status_code) == (code, errors.by_code()[code].status), error
    return error


def accepted(response: HttpResponse) -> str:
    """The id that it was given."""
    assert response.status_code == 202, response.content
    body = json.loads(response.content)
    assert list(body) == ["id"]
    return str(body["id"])


async def waiting(channel: str) -> list[dict[str, Any]]:
    """Take everything that waits in a channel."""
    (stats,) = await operations.stats([channel])
    return [await default_layer.get().receive(channel) for _ in range(stats.depth)]


def jobs(*numbers: int) -> list[dict[str, Any]]:
    """Items of a batch, all of one ordering key."""
    return [
        {"type": "job.due", "data": {"number": number}, "ordering_key": "one"} for number in numbers
    ]
