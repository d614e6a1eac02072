"""NUL is no text: PostgreSQL stores and compares none, so what has one goes no further."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils.decorators import sync_and_async_middleware

_NUL = "\0"


def cookies_without(cookies: Mapping[str, str]) -> dict[str, str]:
    """The cookies without those that have a NUL, which nobody here has set."""
    return {name: value for name, value in cookies.items() if _NUL not in name + value}


@sync_and_async_middleware
def without_nul(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Comes before what looks anything up: an address with a NUL is refused."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> Any:
            return _refusal(request) or await get_response(request)

        return later
    return lambda request: _refusal(request) or get_response(request)


def without_nul_in_address(view: Callable[..., Any]) -> Callable[..., Any]:
    """The same for one view, where the project has no such middleware."""
    if iscoroutinefunction(view):

        @wraps(view)
        async def later(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return _refusal(request) or await view(request, *args, **kwargs)

        return later

    @wraps(view)
    def now(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _refusal(request) or view(request, *args, **kwargs)

    return now


def _refusal(request: HttpRequest) -> HttpResponse | None:
    if _NUL in request.path or "%00" in request.META.get("QUERY_STRING", ""):
        return HttpResponseBadRequest("An address has no NUL.\n", content_type="text/plain")
    if any(_NUL in name + value for name, value in request.COOKIES.items()):
        request.COOKIES = cookies_without(request.COOKIES)
    return None
