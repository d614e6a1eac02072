"""The edge of the HTTP API: bounded bodies, and JSON even where Django itself refuses."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from bus.api import errors
from bus.conf import conf

ROOT = "/api/"

Response = HttpResponseBase | Awaitable[HttpResponseBase]


class ApiEdge:
    """Refuses bodies that are too large, and words every refusal under /api/ as the API does."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Response]) -> None:
        self.get_response = get_response
        self._async = iscoroutinefunction(get_response)
        if self._async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Response:
        if not request.path.startswith(ROOT):
            return self.get_response(request)
        if self._async:
            return self._later(request)
        refusal = bound(request)
        if refusal is not None:
            return refusal
        response = self.get_response(request)
        assert isinstance(response, HttpResponseBase)
        return worded(request, response)

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        refusal = bound(request)
        if refusal is not None:
            return refusal
        response = self.get_response(request)
        assert not isinstance(response, HttpResponseBase)
        return worded(request, await response)


def bound(request: HttpRequest) -> HttpResponse | None:
    """Read the body up to the limit; the refusal where there is more."""
    limit = conf.api_body_limit
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > limit:
        return errors.render(errors.too_large(limit))
    # A chunked body tells no length, and `request.body` would take all of it into memory.
    body = request.read(limit + 1)
    if len(body) > limit:
        return errors.render(errors.too_large(limit))
    request._body = body
    return None


def worded(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response, in JSON where it is a refusal of Django's own; headers are kept."""
    if response.status_code < 400 or not isinstance(response, HttpResponse):
        return response
    if response.headers.get("Content-Type", "").startswith("application/json"):
        return response
    if settings.DEBUG and response.status_code == 500:
        return response
    refusal = errors.as_wire(errors.refusal_of_status(response.status_code, request))
    response.content = json.dumps({"error": refusal})
    response.headers["Content-Type"] = "application/json"
    response.headers["Content-Length"] = str(len(response.content))
    return response
