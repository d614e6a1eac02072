"""By http or by https: believed from proxies that are named, and plain http is sent on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.utils.decorators import sync_and_async_middleware

from bus.http import client_address
from config.conf import conf

_FORWARDED = "HTTP_X_FORWARDED_PROTO"


@sync_and_async_middleware
def forwarded_scheme(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Comes first, before Django reads the header (SECURE_PROXY_SSL_HEADER)."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> Any:
            return _sent_on(request) or await get_response(request)

        return later
    return lambda request: _sent_on(request) or get_response(request)


def _sent_on(request: HttpRequest) -> HttpResponse | None:
    """The redirect for who a proxy says came by http; what nobody told is left as it is."""
    scheme = request.META.get(_FORWARDED)
    if scheme is None:
        return None
    if not client_address.is_forwarded(request):
        del request.META[_FORWARDED]
        return None
    if scheme != "http" or not conf.https or request.method not in ("GET", "HEAD"):
        return None
    return HttpResponsePermanentRedirect(f"https://{request.get_host()}{request.get_full_path()}")
