"""Blocks of code: the server's first paint, the same after scripts took over, and live."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from bus.models import Message, Room
from tests.integration.browser.server import Server, enter

pytestmark = pytest.mark.django_db(transaction=True)

CASES = json.loads(
    (Path(__file__).parents[2] / "unit" / "static" / "blocks.json").read_text("utf-8")
)
CODE = "try:\n```python\nprint('<b>안녕</b>')  # **not bold** https://example.org\n```\n**bold**"


def post(body: str, **fields: Any) -> Message:
    room = Room.objects.get(name="lobby")
    room.head += 1
    room.save(update_fields=["head"])
    at = timezone.now()
    return Message.objects.create(
        room=room,
        seq=room.head,
        changed=room.head,
        status="posted",
        author_key="u900",
        author_name="mina",
        client_id=f"c{room.head}",
        body=body,
        created_at=at,
        posted_at=at,
        **fields,
    )


def codes(page: Page) -> list[list[str]]:
    """The blocks of code of each line."""
    return list(
        page.locator("li.row .body").evaluate_all(
            "all => all.map(b => [...b.querySelectorAll(':scope > pre > code')]"
            ".map(c => c.textContent))"
        )
    )


def test_server_and_browser_show_the_same(
    page: Page, address: str, server: Server, browser: Browser
) -> None:
    cases = [(text, parts) for text, parts in CASES if text.strip()]
    for text, _ in cases:
        post(text)
    wanted = [[text for kind, text in parts if kind == "code"] for _, parts in cases]
    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.goto(f"{address}/chat/lobby/")
    assert codes(plain) == wanted
    shown = plain.locator("li.row .body").all_text_contents()
    assert shown == ["".join(text for _, text in parts) for _, parts in cases]
    plain.context.close()
    enter(page, address, server)
    expect(page.locator(".more")).to_have_count(len(cases))
    assert codes(page) == wanted
    assert page.locator("script:not([src]):not([type])").count() == 0


def test_code_is_shown_as_it_is(room: Page, server: Server) -> None:
    server.tell(server.message(CODE))
    body = room.locator("li.row .body")
    block = body.locator("pre")
    expect(block).to_have_text("print('<b>안녕</b>')  # **not bold** https://example.org")
    expect(block.locator("b, a, strong")).to_have_count(0)
    expect(body.locator("> strong")).to_have_text("bold")
    code = block.locator("code")
    assert code.evaluate("code => getComputedStyle(code).fontFamily").startswith("ui-monospace")


def test_a_long_line_of_code_scrolls_by_itself(room: Page, server: Server) -> None:
    room.set_viewport_size({"width": 320, "height": 600})
    server.tell(server.message("```\n" + "x = 1; " * 40 + "\n```"))
    block = room.locator("pre")
    assert block.evaluate("pre => pre.scrollWidth > pre.clientWidth")
    assert room.evaluate("document.documentElement.scrollWidth") == 320
    assert room.locator(".scroll").evaluate("log => log.scrollWidth <= log.clientWidth")


def test_what_was_written_can_be_edited_and_leaves_nothing_when_removed(
    page: Page, address: str, server: Server
) -> None:
    row = post(CODE)
    server.head = 1
    enter(page, address, server)
    line = page.locator("li.row")
    expect(line.locator(".more")).to_be_visible()
    assert line.evaluate("row => row.source") == CODE
    removed = {"id": str(row.pk), "by": "moderator", "reason": ""}
    server.say({"type": "message.removed", "room": "lobby", "seq": 2, "data": removed})
    expect(line.locator(".body")).to_have_text("Message removed")
    assert "print" not in line.evaluate("row => row.outerHTML")
