"""The routes of Bus, for a project to include: probes, the HTTP API, the pages, and the sockets.

What is served at the sockets' routes by plain HTTP is a word of advice; `reverse` tells pages where
they are, under whatever prefix the project includes this. Each route has around it what it needs,
so that the project's middleware need have nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpResponse
from django.urls import path

from bus import unavailable
from bus.api import health
from bus.api.middleware import worded_by_us
from bus.api.root import api
from bus.http.null_characters import without_nul_in_address
from bus.pages import views

app_name = "bus"


def _service(view: Callable[..., Any]) -> Callable[..., Any]:
    """What programs ask: it knows who may, and begins its own transactions."""
    for alias in settings.DATABASES:
        view = transaction.non_atomic_requests(using=alias)(view)
    return login_not_required(view)


def _page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    return without_nul_in_address(unavailable.refused_in_outage(view))


def _api() -> tuple[Any, ...]:
    patterns: Any
    patterns, app, namespace = api.urls
    for pattern in patterns:
        pattern.callback = _service(worded_by_us(without_nul_in_address(pattern.callback)))
    return patterns, app, namespace


urlpatterns = [
    path("livez", _service(health.livez), name="livez"),
    path("readyz", _service(health.readyz), name="readyz"),
    path("api/v1/", _api()),
    path("chat/", _page(views.lobby), name="lobby"),
    path("chat/<str:name>/", _page(views.room), name="room"),
    path("ws/", views.upgrade_required, name="websocket"),
    path("ws/chat/<str:room>/", views.upgrade_required, name="plain_chat"),
]
