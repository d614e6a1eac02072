"""The routes of this repository's project: the admin, and all of Bus."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

handler500 = "bus.unavailable.failed"

urlpatterns = [
    # One way to change a password, and one place where guesses of the old one are counted.
    path("admin/password_change/", RedirectView.as_view(pattern_name="password_change")),
    path("admin/", admin.site.urls),
    path("", include("bus.urls")),
]
