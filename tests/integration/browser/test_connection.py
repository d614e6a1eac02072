"""Losing the connection, and being kept out, in Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.integration.browser.server import Server, bodies, write

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_lost_connection_is_told_and_what_was_written_goes_out(
    room: Page, server: Server
) -> None:
    server.tell(server.message("before"))
    server.down = True
    server.close(1012)
    write(room, "written in the dark")
    waiting = room.locator("[data-status=queued] .state")
    expect(waiting).to_contain_text("Waiting for connection")
    bar = room.locator(".bar")
    expect(bar).to_contain_text(re.compile(r"Connection lost\. Trying again in \d+ s\.|Connecting"))
    room.get_by_role("button", name="Try now").click()
    server.missed = [server.message("missed")]
    server.down = False
    room.evaluate("dispatchEvent(new Event('online'))")  # unless it is back by itself already
    expect(bar).to_have_count(0)
    expect(room.locator(".row[data-seq='3']")).to_be_visible()
    assert bodies(room) == ["before", "missed", "written in the dark"]
    assert len(server.sent) == 1
    joins = [command["data"] for command in server.commands if command["type"] == "room.join"]
    assert joins[-1]["since"] == 1


def test_signed_out_stays_away_and_leads_to_sign_in(room: Page, server: Server) -> None:
    server.close(4401)
    bar = room.locator(".bar")
    expect(bar).to_contain_text("You are signed out.")
    link = bar.get_by_role("link", name="Sign in")
    expect(link).to_have_attribute("href", "/accounts/login/?next=/chat/lobby/")
    room.wait_for_timeout(1200)
    assert len(server.sockets) == 1


def test_a_refused_room_says_so(page: Page, address: str, server: Server) -> None:
    server._join = lambda command: server.refuse(command, "banned")  # type: ignore[method-assign]
    page.route_web_socket("**/ws/", server.open)
    page.goto(f"{address}/chat/lobby/")
    expect(page.locator(".notice:visible")).to_have_text(
        "You cannot enter this room: you are banned from this room"
    )
    expect(page.locator("textarea")).to_be_disabled()
