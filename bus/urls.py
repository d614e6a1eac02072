"""The HTTP routes."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from bus.api import health
from bus.api.root import api

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("", include("bus.pages.urls")),
]
