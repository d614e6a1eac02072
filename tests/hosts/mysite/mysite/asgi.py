"""The project's ASGI application: Bus beside sockets of its own."""

import os

from channels.auth import AuthMiddlewareStack
from django.core.asgi import get_asgi_application
from django.urls import path

import bus.asgi

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
http = get_asgi_application()

from lights.consumers import Lights  # noqa: E402 - it needs Django

own = [path("ws/lights/", AuthMiddlewareStack(Lights.as_asgi()))]
application = bus.asgi.mount(http, websocket=own)
