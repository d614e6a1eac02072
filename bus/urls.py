"""The routes of Bus, for a project to include: probes, the HTTP API, the pages, and the sockets.

What is served at the sockets' routes by plain HTTP is a word of advice; `reverse` tells pages where
they are, under whatever prefix the project includes this.
"""

from __future__ import annotations

from django.urls import path

from bus.api import health
from bus.api.root import api
from bus.pages import views

app_name = "bus"

urlpatterns = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("api/v1/", api.urls),
    path("chat/", views.lobby, name="lobby"),
    path("chat/<str:name>/", views.room, name="room"),
    path("ws/", views.upgrade_required, name="websocket"),
    path("ws/chat/<str:room>/", views.upgrade_required, name="plain_chat"),
]
