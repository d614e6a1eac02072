"""A project that composes its own application: its stack, layer and workers beside those of Bus."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.e2e.test_host import ROOM, ask, becomes_of, echoed, items
from tests.support.host_project import HostProject
from tests.support.wait import until

ASGI = """
import os
from channels.auth import AuthMiddlewareStack
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
http = get_asgi_application()

from bus.routing import channels, websocket_urlpatterns
from shop.consumers import Echo, Mails

routes = [path("ws/echo/", Echo.as_asgi()), *websocket_urlpatterns]
application = ProtocolTypeRouter({
    "http": http,
    "websocket": AuthMiddlewareStack(URLRouter(routes)),
    "channel": ChannelNameRouter({**channels, "mails": Mails.as_asgi()}),
})
"""
CONSUMERS = """
import os
from channels.consumer import SyncConsumer
from channels.generic.websocket import AsyncWebsocketConsumer

class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        layer = self.channel_layer.__class__.__name__
        await self.send(f"{text_data} {self.scope['user']} {layer}")

class Mails(SyncConsumer):
    def mail_wanted(self, message):
        with open(os.environ["NOTES"], "a") as notes:
            notes.write(message["to"] + "\\n")
"""
LAYERS = """
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CHANNEL_LAYERS |= bus.channel_layers(alias="bus")
BUS_LAYER = "bus"
"""
SIGN_IN = """
from django.contrib.auth import get_user_model
from django.test import Client
user = get_user_model().objects.create_user("mina")
client = Client()
client.force_login(user)
print(client.cookies["sessionid"].value)
"""


@pytest.fixture
def project() -> Iterator[HostProject]:
    with tempfile.TemporaryDirectory(prefix="host-", ignore_cleanup_errors=True) as path:
        project = HostProject(Path(path) / "site")
        project.app("shop", consumers=CONSUMERS)
        project.write("mysite/asgi.py", ASGI)
        project.add("mysite/settings.py", LAYERS)
        yield project


async def session_of(port: int, cookie: str) -> str:
    """Whom a session is, by the cookie of a page."""
    headers = {"Cookie": f"sessionid={cookie}"}
    async with connect(f"ws://127.0.0.1:{port}/ws/", additional_headers=headers) as socket:
        (started,) = await items(socket)
        return str(started["data"]["user"]["name"])


def test_own_stack_layer_and_workers_work_beside_bus(project: HostProject) -> None:
    assert "bus.W034" not in project.manage("check").stderr
    notes = project.directory / "notes"
    with project.up(NOTES=str(notes)) as up:
        up.wait_until_ready()
        project.manage("shell", "-c", ROOM)
        assert asyncio.run(becomes_of(up, "/ws/", "plaza", "good morning")) == "posted"
        # The project's consumer has the layer and the user of the project.
        assert asyncio.run(echoed(up, "hello")) == "hello AnonymousUser InMemoryChannelLayer"
        # Ours believes the user whom the project's stack has found.
        cookie = project.manage("shell", "-c", SIGN_IN).stdout.splitlines()[-1]
        assert asyncio.run(session_of(up.port, cookie)) == "mina"
        project.manage("bus", "send", "mails", "mail.wanted", '{"to": "mina"}')
        until(lambda: notes.exists() and notes.read_text() == "mina\n", "the project's worker")

        async def closing() -> list[str]:
            """What a session hears when the web process stops, which told of no start."""
            async with connect(f"ws://127.0.0.1:{up.port}/ws/") as socket:
                await ask(socket, "1", "room.join", room="plaza")
                up.process.terminate()
                heard: list[str] = []
                try:
                    while True:
                        heard += [item["type"] for item in await items(socket)]
                except ConnectionClosed:
                    return [*heard, str(socket.close_code)]

        heard = asyncio.run(closing())
        assert up.process.wait(30) == 0
    assert "session.closing" in heard
    assert heard[-1] == "1012"
