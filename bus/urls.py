"""The routes of Bus, for a project to include: probes, the HTTP API, and the pages.

The project's own URLconf also sets `handler500 = "bus.unavailable.failed"`, by which a database or
broker that is away is answered with 503.
"""

from __future__ import annotations

from django.urls import include, path

from bus.api import health
from bus.api.root import api

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("api/v1/", api.urls),
    path("", include("bus.pages.urls")),
]
