"""A stranger's project with the five lines: `manage.py up` runs it, with all that is its own."""

import asyncio
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from tests.support.host_project import URLS, HostProject, HostUp
from tests.support.manage_up import ROOT
from tests.support.wait import until

CONSUMERS = """
from channels.generic.websocket import AsyncWebsocketConsumer
class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        user = self.scope.get("user")
        await self.send(f"{text_data} {user} {self.channel_layer.__class__.__name__}")
"""
WORKERS = """
import os
from channels.consumer import SyncConsumer
from bus.protocol.channel_messages import ChannelMessage
class MailWanted(ChannelMessage, type="mail.wanted", channel="mails"):
    to: str
class Mails(SyncConsumer):
    def mail_wanted(self, message):
        with open(os.environ["NOTES"], "a") as notes:
            notes.write(message["to"] + "\\n")
channels = {"mails": Mails.as_asgi()}
"""
SEND = """
from asgiref.sync import async_to_sync
from bus.messaging import send
from shop.workers import MailWanted
async_to_sync(send)(MailWanted(to="mina"))
"""
ROOM = """
from bus.models import Room
Room.objects.create(name="plaza", access=Room.Access.OPEN, moderation=Room.Moderation.STANDARD)
"""
# A project's own probe, in a middleware, as many have it; and all else over TLS alone.
GUARD = """
from django.http import HttpResponse
def guard(get_response):
    def answer(request):
        if request.path == "/readyz":
            return HttpResponse("the project's own", status=404)
        return get_response(request)
    return answer
"""
GUARDED = """
MIDDLEWARE.insert(0, "shop.guard.guard")
SECURE_SSL_REDIRECT = True
"""
PLAIN = "application = get_asgi_application()\n"
COUNT = """
from django.contrib.auth import get_user_model
from bus.models import Room
print(get_user_model().objects.count(), sorted(Room.objects.values_list("name", flat=True)))
"""


@pytest.fixture
def project() -> Iterator[HostProject]:
    # Short, since the broker's socket lies in it.
    with tempfile.TemporaryDirectory(prefix="host-", ignore_cleanup_errors=True) as path:
        project = HostProject(Path(path) / "site", prefix="live/")
        project.app("shop", consumers=CONSUMERS, workers=WORKERS)
        yield project


def with_own_route(project: HostProject) -> None:
    imports = "from django.urls import path\nfrom shop.consumers import Echo"
    project.mount(imports, 'path("ws/echo/", Echo.as_asgi())')


async def ask(socket: ClientConnection, ref: str, kind: str, **data: Any) -> list[Any]:
    """Send a command; all that came until its reply."""
    await socket.send(json.dumps({"ref": ref, "type": kind, "data": data}))
    found: list[Any] = []
    while not any(item.get("ref") == ref for item in found):
        found += await items(socket)
    return found


async def items(socket: ClientConnection) -> list[Any]:
    """The objects of the next frame."""
    frame = json.loads(await asyncio.wait_for(socket.recv(), 20))
    return frame if isinstance(frame, list) else [frame]


async def becomes_of(up: HostUp, path: str, room: str, body: str) -> str:
    """Write into a room; what the room or the author is told of it."""
    async with connect(f"ws://127.0.0.1:{up.port}{path}", subprotocols=["bus.v1"]) as socket:
        await ask(socket, "1", "room.join", room=room)
        found = await ask(socket, "2", "message.send", room=room, body=body, client_id="c" * 32)
        while True:
            for item in found:
                if item["type"] in ("message.posted", "message.settled"):
                    return str(item["data"].get("status", "posted"))
            found = await items(socket)


async def echoed(up: HostUp, text: str, **options: Any) -> str:
    async with connect(f"ws://127.0.0.1:{up.port}/ws/echo/", **options) as socket:
        await socket.send(text)
        return str(await asyncio.wait_for(socket.recv(), 20))


async def status_of(up: HostUp, path: str, **options: Any) -> int:
    try:
        async with connect(f"ws://127.0.0.1:{up.port}{path}", **options):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def test_five_lines_bring_pages_sockets_moderation_and_workers(project: HostProject) -> None:
    with_own_route(project)
    notes = project.directory / "notes"
    with project.up(NOTES=str(notes)) as up:
        up.wait_until_ready()
        assert f"Its rooms are at http://127.0.0.1:{up.port}/live/chat/" in up.text()
        # No user and no room that nobody asked for.
        assert project.manage("shell", "-c", COUNT).stdout.splitlines()[-1] == "0 []"
        made = project.manage("bus", "room", "plaza", "--access", "open", "--moderation", "strict")
        assert "plaza is at /live/chat/plaza/ (open)." in made.stdout
        assert up.get("/live/chat/plaza/") == 200
        assert up.get("/static/bus/client.js") == 200
        posted = asyncio.run(becomes_of(up, "/live/ws/", "plaza", "good morning"))
        assert posted == "posted"
        refused = asyncio.run(becomes_of(up, "/live/ws/", "plaza", "you stupid fucking bitch"))
        assert refused == "rejected"
        # The project's own: its socket knows no user and no foreign origin of ours.
        origin = {"origin": "https://elsewhere.example"}
        assert asyncio.run(echoed(up, "hello", **origin)) == "hello None BusChannelLayer"
        assert asyncio.run(status_of(up, "/live/ws/", **origin)) == 403
        assert asyncio.run(status_of(up, "/ws/")) == 403
        project.manage("shell", "-c", SEND)
        until(lambda: notes.exists() and notes.read_text() == "mina\n", "the host's worker")
        assert up.stop() == 0
    assert (project.directory / "var" / "valkey").is_dir()
    assert not list(project.directory.glob("**/demo.json"))


def test_whether_bus_is_ready_is_no_matter_of_what_the_project_has_at_that_path(
    project: HostProject,
) -> None:
    project.write("mysite/urls.py", URLS.format(prefix=""))
    project.write("shop/guard.py", GUARD)
    project.add("mysite/settings.py", GUARDED)
    with project.up() as up:
        up.wait_until_ready()
        assert up.get("/readyz") == 404
        assert up.get("/chat/") == 301
        assert up.stop() == 0


def test_a_worker_module_that_does_not_import_keeps_nothing_else_from_running(
    project: HostProject,
) -> None:
    project.app("mails", workers="import nothing_of_this_name\n")
    notes = project.directory / "notes"
    with project.up(NOTES=str(notes)) as up:
        up.wait_until_ready()
        told = up.text()
        project.manage("shell", "-c", SEND)
        until(lambda: notes.exists() and notes.read_text() == "mina\n", "the other app's worker")
        assert up.stop() == 0
    assert "bus.W030) mails.workers does not import: ModuleNotFoundError" in told
    assert re.search(r"worker +\| Traceback", told)
    assert re.search(r"worker +\| ModuleNotFoundError: No module named 'nothing_of_this", told)


LINE = """
from django.apps import AppConfig
class Line(AppConfig):
    name = "town"
    label = "bus"
"""


def test_another_bus_is_told_as_the_guide_says(project: HostProject) -> None:
    guide = (ROOT / "docs" / "how-to" / "install-into-a-project.md").read_text("utf-8")
    project.app("town", apps=LINE)
    later = project.manage("check", check=False).stderr
    assert later.endswith("duplicates: bus\n")
    assert "`duplicates: bus` where that app comes later. Give it another `label`" in guide
    project.add("mysite/settings.py", "INSTALLED_APPS.insert(0, INSTALLED_APPS.pop())\n")
    assert "town is called `bus`, too" in project.manage("check", check=False).stderr

    # A package of the project's, which comes first on Python's path, as manage.py has it.
    project.write("bus/__init__.py", "")
    project.environment["PYTHONPATH"] = f"{project.directory}{os.pathsep}{ROOT}"
    hidden = project.manage("check", check=False).stderr
    assert hidden.endswith("module 'bus' has no attribute 'channel_layers'\n")
    assert "`bus` has no attribute\n`channel_layers`" in guide


def test_a_project_without_the_line_in_asgi_is_not_started_but_told(project: HostProject) -> None:
    project.write("mysite/asgi.py", "from django.core.asgi import get_asgi_application\n" + PLAIN)
    with project.up() as up:
        assert up.process.wait(60) != 0
    assert "mysite.asgi.application is not mounted by Bus" in up.text()
    assert "bus.asgi.mount(get_asgi_application()" in up.text()
