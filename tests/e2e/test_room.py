"""What people do with messages in two real browsers, through the real processes."""

from __future__ import annotations

from playwright.sync_api import Browser, Locator, Page, expect

from tests.integration.browser.server import write
from tests.support.site import Client, Site
from tests.support.wait import until


def sign_in(browser: Browser, site: Site, name: str) -> Page:
    """Somebody in the room `launch`."""
    page = browser.new_context().new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{site.http}/accounts/login/?next=/chat/launch/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(site.logins[name])
    page.keyboard.press("Enter")
    expect(page.locator(".online")).to_be_visible()
    return page


def row(page: Page, text: str) -> Locator:
    """The line with this text."""
    return page.locator("ol li.row").filter(has_text=text)


def do(line: Locator, *buttons: str) -> None:
    """Open a line's actions and press these."""
    line.get_by_role("button", name="More about").click()
    for button in buttons:
        line.locator(".acts").get_by_role("button", name=button).click()


def test_change_report_delete_and_withdraw(site: Site, browser: Browser) -> None:
    demo, mod = sign_in(browser, site, "demo"), sign_in(browser, site, "mod")
    demo.locator("textarea").press_sequentially("helo")
    expect(mod.locator("bus-typing")).to_have_text("demo is typing…")
    demo.keyboard.press("Enter")
    expect(mod.locator("bus-typing")).to_have_text("")

    line = row(demo, "helo")
    do(line, "Edit")
    line.get_by_label("Change the message").fill("hello")
    demo.keyboard.press("Enter")
    for page in (demo, mod):
        expect(row(page, "hello").locator(".edited")).to_be_visible()
        expect(row(page, "helo").filter(has_not_text="hello")).to_have_count(0)

    do(row(mod, "hello"), "Report", "Spam")
    expect(mod.locator("[role=status].sr-only")).to_have_text("Reported. Thank you.")
    do(row(mod, "hello"), "Delete", "Delete")
    expect(row(demo, "Removed by a moderator")).to_have_count(1)
    expect(row(mod, "Message removed")).to_have_count(1)

    write(demo, "see https://docs.example/page")
    held = demo.locator("[data-status=held]")
    expect(held).to_have_count(1)
    demo.reload()
    expect(held).to_contain_text("docs.example")
    held.get_by_role("button", name="Withdraw").click()
    expect(held).to_have_count(0)
    demo.reload()
    expect(demo.locator(".online")).to_be_visible()
    expect(row(demo, "docs.example")).to_have_count(0)


def test_what_came_meanwhile_stands_under_a_line(site: Site, browser: Browser) -> None:
    demo, mod = sign_in(browser, site, "demo"), sign_in(browser, site, "mod")
    write(mod, "seen")
    seq = int(row(demo, "seen").get_attribute("data-seq") or 0)
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in demo.context.cookies())
    same = Client(site, cookies)
    asked = {"room": "launch", "since": seq}
    until(lambda: same.ask("room.join", **asked)["data"]["read"] == seq, "it is marked as read")
    demo.goto("about:blank")
    write(mod, "unseen")
    expect(mod.locator(f".row[data-seq='{seq + 1}']")).to_be_visible()
    demo.goto(f"{site.http}/chat/launch/")
    line = demo.locator("li.new")
    expect(line).to_be_visible()
    assert line.evaluate("line => line.nextElementSibling.innerText").endswith("unseen\n⋯")
