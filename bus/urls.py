"""The HTTP routes."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from bus import unavailable
from bus.api import health
from bus.api.root import api

handler500 = unavailable.failed

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("api/v1/", api.urls),
    # One way to change a password, and one place where guesses of the old one are counted.
    path("admin/password_change/", RedirectView.as_view(pattern_name="password_change")),
    path("admin/", admin.site.urls),
    path("", include("bus.pages.urls")),
]
