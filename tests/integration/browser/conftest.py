"""A browser, and a page in a room whose server the test plays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bus.models import Room
from tests.integration.browser.server import Server, browser_path, enter


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = browser_path()
    # Playwright runs a loop in this thread, and Django then refuses the tests' own queries.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def address(live_server: Any) -> str:
    Room.objects.create(name="lobby", title="Lobby", access="open")
    return str(live_server.url)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-GB", viewport={"width": 900, "height": 600})
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong in silence."""
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda say: wrong.append(say.text) if say.type == "error" else None)
    yield page
    assert wrong == []


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def room(page: Page, address: str, server: Server) -> Page:
    enter(page, address, server)
    return page
