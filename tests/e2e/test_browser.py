"""Two people in two real browsers, through the real web, worker, broker and database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    LocatorAssertions,
    Page,
    expect,
)

from tests.support.site import Site


@pytest.fixture
def people(browser: Browser) -> Iterator[tuple[BrowserContext, BrowserContext]]:
    """Two people, each with cookies of their own."""
    contexts = browser.new_context(), browser.new_context()
    yield contexts
    for context in contexts:
        context.close()


def visit(person: BrowserContext, site: Site, room: str) -> Page:
    """Open a room and wait until its page is connected."""
    page = person.new_page()
    page.goto(f"{site.http}/chat/{room}/")
    expect(page.locator(".online")).to_be_visible()
    return page


def write(page: Page, text: str) -> None:
    """Write in the room, as a person at a keyboard."""
    page.get_by_role("textbox", name="Message").fill(text)
    page.keyboard.press("Enter")


def row(page: Page, text: str) -> LocatorAssertions:
    """What is expected of the lines with this text."""
    return expect(page.locator("ol li").filter(has_text=text))


def test_two_people_chat_and_a_bad_word_is_shown_to_its_sender_alone(
    site: Site, people: tuple[BrowserContext, BrowserContext]
) -> None:
    mina, sora = (visit(person, site, "lobby") for person in people)
    expect(mina.locator(".online")).to_contain_text("2")
    write(mina, "hello from Mina")
    row(sora, "hello from Mina").to_have_count(1)
    row(mina, "hello from Mina").to_have_count(1)
    write(sora, "안녕하세요")
    row(mina, "안녕하세요").to_have_count(1)

    write(mina, "oh shit")
    refused = mina.locator("ol li[data-status=rejected]")
    expect(refused).to_contain_text("oh shit")
    expect(refused).to_contain_text("Not posted")
    write(mina, "oh well")
    row(sora, "oh well").to_have_count(1)
    row(sora, "shit").to_have_count(0)

    # Both find the history again, and the refused words are nobody's.
    for page in (mina, sora):
        page.reload()
        for text in ("hello from Mina", "안녕하세요", "oh well"):
            row(page, text).to_have_count(1)
        row(page, "shit").to_have_count(0)


def test_a_held_link_waits_for_a_moderator(
    site: Site, people: tuple[BrowserContext, BrowserContext]
) -> None:
    demo, moderator = people
    for person, name in ((demo, "demo"), (moderator, "mod")):
        page = person.new_page()
        page.goto(f"{site.http}/accounts/login/?next=/chat/launch/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(site.logins[name])
        page.keyboard.press("Enter")
        expect(page.locator(".online")).to_be_visible()
    demo_page, watching = demo.pages[0], moderator.pages[0]
    write(demo_page, "see https://docs.example/page")
    held = demo_page.locator("ol li[data-status=held]")
    expect(held).to_contain_text("Held for review. Only you can see this")
    row(watching, "docs.example").to_have_count(0)

    admin = moderator.new_page()
    admin.goto(f"{site.http}/admin/bus/review/")
    admin.locator(".action-select").first.check()
    admin.locator("select[name=action]").select_option("approve")
    admin.get_by_role("button", name="Go").click()
    row(watching, "docs.example").to_have_count(1)
    expect(held).to_have_count(0)
    row(demo_page, "docs.example").to_have_count(1)


def test_a_page_waits_for_a_web_process_that_comes_back(
    site: Site, people: tuple[BrowserContext, BrowserContext]
) -> None:
    page = visit(people[0], site, "restart")
    write(page, "before")
    row(page, "before").to_have_count(1)
    # It stands: it must not wait beside the other.
    expect(page.locator("ol li[data-status]")).to_have_count(0)
    site.kill(site.web)
    write(page, "while it was away")
    expect(page.locator("ol li[data-status=queued]")).to_contain_text("while it was away")
    site.web = site.start_web()
    row(page, "while it was away").to_have_count(1)
    expect(page.locator("ol li[data-status]:not([data-status=posted])")).to_have_count(0)
    page.reload()
    row(page, "while it was away").to_have_count(1)
