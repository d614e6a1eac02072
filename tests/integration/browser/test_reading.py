"""Reading a room: what others say, in Chromium."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.integration.browser.server import GUEST, Server, enter
from tests.support.wait import until

pytestmark = pytest.mark.django_db(transaction=True)


def test_text_is_text(room: Page, server: Server) -> None:
    server.tell(
        server.message(
            "<img src=x onerror=alert(1)> javascript:alert(1) **굵게**는 *em* `a **b**` "
            "(https://example.com/a_(b)?q=1&r=2), https://example.com에서 2*3*4 ftp://x.example"
        )
    )
    body = room.locator(".row .body")
    links = body.locator("a")
    assert links.evaluate_all("all => all.map(a => a.href)") == [
        "https://example.com/a_(b)?q=1&r=2",
        "https://example.com/",
    ]
    expect(links.first).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(body.locator("strong")).to_have_text("굵게")
    expect(body.locator("em")).to_have_text("em")
    expect(body.locator("code")).to_have_text("a **b**")
    expect(body.locator("img")).to_have_count(0)
    expect(body).to_contain_text("<img src=x onerror=alert(1)>")


def reads(element: Locator) -> str:
    """The letters of an element in the order in which a screen has them."""
    return str(
        element.evaluate(
            """element => {
              const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
              const letters = [];
              for (let node; (node = walker.nextNode()); ) {
                for (let at = 0; at < node.length; at++) {
                  const range = document.createRange();
                  range.setStart(node, at);
                  range.setEnd(node, at + 1);
                  const { left, width } = range.getBoundingClientRect();
                  if (width) letters.push([left, node.data[at]]);
                }
              }
              return letters.sort((a, b) => a[0] - b[0]).map(([, letter]) => letter).join("");
            }"""
        )
    )


@pytest.mark.parametrize(
    "turn", ["\u202e", "\u202b", "\u2067\u202e", "\u2069\u202e", "\u202c\u2069\u202e"]
)
def test_what_a_message_turns_ends_with_it(room: Page, server: Server, turn: str) -> None:
    # As an earlier release stored it: later ones balance what they take.
    server.tell(server.message(f"{turn}hostile", edited=True))
    server.tell(server.message("plain"))
    rows = room.locator(".row")
    expect(rows.locator(".body")).to_have_text([f"{turn}hostile", "plain"])
    assert reads(rows.nth(0).locator(".edited")) == "edited"
    name = rows.nth(1).locator(".name").text_content()
    assert reads(rows.nth(1).locator(".body")) == "plain"
    assert reads(rows.nth(0).locator(".name")) == name


def test_edits_and_removals_show(room: Page, server: Server) -> None:
    first = server.message("tpyo")
    server.tell(first)
    server.tell(server.message("gone"))
    edited = {**first, "body": "typo", "edited": True, "changed": 3}
    server.say({"type": "message.edited", "room": "lobby", "seq": 3, "data": edited})
    gone = {"id": "2", "by": "moderator", "reason": "spam"}
    server.say({"type": "message.removed", "room": "lobby", "seq": 4, "data": gone})
    expect(room.locator(".row .body")).to_have_text(["typo", "Message removed"])
    expect(room.locator(".edited")).to_have_text("edited")


def test_announcements_show(room: Page, server: Server) -> None:
    told = {"name": "announcement", "payload": {"body": "Maintenance at **noon**"}}
    told |= {"source": "operations", "id": "1-0"}
    server.say({"type": "event.published", "room": "lobby", "data": told})
    row = room.locator(".row.announcement")
    expect(row.locator(".name")).to_have_text("operations")
    expect(row.locator(".body")).to_have_text("Maintenance at noon")


def test_reading_older_lines_is_not_disturbed(page: Page, address: str, server: Server) -> None:
    server.older = [server.message(f"line {n}") for n in range(1, 161)]
    newest, server.missed = server.older[110:], server.older[110:]
    enter(page, address, server)
    expect(page.locator(".row")).to_have_count(len(newest))
    scroller = page.locator(".scroll")
    at_bottom = (
        "() => (s => Math.abs(s.scrollHeight - s.scrollTop - s.clientHeight) < 2)"
        "(document.querySelector('.scroll'))"
    )
    page.wait_for_function(at_bottom)
    server.tell(server.message("one more"))
    expect(page.locator(".row")).to_have_count(len(newest) + 1)
    page.wait_for_function(at_bottom)

    page.locator(".older").evaluate("button => (button.hidden = false)")
    # Until the page, which listened before, has heard of it.
    scroller.evaluate(
        "s => new Promise(heard => {"
        " s.addEventListener('scroll', heard, {once: true}); s.scrollTop = 0; })"
    )
    top = page.locator(".row", has_text="line 111")
    before = top.bounding_box()
    page.locator(".older").click()
    expect(page.locator(".row")).to_have_count(len(newest) + 51)
    after = top.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) < 60  # the day's line may go
    server.tell(server.message("meanwhile"))
    pill = page.locator(".pill")
    expect(pill).to_have_text("↓ 1 new message")
    expect(page.locator("li.new")).to_have_count(1)
    server.tell(server.message("and more"))
    expect(pill).to_have_text("↓ 2 new messages")
    assert page.title().startswith("(2) ")
    pill.click()
    expect(pill).to_be_hidden()
    page.wait_for_function(at_bottom)
    assert not page.title().startswith("(")


def test_who_is_typing_is_shown_without_oneself(room: Page, server: Server) -> None:
    line = room.locator("bus-typing")

    def typing(*people: dict[str, Any]) -> None:
        data = {"members": list(people)}
        server.say({"type": "typing.changed", "room": "lobby", "data": data})

    typing(GUEST, {"id": 8, "name": "sora"})
    expect(line).to_have_text("sora is typing…")
    typing({"id": 8, "name": "sora"}, {"id": 9, "name": "kim"})
    expect(line).to_have_text("sora and kim are typing…")
    typing(*({"id": n, "name": str(n)} for n in range(3)))
    expect(line).to_have_text("Several people are typing…")
    typing(GUEST)
    expect(line).to_have_text("")


def test_the_line_stands_before_the_first_unread(page: Page, address: str, server: Server) -> None:
    server.missed = [server.message(f"line {n}") for n in range(60)]
    server.read = 20
    enter(page, address, server)
    expect(page.locator(".row")).to_have_count(60)
    line = page.locator(".new")
    expect(line).to_be_in_viewport()
    assert line.evaluate("line => line.nextElementSibling.dataset.seq") == "21"
    expect(page.locator(".pill")).to_have_text("↓ 40 new messages")
    assert server.asked("read.mark") == []
    page.locator(".pill").click()
    expect(page.locator(".pill")).to_be_hidden()
    until_read(page, server, 60)
    server.tell(server.message("and one more"))
    until_read(page, server, 61)


def until_read(page: Page, server: Server, seq: int) -> None:
    """Wait until the server knows that the room is read up to there."""

    def is_read() -> bool:
        page.evaluate("0")  # lets Playwright hand on what the page sent
        return server.asked("read.mark")[-1:] == [{"room": "lobby", "seq": seq}]

    until(is_read, f"read.mark {seq}")


def test_who_is_called_otherwise_now_is_so_on_every_row(room: Page, server: Server) -> None:
    for author in ({"id": 8, "name": "sora"}, {"id": 9, "name": "mina"}, {"id": 8, "name": "sora"}):
        server.tell(server.message("hello", author))
    names = room.locator(".row .name")
    expect(names).to_have_text(["sora", "mina", "sora"])
    renamed = {"id": 8, "name": "wilma"}
    server.say({"type": "user.changed", "room": "lobby", "data": renamed})
    expect(names).to_have_text(["wilma", "mina", "wilma"])
    expect(room.locator(".row .avatar").first).to_have_text("W")
