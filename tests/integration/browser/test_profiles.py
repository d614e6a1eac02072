"""Pictures of users and links to their pages, drawn by the server and by the page, in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Locator, Page, expect

from bus.chat import user_adapter
from bus.conf import conf
from bus.models import Room
from bus.protocol.objects import Author
from tests.integration.browser.people import PICTURES
from tests.integration.browser.server import Server, enter
from tests.support.factories import posted

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
Drawn = Callable[[Page, str], Locator]


@pytest.fixture
def drawn(address: str, server: Server, settings: Any) -> Drawn:
    """Opens the room; two rows of somebody: the server draws the first, the page the other."""
    settings.BUS_USER_ADAPTER = "tests.integration.browser.people.Adapter"

    def draw(page: Page, username: str) -> Locator:
        user = User.objects.create_user(username)
        posted(Room.objects.get(), "hello", Author(id=user.pk, name=username))
        server.head = Room.objects.get().head
        enter(page, address, server)
        # In a row between, so that the name is shown again.
        server.tell(server.message("and you?", {"id": 0, "name": "else"}, id="8001"))
        author = user_adapter.profile_of(user).author(user.pk)
        server.tell(server.message("again", author.model_dump(mode="json"), id="8002"))
        rows = page.locator(f'.row[data-author="{user.pk}"]')
        expect(rows.locator(".body")).to_have_text(["hello", "again"])
        return rows

    return draw


@pytest.fixture
def tolerant(context: BrowserContext) -> Page:
    """A page that may say that something was refused or is not there."""
    return context.new_page()


def loaded(pictures: Locator) -> list[bool]:
    """Which of them show something, once each has come or failed."""
    return list(
        pictures.evaluate_all(
            """all => Promise.all(all.map(one => one.decode().then(() => true, () => false)))"""
        )
    )


def test_a_user_has_a_picture_and_a_link_whoever_draws_them(page: Page, drawn: Drawn) -> None:
    rows = drawn(page, "mina")
    assert loaded(rows.locator(".avatar img")) == [True, True]
    for part in (".avatar", ".profile"):
        server_drawn, page_drawn = rows.locator(part).evaluate_all(
            "all => all.map(a => a.outerHTML)"
        )
        assert page_drawn == server_drawn
    for n in range(2):
        expect(rows.nth(n).locator(".by a")).to_have_attribute("href", "/people/mina/")
        expect(rows.nth(n).locator(".by a")).to_have_text("mina")


def test_elsewhere_is_the_name_alone_and_a_change_reaches_every_row(
    page: Page, drawn: Drawn, server: Server
) -> None:
    rows = drawn(page, "mina")
    id_ = int(rows.first.get_attribute("data-author") or 0)
    person = {"id": id_, "name": "mina", "avatar_url": "/static/bus/icon.svg"}
    server.say({"type": "typing.changed", "room": "lobby", "data": {"members": [person]}})
    expect(page.locator("bus-typing")).to_have_text("mina is typing…")
    assert page.locator("bus-typing *").count() == 0
    assert page.locator("bus-room img").count() == page.locator(".row .avatar img").count() == 2
    assert page.locator("bus-room a.profile").count() == page.locator(".row .by a").count() == 2
    changed = {"id": id_, "name": "Mina", "profile_url": "/people/Mina/"}
    server.say({"type": "user.changed", "room": "lobby", "data": changed})
    expect(rows.locator(".name")).to_have_text(["Mina", "Mina"])
    expect(rows.locator(".avatar")).to_have_text(["M", "M"])
    expect(rows.locator(".avatar img")).to_have_count(0)
    links = rows.locator(".by a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert links == ["/people/Mina/"] * 2


def test_what_would_run_is_neither_link_nor_picture(
    page: Page, drawn: Drawn, server: Server
) -> None:
    rows = drawn(page, "mallory")
    # Even if a server let it through.
    hostile = "javascript:document.title='taken'"
    for number, url in enumerate((hostile, f" {hostile}", "JavaScript:x", "data:text/html,x")):
        author = {"id": f"h{number}", "name": "<b>h", "avatar_url": url, "profile_url": url}
        server.tell(server.message("hostile", author, id=f"900{number}"))
    expect(page.locator(".row .body", has_text="hostile")).to_have_count(4)
    assert page.locator(".row img, .row .by a").count() == 0
    expect(rows.locator(".avatar")).to_have_text(["M", "M"])
    title = page.title()
    for name in page.locator(".row .name").all():
        name.click()
    assert page.title() == title
    expect(page.locator(".row .name").last).to_have_text("<b>h")


@pytest.mark.parametrize("username", ["sora", "jun"], ids=["forbidden", "gone"])
def test_a_picture_that_does_not_come_leaves_the_letter(
    tolerant: Page, drawn: Drawn, username: str
) -> None:
    asked: list[str] = []
    tolerant.route(f"{PICTURES}/**", lambda route: asked.append(route.request.url))
    rows = drawn(tolerant, username)
    letter = username[0].upper()
    expect(rows.locator(".avatar")).to_have_text([letter, letter])
    expect(rows.locator(".avatar img")).to_have_count(0)
    # Of a host that the policy does not name nothing is asked.
    assert asked == []


def test_a_host_that_the_policy_names_shows_its_pictures(
    page: Page, drawn: Drawn, settings: Any
) -> None:
    settings.BUS_CONTENT_SECURITY_POLICY = (
        f"{conf.content_security_policy}; img-src 'self' {PICTURES}"
    )
    page.route(
        f"{PICTURES}/**",
        lambda route: route.fulfill(body=SVG, content_type="image/svg+xml"),
    )
    rows = drawn(page, "sora")
    assert loaded(rows.locator(".avatar img")) == [True, True]
    links = rows.locator(".by a").evaluate_all("all => all.map(a => a.href)")
    assert links == ["https://people.invalid/sora"] * 2
