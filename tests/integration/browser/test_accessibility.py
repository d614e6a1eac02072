"""What axe says of every page, in both languages, light and dark, on a small screen."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.integration.browser.server import GUEST, Server, enter, write

pytestmark = pytest.mark.django_db(transaction=True)

SENDING = {"en": "Sending…", "ko": "보내는 중…"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_axe_finds_nothing(
    browser: Browser, address: str, server: Server, scheme: Any, language: str
) -> None:
    context = browser.new_context(
        locale=language, color_scheme=scheme, viewport={"width": 320, "height": 640}
    )
    page = context.new_page()
    outcomes = iter(["held", "rejected", None])

    def judge(command: dict[str, Any], data: dict[str, Any]) -> None:
        server.reply(command, status="accepted")
        if outcome := next(outcomes, None):
            server.settle(data, outcome, reason={"code": "link", "message": ""})

    server.judge = judge
    enter(page, address, server)
    server.tell(server.message("hello https://example.com **x** `y`"))
    server.tell(server.message("mine", GUEST))
    typing = {"members": [{"id": 8, "name": "sora"}]}
    server.say({"type": "typing.changed", "room": "lobby", "data": typing})
    for text in ("one", "two", "three"):
        write(page, text)
    expect(page.get_by_text(SENDING[language])).to_be_visible()
    page.locator("textarea").fill("가" * 1900)
    problems: list[tuple[Any, ...]] = []
    for panel in range(2):  # of what others wrote: reasons to report it; of one's own: a field
        row = page.locator(".row[data-seq]").nth(panel)
        row.locator(".more").click()
        row.locator(".acts button").first.click()
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        problems += [
            (each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]
        ]
    for path in (None, "/chat/", "/accounts/login/", "/accounts/signup/", "/nothing/"):
        if path:
            page.goto(address + path)
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, f"{path} is wider than 320 px"
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        problems += [
            (path, each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]
        ]
    context.close()
    assert problems == []
