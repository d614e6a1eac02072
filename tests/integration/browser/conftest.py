"""A browser, and a page in a room whose server the test plays."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bus.models import Room
from bus.servers.uvicorn_http import BoundedHttp
from bus.servers.uvicorn_websocket import BoundedWebSocket
from tests.integration.browser.server import Server, browser_path, enter
from tests.support.wait import until


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


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The whole application on a real server: pages have the headers that they have in production,
    which Django's own server for tests would not give them."""
    config = uvicorn.Config(
        "config.asgi:application", port=0, http=BoundedHttp, ws=BoundedWebSocket, lifespan="off",
        log_level="warning", proxy_headers=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, "the server", 20)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def address(site: str, transactional_db: None) -> str:
    Room.objects.create(name="lobby", title="Lobby", access="open")
    return site


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
    # Pages that are not ours name no icon, and a browser asks for this one.
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    yield page
    assert wrong == []


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def room(page: Page, address: str, server: Server) -> Page:
    enter(page, address, server)
    return page
