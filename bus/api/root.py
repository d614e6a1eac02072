"""The HTTP API at /api/v1/: its endpoints, who may call them, and its docs page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from bus.api import channels, errors
from bus.api.auth import ApiKeyAuth, StaffAuth
from bus.api.body import StrictParser
from bus.conf import conf
from bus.http.security_headers import CSP, with_drawn_images


def _with_policy(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def protected(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if conf.content_security_policy:
            response.headers[CSP] = with_drawn_images(conf.content_security_policy)
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
    # Without its app, whose files it shows, Ninja would have the page load them from somebody else.
    docs_url="/docs" if apps.is_installed("ninja") else None,
)
errors.register(api)
api.add_router("channels", channels.router)
