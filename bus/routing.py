"""What goes where: WebSocket paths to consumers, named channels to workers.

`bus.asgi.mount` puts both into a project's application; a project that composes its own takes
them from here:

    ProtocolTypeRouter({
        "http": get_asgi_application(),
        "websocket": URLRouter([*websocket_urlpatterns, *mine]),
        "channel": ChannelNameRouter({**channels, "mine": MyWorker.as_asgi()}),
        "lifespan": lifespan,
    })
"""

from __future__ import annotations

from typing import Any

import django
from django.urls import URLPattern

from bus.broker.worker.discovery import Channels
from bus.consumers import web_process
from bus.consumers.identity import Identity
from bus.consumers.lifespan import lifespan
from bus.consumers.origin import OriginGuard
from bus.consumers.plain_chat import PlainChat
from bus.consumers.session import Session
from bus.http import urls
from bus.protocol import channel_names
from bus.servers.shutdown import Draining
from bus.workers.broadcast import BroadcastWorker
from bus.workers.moderation import ModerationWorker

__all__ = ["channels", "lifespan", "websocket_urlpatterns"]


def _route(name: str, consumer: Any) -> URLPattern:
    """A route of ours, its own guards around it: those of other routes are others' matter."""
    guarded = Draining(
        OriginGuard(Identity(consumer)),
        lambda: web_process.current().connections,
        lambda: web_process.current().close(),
    )
    # Channels routes to ASGI applications, by whatever has `match`; Django's types know neither.
    pattern: Any = urls.SocketPattern(name)
    application: Any = guarded
    return URLPattern(pattern, application, name=name)


websocket_urlpatterns = [
    _route("websocket", Session.as_asgi()),
    _route("plain_chat", PlainChat.as_asgi()),
]


def _task_workers() -> dict[str, Any]:
    """The workers of `django.tasks`, which Django 6 has."""
    if django.VERSION < (6, 0):
        return {}
    from bus.tasks.channels import workers

    return workers()


# With those of each installed app's `workers.py`.
channels = Channels(
    "bus",
    {
        channel_names.MODERATION: ModerationWorker.as_asgi(),
        channel_names.BROADCAST: BroadcastWorker.as_asgi(),
        **_task_workers(),
    },
)
