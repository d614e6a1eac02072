"""The edge of the HTTP API: JSON even where Django itself, or the server, refuses."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from bus.api import errors
from bus.conf import conf
from bus.http import urls

Response = HttpResponseBase | Awaitable[HttpResponseBase]


class ApiEdge:
    """Words every refusal under the API's address as the API does, also where nothing is."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Response]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Response:
        response = self.get_response(request)
        if isinstance(response, HttpResponseBase):
            return worded(request, response)
        return _worded_later(request, response)


def worded_by_us(view: Callable[..., Any]) -> Callable[..., Any]:
    """The same for one view of the API, where the project has no such middleware."""
    if iscoroutinefunction(view):

        @wraps(view)
        async def later(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return worded(request, await view(request, *args, **kwargs))

        return later

    @wraps(view)
    def now(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return worded(request, view(request, *args, **kwargs))

    return now


async def _worded_later(
    request: HttpRequest, response: Awaitable[HttpResponseBase]
) -> HttpResponseBase:
    return worded(request, await response)


def _is_api(scope: Mapping[str, Any]) -> bool:
    return urls.is_api(urls.path_of(scope))


def body_limit(scope: Mapping[str, Any]) -> int:
    """The largest body of a request, in bytes."""
    return conf.api_body_limit if _is_api(scope) else conf.request_body_limit


def wording(scope: Mapping[str, Any], status: int, limit: int) -> tuple[str, bytes]:
    """What is said to a body that is too large (413) or does not come (408)."""
    error = errors.too_large(limit) if status == 413 else errors.too_late()
    if _is_api(scope):
        response = errors.render(error, status)
        return response.headers["Content-Type"], response.content
    return "text/plain; charset=utf-8", f"{error}\n".encode()


def worded(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response, in JSON where it is a refusal of Django's own; headers are kept."""
    if not urls.is_api(request.path_info):
        return response
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
