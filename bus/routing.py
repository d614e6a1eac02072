"""What goes where: WebSocket paths to consumers, named channels to workers."""

from __future__ import annotations

from typing import Any

import django
from channels.routing import ChannelNameRouter, URLRouter
from django.urls import re_path

from bus.consumers import origin
from bus.consumers.plain_chat import PlainChat
from bus.consumers.session import Session
from bus.protocol import channel_names
from bus.workers.broadcast import BroadcastWorker
from bus.workers.moderation import ModerationWorker

websocket_urlpatterns = [
    re_path(r"^ws/?$", Session.as_asgi()),
    # Room names are of any script; the consumer knows which are possible.
    re_path(r"^ws/chat/(?P<room>[^/]+)/?$", PlainChat.as_asgi()),
    # Channels routes to ASGI applications, which Django's types do not know.
    re_path(r"", origin.nowhere),  # type: ignore[arg-type]
]

websocket = URLRouter(websocket_urlpatterns)


def _task_workers() -> dict[str, Any]:
    """The workers of `django.tasks`, which Django 6 has."""
    if django.VERSION < (6, 0):
        return {}
    from bus.tasks.channels import workers

    return workers()


channels = ChannelNameRouter(
    {
        channel_names.MODERATION: ModerationWorker.as_asgi(),
        channel_names.BROADCAST: BroadcastWorker.as_asgi(),
        **_task_workers(),
    }
)
