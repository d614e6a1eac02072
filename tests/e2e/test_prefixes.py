"""A project under `/live`, whichever way that is said: people chat there in a browser."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from tests.integration.browser.server import browser_path
from tests.support import prefix_proxies as proxies
from tests.support.host_project import HostProject, HostUp
from tests.support.manage_up import free_port
from tests.support.prefix_proxies import PREFIX
from tests.support.wait import until

SETTINGS = """
import os
ALLOWED_HOSTS = ["127.0.0.1"]
FORCE_SCRIPT_NAME = os.environ.get("FORCE_SCRIPT_NAME")
STATIC_URL = os.environ.get("STATIC_URL", STATIC_URL)
STATIC_ROOT = BASE_DIR / "collected"
BUS_OPEN_ROOMS = True
BUS_BASE_TEMPLATE = os.environ.get("BASE", "bus/base.html")
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
# Without an admin, which asks for context processors, either.
TEMPLATES[0]["OPTIONS"]["context_processors"] = []
INSTALLED_APPS.remove("django.contrib.admin")
BUS_TRUSTED_PROXIES = os.environ.get("PROXIES", "").split()
MIDDLEWARE.insert(2, "django.middleware.locale.LocaleMiddleware")
from config.security import content_policy
BUS_CONTENT_SECURITY_POLICY = content_policy(STATIC_URL, "")
"""
URLS = """
from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path
urlpatterns = i18n_patterns(path("talk/", include("bus.urls")), prefix_default_language=False)
"""
# A site whose words for classes and colours are ours, too.
BASE = """<!doctype html>
<html><head><title>{% block title %}{% endblock %} - Mine</title>
<link rel="icon" href="data:,">
{% block head %}{% endblock %}</head>
<body><header class="row page"><button class="more quiet">Mine</button><a href="/">Home</a></header>
{% block content %}{% endblock %}</body></html>
"""
LOOKS = """() => ["header", "header button", "header a", "body"].map((each) => {
  const { color, backgroundColor, padding, display, margin, font } =
    getComputedStyle(document.querySelector(each));
  return [color, backgroundColor, padding, display, margin, font];
})"""
NAMED = {"PROXIES": "127.0.0.1"}
Proxy = Callable[[Path, int], AbstractContextManager[str]]
# How the prefix is said: the web process' environment, and the proxy in front of it.
WAYS: dict[str, tuple[dict[str, str], Proxy]] = {
    "FORCE_SCRIPT_NAME, kept": (
        {"FORCE_SCRIPT_NAME": PREFIX},
        lambda directory, port: proxies.nginx(directory, port, keeps=True),
    ),
    "FORCE_SCRIPT_NAME, taken off": (
        {"FORCE_SCRIPT_NAME": PREFIX},
        lambda directory, port: proxies.nginx(directory, port, keeps=False),
    ),
    "--root-path": (
        {"UVICORN_ROOT_PATH": PREFIX},
        lambda directory, port: proxies.nginx(directory, port, keeps=False),
    ),
    "X-Script-Name, kept": (
        NAMED,
        lambda directory, port: proxies.nginx(directory, port, keeps=True, script_name=PREFIX),
    ),
    "X-Script-Name, taken off": (
        NAMED,
        lambda directory, port: proxies.caddy(directory, port, script_name=PREFIX),
    ),
}


class Host(HostProject):
    """A stranger's project under a prefix, in two languages; `up` has its broker and worker."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.add("mysite/settings.py", SETTINGS)
        self.write("mysite/urls.py", URLS)
        self.write("templates/mine.html", BASE)

    @contextmanager
    def web(self, **environ: str) -> Iterator[int]:
        """The port of another web process."""
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", "mysite.asgi:application", "--port", str(port)]
        log = self.directory / f"web-{port}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*command, "--no-proxy-headers"],
                cwd=self.directory,
                env={**self.environment, **environ},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            until(lambda: "Uvicorn running on" in log.read_text(), "a web process", 60)
            yield port
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    browser_path()
    with tempfile.TemporaryDirectory(prefix="host-", ignore_cleanup_errors=True) as path:
        found = Host(Path(path) / "site")
        with found.up() as running:
            _ready(running)
            yield found


def _ready(running: HostUp) -> None:
    until(lambda: running.get("/talk/readyz") == 200, f"ready:\n{running.text()}", 45)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        yield found
        found.close()


class Visit:
    """A guest's page, with all that it asked for."""

    def __init__(self, browser: Browser, language: str = "en") -> None:
        self.context = browser.new_context(locale=language)
        self.page: Page = self.context.new_page()
        self.answers: list[Response] = []
        self.sockets: list[str] = []
        self.complaints: list[str] = []
        self.page.on("response", lambda answer: self.answers.append(answer))
        self.page.on("websocket", lambda socket: self.sockets.append(socket.url))
        self.page.on("console", lambda line: self.complaints.append(line.text))

    def say(self, text: str) -> None:
        """Write in the room, once it is joined, and see it posted."""
        expect(self.page.locator(".online")).to_be_visible()
        self.page.locator("textarea").fill(text)
        self.page.locator("button.send").click()
        row = self.page.locator(".row[data-seq]", has_text=text)
        expect(row).to_be_visible()

    def paths(self) -> set[str]:
        """Where it went on the site."""
        return {urlsplit(answer.url).path for answer in self.answers}


@pytest.mark.parametrize("way", WAYS)
def test_people_chat_under_a_prefix(host: Host, browser: Browser, tmp_path: Path, way: str) -> None:
    environ, proxy = WAYS[way]
    with host.web(**environ) as port, proxy(tmp_path / "proxy", port) as address:
        visit = Visit(browser)
        visit.page.goto(f"{address}{PREFIX}/talk/chat/")
        visit.page.locator("input[name=name]").fill("plaza")
        visit.page.get_by_role("button", name="Enter", exact=True).click()
        visit.say(f"hello by {way}")
        visit.page.reload()
        expect(visit.page.get_by_text(f"hello by {way}")).to_be_visible()
        visit.page.get_by_role("link", name="Bus").click()
        expect(visit.page.get_by_role("heading", name="Rooms")).to_be_visible()
        assert visit.complaints == []
        assert all(answer.status < 400 for answer in visit.answers)
        assert all(path.startswith(f"{PREFIX}/") for path in visit.paths())
        assert {urlsplit(url).path for url in visit.sockets} == {f"{PREFIX}/talk/ws/"}
        cookies = {cookie["name"]: cookie["path"] for cookie in visit.context.cookies()}
        assert cookies["bus_guest"] == PREFIX
        visit.context.close()


def test_the_prefix_of_a_language_is_kept(host: Host, browser: Browser, tmp_path: Path) -> None:
    environ, proxy = WAYS["--root-path"]
    with host.web(**environ) as port, proxy(tmp_path / "proxy", port) as address:
        visit = Visit(browser, "ko")
        visit.page.goto(f"{address}{PREFIX}/ko/talk/chat/plaza/")
        visit.say("안녕하세요")
        assert visit.page.locator("button.send").inner_text() == "보내기"
        assert {urlsplit(url).path for url in visit.sockets} == {f"{PREFIX}/ko/talk/ws/"}
        guest = visit.page.locator("bus-room").get_attribute("data-me")
        visit.page.goto(f"{address}{PREFIX}/talk/chat/plaza/")
        # The same guest in any language.
        assert visit.page.locator("bus-room").get_attribute("data-me") == guest
        visit.context.close()


def test_files_may_come_from_another_host(host: Host, browser: Browser, tmp_path: Path) -> None:
    host.manage("collectstatic", "--no-input")
    environ, proxy = WAYS["X-Script-Name, kept"]
    with (
        proxies.static_host(tmp_path / "static", host.directory / "collected") as files,
        host.web(**environ, STATIC_URL=files) as port,
        proxy(tmp_path / "proxy", port) as address,
    ):
        visit = Visit(browser)
        visit.page.goto(f"{address}{PREFIX}/talk/chat/plaza/")
        visit.say("from afar")
        assert visit.complaints == []
        elsewhere = {answer.url for answer in visit.answers if answer.url.startswith(files)}
        assert {f"{files}bus/room/room.js", f"{files}bus/client.js", f"{files}bus/page.css"} <= (
            elsewhere
        )
        rest = {answer.url for answer in visit.answers} - elsewhere
        assert {urlsplit(url).path for url in rest} == {f"{PREFIX}/talk/chat/plaza/"}
        policy = visit.answers[0].headers["content-security-policy"]
        assert f"script-src 'self' {files.removesuffix('/files/')};" in policy
        visit.context.close()


def test_a_strangers_word_of_a_prefix_does_nothing(host: Host, tmp_path: Path) -> None:
    with (
        host.web() as port,
        proxies.nginx(tmp_path / "proxy", port, keeps=False, script_name="/evil") as address,
        urlopen(f"{address}{PREFIX}/talk/chat/", timeout=20) as answer,
    ):
        page = answer.read().decode()
    assert 'href="/talk/chat/"' in page
    assert "/evil" not in page


def test_a_base_of_the_projects_own_looks_as_before_and_has_the_whole_room(
    host: Host, browser: Browser
) -> None:
    with host.web(BASE="mine.html", BUS_CONTENT_SECURITY_POLICY="") as port:
        address = f"http://127.0.0.1:{port}"
        visit = Visit(browser)
        visit.page.set_content(BASE.replace("{%", "<!--").replace("%}", "-->"))
        before = visit.page.evaluate(LOOKS)
        for path, title in (
            ("chat/", "Rooms"),
            ("chat/mine/", "# mine"),
            ("chat/a b/", "Not found"),
        ):
            visit.page.goto(f"{address}/talk/{path}")
            assert visit.page.title() == f"{title} - Mine"
            assert visit.page.evaluate(LOOKS) == before
        visit.page.goto(f"{address}/talk/chat/mine/")
        visit.say("in a frame")
        send = visit.page.locator("button.send")
        expect(send).to_be_in_viewport()
        # The page's own colours, which are not the browser's.
        assert send.evaluate("each => getComputedStyle(each).backgroundColor") != before[1][1]
        assert visit.page.locator("bus-room").bounding_box()["height"] > 400  # type: ignore[index]
        visit.context.close()
