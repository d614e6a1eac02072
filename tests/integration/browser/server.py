"""A room page in a real browser, on a session whose server the test plays."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from playwright.sync_api import Page, WebSocketRoute

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
GUEST = {"id": "gme", "name": "guest-1a2b", "guest": True}


def browser_path() -> str:
    """Where Chromium is; skips the test, or fails it in CI, where there is none."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say("no Chromium on the PATH: install `chromium` to test the pages in a browser")
    return path


class Server:
    """The server's end of the page's socket: answers commands, and says what a test wants."""

    def __init__(self, head: int = 0) -> None:
        self.head = head
        self.sockets: list[WebSocketRoute] = []
        self.commands: list[dict[str, Any]] = []
        self.down = False
        self.slow_mode = 0
        self.role = "guest"
        self.read: int | None = None
        # What until_async of a message; a test puts its own here.
        self.judge: Callable[[dict[str, Any], dict[str, Any]], None] = self.post
        # What answers commands that have no method here.
        self.answer: Callable[[dict[str, Any]], None] = self.reply
        self.older: list[dict[str, Any]] = []
        self.missed: list[dict[str, Any]] = []

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The data of every message.send."""
        return [command["data"] for command in self.commands if command["type"] == "message.send"]

    def asked(self, kind: str) -> list[dict[str, Any]]:
        """The data of every command of a kind."""
        return [command["data"] for command in self.commands if command["type"] == kind]

    def open(self, socket: WebSocketRoute) -> None:
        """Take a connection."""
        if self.down:
            socket.close(code=1013)
            return
        self.sockets.append(socket)
        socket.on_message(self._hear)
        data = {"session": "s", "protocol": "bus.v1", "heartbeat": 25, "user": GUEST}
        self.say(
            {"type": "session.started", "data": {**data, "limits": {"body": 2000, "frame": 65536}}}
        )

    def say(self, *items: dict[str, Any]) -> None:
        """Write a frame."""
        self.sockets[-1].send(json.dumps(items if len(items) > 1 else items[0]))

    def close(self, code: int) -> None:
        """Hang up."""
        self.sockets[-1].close(code=code)

    def reply(self, command: dict[str, Any], **data: Any) -> None:
        """Answer a command."""
        self.say({"ref": command["ref"], "type": "reply", "ok": True, "data": data})

    def refuse(self, command: dict[str, Any], code: str, **more: Any) -> None:
        """Answer a command with an error."""
        error = {"code": code, "message": code, **more}
        self.say({"ref": command["ref"], "type": "reply", "ok": False, "error": error})

    def message(
        self, body: str, author: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """The next message of the room."""
        self.head += 1
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        author = author or {"id": 8, "name": "sora"}
        return {
            **{"id": str(self.head), "seq": self.head, "changed": self.head, "room": "lobby"},
            **{"author": author, "body": body, "posted_at": now, "client_id": f"c{self.head}"},
            **{"edited": False, "removed": False, "reply_to": None, **more},
        }

    def tell(self, message: dict[str, Any]) -> None:
        """Post a message to the room."""
        self.say(
            {"type": "message.posted", "room": "lobby", "seq": message["seq"], "data": message}
        )

    def post(self, command: dict[str, Any], data: dict[str, Any]) -> None:
        """The usual outcome: accepted and posted."""
        self.reply(command, status="accepted")
        self.tell(self.message(data["body"], GUEST, client_id=data["client_id"]))

    def settle(self, data: dict[str, Any], status: str, **more: Any) -> None:
        """Tell the author an outcome."""
        outcome = {"client_id": data["client_id"], "status": status, **more}
        self.say({"type": "message.settled", "room": "lobby", "data": outcome})

    def _hear(self, text: str | bytes) -> None:
        frame = json.loads(text)
        for command in frame if isinstance(frame, list) else [frame]:
            self.commands.append(command)
            data = command.get("data", {})
            if command["type"] == "room.join":
                self._join(command)
            elif command["type"] == "message.send":
                self.judge(command, data)
            elif command["type"] == "history.list":
                page = [m for m in self.older if m["seq"] < data["before"]][-data["limit"] :]
                self.reply(command, messages=page, more=bool(page and page[0] is not self.older[0]))
            else:
                self.answer(command)

    def _join(self, command: dict[str, Any]) -> None:
        room = {"name": "lobby", "title": "Lobby", "topic": "Say hello", "access": "open"}
        missed, self.missed = self.missed, []
        self.reply(
            command,
            room={**room, "moderation": "standard", "slow_mode": self.slow_mode},
            you={"role": self.role, "muted_until": None},
            read=self.read,
            unread=0,
            seq=self.head,
            recovered=True,
            messages=missed,
            presence={"count": 3, "members": []},
        )


def enter(page: Page, address: str, server: Server) -> None:
    """Open the room, and wait until it is live."""
    page.route_web_socket("**/ws/", server.open)
    page.goto(f"{address}/chat/lobby/")
    page.wait_for_selector(".online:not([hidden])")


def sign_in(page: Page, address: str, user: User) -> None:
    """Give the browser the session of somebody who is signed in."""

    def session() -> str:
        try:
            client = Client()
            client.force_login(user)
            return client.cookies[settings.SESSION_COOKIE_NAME].value
        finally:
            connection.close()

    # Playwright's loop runs in this thread, and signing in waits for the broker.
    with ThreadPoolExecutor(1) as elsewhere:
        value = elsewhere.submit(session).result(20)
    host = urlsplit(address).hostname or ""
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": value, "domain": host, "path": "/"}]
    )


def write(page: Page, text: str) -> None:
    """Send a text."""
    page.locator("textarea").fill(text)
    page.keyboard.press("Enter")


def bodies(page: Page) -> list[str]:
    """What the lines of the log say."""
    return page.locator("bus-log .row .body").all_inner_texts()
