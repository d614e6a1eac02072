"""The header that says what a page may load: its own files, and nothing inline."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADER = "Content-Security-Policy"

Response = HttpResponseBase | Awaitable[HttpResponseBase]


class ContentSecurityPolicy:
    """Adds the policy to every response that does not bring its own."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Response]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Response:
        response = self.get_response(request)
        if isinstance(response, HttpResponseBase):
            return protect(response)
        return _protect_later(response)


async def _protect_later(response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
    return protect(await response)


def protect(response: HttpResponseBase) -> HttpResponseBase:
    """Set the policy, save on Django's own traceback page, which is all inline."""
    if not (settings.DEBUG and response.status_code == 500):
        response.headers.setdefault(HEADER, POLICY)
    return response
