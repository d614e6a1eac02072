"""A response of Django's, sent where no handler of Django's is."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse


async def send_response(response: HttpResponse, send: Any) -> None:
    """Send a response by ASGI."""
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": response.content})
