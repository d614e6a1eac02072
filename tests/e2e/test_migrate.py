"""The chat of the Channels tutorial moves to Bus as docs/how-to/migrate.md says, step by step."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bus.embedded.broker import EmbeddedBroker
from tests.integration.browser.server import browser_path
from tests.support import tutorial
from tests.support.guide import Project, blocks
from tests.support.manage_up import ROOT, environment, free_port

GUIDE = ROOT / "docs" / "how-to" / "migrate.md"
STEPS = ["## 1. Bus's channel layer", "## 2. Work for a worker", "## 3. Moderated rooms"]
# What the tutorial uses of a layer: it tries a named channel so, in a shell, and its consumers have
# channels of their own.
TRY_LAYER = """
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
layer = get_channel_layer()
async_to_sync(layer.send)("test_channel", {"type": "hello"})
print(type(layer).__name__, async_to_sync(layer.receive)("test_channel"))
async def own():
    name = await layer.new_channel()
    await layer.send(name, {"type": "hello", "n": 1})
    await layer.group_add("group", name)
    print("!" in name, await layer.receive(name))
    await layer.group_send("group", {"type": "hello", "n": 2})
    print(await layer.receive(name))
async_to_sync(own)()
"""
TRIED = """ {'type': 'hello'}
True {'type': 'hello', 'n': 1}
{'type': 'hello', 'n': 2}
"""


@pytest.fixture(scope="module")
def broker_url() -> Iterator[str]:
    """A broker for the project alone."""
    with tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path:
        server = EmbeddedBroker(Path(path) / "valkey")
        server.start()
        yield server.url
        server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def project(tmp_path: Path, broker_url: str) -> Iterator[Project]:
    """The tutorial's project, over the broker."""
    directory = tmp_path / "project"
    directory.mkdir()
    tutorial.make(directory)
    where = {"PYTHONPATH": str(ROOT), "REDIS_URL": broker_url}
    found = Project(directory, sys.executable, environment(tmp_path / "var", free_port(), **where))
    yield found
    found.stop()


class Window:
    """The tutorial's page of a room, in a window of its own."""

    def __init__(self, browser: Browser, project: Project, room: str) -> None:
        self.page: Page = browser.new_context().new_page()
        address = f"http://127.0.0.1:{project.port}/chat/{room}/"
        project.wait_for(lambda: self._opens(address), address)

    def _opens(self, address: str) -> bool:
        try:
            self.page.goto(address)
            self.page.wait_for_function("chatSocket.readyState > 0", timeout=5_000)
        except Exception:
            return False
        return bool(self.page.evaluate("chatSocket.readyState === 1"))

    def write(self, text: str) -> None:
        """Write as people do."""
        self.page.fill("#chat-message-input", text)
        self.page.click("#chat-message-submit")

    def shows(self, text: str) -> None:
        """Wait for what the page shows, all of it."""
        expect(self.page.locator("#chat-log")).to_have_value(text, timeout=20_000)


def follow(project: Project, steps: int) -> None:
    """Do what the first steps say; what serves in an earlier one is stopped before the next."""
    for heading in STEPS[:steps]:
        project.stop()
        project.follow(blocks(GUIDE, heading))


def test_the_stock_chat_runs_before_and_on_the_layer_of_bus(
    browser: Browser, project: Project
) -> None:
    project.enter("python manage.py runserver")
    as_the_tutorial_has_it(browser, project, "RedisChannelLayer")
    consumers = {path: path.read_text() for path in (project.directory / "chat").rglob("*.*")}

    follow(project, 1)
    as_the_tutorial_has_it(browser, project, "BusChannelLayer")
    assert consumers == {path: path.read_text() for path in consumers}


def as_the_tutorial_has_it(browser: Browser, project: Project, layer: str) -> None:
    """Its chat, its tests, and all that it does with its layer, in the words of the tutorial."""
    chat(browser, project)
    project.run("manage.py", "test", "chat")
    assert project.run("manage.py", "shell", "-v0", "-c", TRY_LAYER) == layer + TRIED


def chat(browser: Browser, project: Project) -> None:
    """What the tutorial's own tests say: all in a room see a message, and nobody in another."""
    one, two, other = (Window(browser, project, name) for name in ("room_1", "room_1", "room_2"))
    one.write("hello")
    one.shows("hello\n")
    two.shows("hello\n")
    other.write("world")
    other.shows("world\n")
    two.shows("hello\n")
    for window in (one, two, other):
        window.page.context.close()


def test_a_consumer_of_a_named_channel_answers_what_was_asked_before_it_ran_too(
    browser: Browser, project: Project
) -> None:
    follow(project, 1)
    # Asked while no worker runs; the guide's worker starts after it.
    layer, worker = blocks(GUIDE, STEPS[1])[:-1], blocks(GUIDE, STEPS[1])[-1:]
    project.stop()
    project.follow(layer)
    project.enter("python manage.py runserver")
    window = Window(browser, project, "lobby")
    window.write("why?")
    window.shows("why?\n")
    project.follow(worker)
    window.shows("why?\nI do not know: why?\n")
    window.write("because")
    window.write("really?")
    window.shows("why?\nI do not know: why?\nbecause\nreally?\nI do not know: really?\n")


def test_the_tutorials_page_talks_in_moderated_rooms(browser: Browser, project: Project) -> None:
    follow(project, 2)
    project.stop()
    for name in ("consumers.py", "routing.py"):
        (project.directory / "chat" / name).unlink()
    project.follow(blocks(GUIDE, STEPS[2]))
    one, two = Window(browser, project, "lobby"), Window(browser, project, "lobby")
    one.write("hello")
    one.shows("hello\n")
    two.shows("hello\n")
    two.write("you fucking asshole")
    expect(two.page.locator("#chat-log")).not_to_have_value("hello\n", timeout=20_000)
    two.write("sorry")
    one.shows("hello\nsorry\n")
    assert "asshole" not in two.page.input_value("#chat-log")
    assert project.issues() == ["bus.W037"]
    history = (
        "from bus.models import Message; "
        "print([[m.room.name, m.seq, m.body] for m in Message.objects.filter(status='posted')])"
    )
    stored = project.run("manage.py", "shell", "-v0", "-c", history)
    assert "['lobby', 1, 'hello'], ['lobby', 2, 'sorry']" in stored
