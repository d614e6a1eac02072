"""The HTTP API at /api/v1/: its endpoints, who may call them, and its docs page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from bus.api import channels, errors
from bus.api.auth import ApiKeyAuth, StaffAuth
from bus.api.body import StrictParser
from bus.http.security_headers import CSP

# The docs page draws icons from data: URLs.
_DOCS_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def _with_policy(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def protected(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.headers[CSP] = _DOCS_POLICY
        return response

    return protected


api = NinjaAPI(
    title="Bus",
    version="1",
    description="Send to named channels, and see what they do. Errors are "
    '`{"error": {"code", "message", "field"?, "retry_after"?}}`; see docs/http.md.',
    urls_namespace="bus:api",
    auth=[ApiKeyAuth(), StaffAuth()],
    parser=StrictParser(),
    docs_decorator=_with_policy,
)
errors.register(api)
api.add_router("channels", channels.router)
