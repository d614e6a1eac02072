"""A project as the Channels tutorial has it at its end, in its files and its words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SETTINGS = """
import os

INSTALLED_APPS = ["daphne", "chat", *INSTALLED_APPS]
ASGI_APPLICATION = "mysite.asgi.application"
DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "db_test.sqlite3"}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [os.environ["REDIS_URL"]]},
    }
}
"""
FILES = {
    "mysite/urls.py": """
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("chat/", include("chat.urls")),
    path("admin/", admin.site.urls),
]
""",
    "mysite/asgi.py": """
import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
http = get_asgi_application()

from chat.routing import websocket_urlpatterns

application = ProtocolTypeRouter({
    "http": http,
    "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
})
""",
    "chat/__init__.py": "",
    "chat/urls.py": """
from django.urls import path

from . import views

urlpatterns = [path("<str:room_name>/", views.room, name="room")]
""",
    "chat/views.py": """
from django.shortcuts import render


def room(request, room_name):
    return render(request, "chat/room.html", {"room_name": room_name})
""",
    "chat/routing.py": r"""
from django.urls import re_path

from . import consumers

websocket_urlpatterns = [
    re_path(r"ws/chat/(?P<room_name>\w+)/$", consumers.ChatConsumer.as_asgi()),
]
""",
    "chat/consumers.py": """
import json

from channels.generic.websocket import AsyncWebsocketConsumer


class ChatConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        self.room_name = self.scope["url_route"]["kwargs"]["room_name"]
        self.room_group_name = f"chat_{self.room_name}"
        await self.channel_layer.group_add(self.room_group_name, self.channel_name)
        await self.accept()

    async def disconnect(self, close_code):
        await self.channel_layer.group_discard(self.room_group_name, self.channel_name)

    async def receive(self, text_data):
        message = json.loads(text_data)["message"]
        await self.channel_layer.group_send(
            self.room_group_name, {"type": "chat.message", "message": message}
        )

    async def chat_message(self, event):
        await self.send(text_data=json.dumps({"message": event["message"]}))
""",
    # The tutorial looks through Selenium; what it looks at is the same.
    "chat/tests.py": """
import json

from channels.testing import ChannelsLiveServerTestCase
from websockets.sync.client import connect


class ChatTests(ChannelsLiveServerTestCase):
    serve_static = True

    def enter(self, room):
        address = self.live_server_url.replace("http", "ws")
        return connect(f"{address}/ws/chat/{room}/", origin=self.live_server_url)

    def test_a_message_is_seen_by_everyone_in_the_same_room_and_nobody_in_another(self):
        one, two, three = map(self.enter, ("room_1", "room_1", "room_2"))
        with one, two, three:
            one.send(json.dumps({"message": "hello"}))
            three.send(json.dumps({"message": "world"}))
            for socket, message in ((one, "hello"), (two, "hello"), (three, "world")):
                self.assertEqual(json.loads(socket.recv(20)), {"message": message})
""",
    "chat/templates/chat/room.html": """
<!DOCTYPE html>
<meta charset="utf-8">
<title>Chat Room</title>
<textarea id="chat-log" cols="100" rows="20"></textarea><br>
<input id="chat-message-input" type="text" size="100"><br>
<input id="chat-message-submit" type="button" value="Send">
{{ room_name|json_script:"room-name" }}
<script>
  const log = document.querySelector("#chat-log");
  const input = document.querySelector("#chat-message-input");
  const roomName = JSON.parse(document.getElementById("room-name").textContent);
  const chatSocket = new WebSocket(`ws://${window.location.host}/ws/chat/${roomName}/`);
  chatSocket.onmessage = (e) => { log.value += JSON.parse(e.data).message + "\\n"; };
  document.querySelector("#chat-message-submit").onclick = () => {
    chatSocket.send(JSON.stringify({ message: input.value }));
    input.value = "";
  };
</script>
""",
}


def make(directory: Path) -> None:
    """Start the project in an empty directory, and write what the tutorial has one write."""
    command = [sys.executable, "-m", "django", "startproject", "mysite", str(directory)]
    subprocess.run(command, check=True)
    settings = directory / "mysite" / "settings.py"
    settings.write_text(settings.read_text("utf-8") + SETTINGS, "utf-8")
    for name, text in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip(), "utf-8")
