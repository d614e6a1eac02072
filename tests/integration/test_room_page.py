"""What people see and do in a room, in Chromium."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from bus.models import Room
from tests.integration.room_page import Server, browser_path, enter

pytestmark = pytest.mark.django_db(transaction=True)

SENDING = {"en": "Sending…", "ko": "보내는 중…"}


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


def write(page: Page, text: str) -> None:
    page.locator("textarea").fill(text)
    page.keyboard.press("Enter")


def bodies(page: Page) -> list[str]:
    return page.locator("bus-log .row .body").all_inner_texts()


def test_enter_sends_and_shift_enter_makes_a_line(room: Page, server: Server) -> None:
    room.locator("textarea").focus()
    room.keyboard.type("one")
    room.keyboard.press("Shift+Enter")
    room.keyboard.type("two")
    room.keyboard.press("Enter")
    room.keyboard.press("Enter")
    expect(room.locator(".row")).to_have_count(1)
    expect(room.locator(".row[data-seq='1'] .you")).to_have_text("You")
    expect(room.locator("textarea")).to_have_value("")
    assert [sent["body"] for sent in server.sent] == ["one\ntwo"]
    expect(room.locator(".online")).to_have_text("3 online")


@pytest.mark.parametrize("second_enter", [False, True])
@pytest.mark.parametrize("key_code", [13, 229])
def test_enter_inside_a_hangul_syllable(
    room: Page, server: Server, second_enter: bool, key_code: int
) -> None:
    cdp = room.context.new_cdp_session(room)
    room.locator("textarea").focus()
    cdp.send("Input.insertText", {"text": "안녕하세"})
    for text in ("ㅇ", "요"):
        cdp.send("Input.imeSetComposition", {"text": text, "selectionStart": 1, "selectionEnd": 1})
    enter_key = {"key": "Enter" if key_code == 13 else "Process", "code": "Enter"}
    press = {**enter_key, "windowsVirtualKeyCode": key_code}
    cdp.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **press})
    assert server.sent == []
    cdp.send("Input.insertText", {"text": "요"})  # the input method ends the syllable
    if second_enter:
        room.keyboard.press("Enter")
    cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", **press})
    expect(room.locator(".row[data-seq='1'] .body")).to_have_text("안녕하세요")
    room.wait_for_timeout(200)  # for a second one, which must not come
    assert [sent["body"] for sent in server.sent] == ["안녕하세요"]
    expect(room.locator("textarea")).to_have_value("")


def test_enter_that_picks_a_japanese_candidate_sends_nothing(room: Page, server: Server) -> None:
    cdp = room.context.new_cdp_session(room)
    room.locator("textarea").focus()
    cdp.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    press = {"key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
    cdp.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **press})
    cdp.send("Input.insertText", {"text": "日本"})
    cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", **press})
    room.wait_for_timeout(200)
    assert server.sent == []
    expect(room.locator("textarea")).to_have_value("日本")
    room.keyboard.press("Enter")
    expect(room.locator(".row .body")).to_have_text("日本")


def test_held_is_said_and_then_posted(room: Page, server: Server) -> None:
    server.judge = lambda command, data: (
        server.reply(command, status="accepted"),
        server.settle(data, "held"),
    )
    write(room, "buy at x.example")
    state = room.locator("[data-status=held] .state")
    expect(state).to_have_text("Held for review. Only you can see this")
    expect(room.locator("[role=status].sr-only")).to_have_text(re.compile("Held for review"))
    server.tell(server.message("in between"))
    server.tell(server.message("buy at x.example", client_id=server.sent[0]["client_id"]))
    expect(state).to_have_count(0)
    assert bodies(room) == ["in between", "buy at x.example"]


def test_rejected_says_why_and_can_be_mended(room: Page, server: Server) -> None:
    server.judge = lambda command, data: (
        server.reply(command, status="accepted"),
        server.settle(data, "rejected", reason={"code": "blocked_word", "message": "secret list"}),
    )
    write(room, "a bad word")
    state = room.locator("[data-status=rejected] .state")
    expect(state).to_contain_text("Not posted: it has a word that is not allowed here")
    expect(room.locator("[role=alert].sr-only")).to_contain_text("Not posted")
    server.judge = server.post
    room.get_by_role("button", name="Edit and resend").click()
    expect(room.locator("textarea")).to_have_value("a bad word")
    expect(room.locator("textarea")).to_be_focused()
    write(room, "a good word")
    expect(room.locator(".row[data-seq='1']")).to_be_visible()
    assert bodies(room) == ["a good word"]
    first, second = server.sent
    assert first["client_id"] != second["client_id"]


def test_dismissing_leaves_the_focus_in_the_composer(room: Page, server: Server) -> None:
    server.judge = lambda command, data: server.refuse(command, "muted")
    write(room, "hm")
    room.get_by_role("button", name="Dismiss").click()
    expect(room.locator(".row")).to_have_count(0)
    expect(room.locator("textarea")).to_be_focused()
    expect(room.get_by_text("Nothing here yet. Say hello!")).to_be_visible()


@pytest.mark.parametrize("code", ["slow_mode", "rate_limited"])
def test_a_limit_keeps_the_text_and_counts_down(room: Page, server: Server, code: str) -> None:
    server.judge = lambda command, data: server.refuse(command, code, retry_after=2)
    write(room, "too soon")
    expect(room.locator(".wait")).to_have_text("Next message in 2 s")
    expect(room.locator("textarea")).to_have_value("too soon")
    expect(room.locator(".row")).to_have_count(0)
    room.keyboard.press("Enter")
    assert len(server.sent) == 1
    server.judge = server.post
    expect(room.locator(".wait")).to_be_hidden()
    room.keyboard.press("Enter")
    expect(room.locator(".row .body")).to_have_text("too soon")


def test_words_for_sending_come_only_when_it_takes_long(room: Page, server: Server) -> None:
    server.judge = lambda command, data: server.reply(command, status="accepted")
    write(room, "slow")
    expect(room.locator("[data-status=sending]")).to_be_visible()
    expect(room.locator("[data-status=sending] .state")).not_to_be_visible()
    expect(room.locator("[data-status=sending] .state")).to_be_visible()
    expect(room.locator("[data-status=sending] .state")).to_have_text("Sending…")


def test_what_others_say_goes_above_what_is_on_its_way(room: Page, server: Server) -> None:
    server.judge = lambda command, data: server.reply(command, status="accepted")
    write(room, "mine")
    server.tell(server.message("theirs"))
    expect(room.locator(".row")).to_have_count(2)
    assert bodies(room) == ["theirs", "mine"]
    server.tell(server.message("mine", client_id=server.sent[0]["client_id"]))
    expect(room.locator("[data-status]")).to_have_count(0)
    assert bodies(room) == ["theirs", "mine"]


def test_no_answer_is_told_and_tried_again(page: Page, address: str, server: Server) -> None:
    page.clock.install()
    room = page
    enter(room, address, server)
    room.clock.run_for(100)
    server.judge = lambda command, data: None
    write(room, "anyone?")
    expect(room.locator("[data-status=sending]")).to_have_count(1)
    room.clock.run_for(5_100)
    room.clock.run_for(5_100)
    expect(room.locator("[data-status=failed] .state")).to_contain_text("Could not send")
    expect(room.locator("[role=alert].sr-only")).to_have_text("Could not send")
    server.judge = server.post
    room.get_by_role("button", name="Retry").click()
    expect(room.locator(".row[data-seq='1']")).to_be_visible()
    assert len({sent["client_id"] for sent in server.sent}) == 1


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
    server.missed = [server.message("missed")]
    server.down = False
    room.get_by_role("button", name="Try now").click()
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


def test_a_draft_survives_a_reload(room: Page) -> None:
    room.locator("textarea").fill("half a thought")
    room.reload()
    expect(room.locator("textarea")).to_have_value("half a thought")


def test_the_counter_counts_what_the_server_counts(room: Page, server: Server) -> None:
    counter = room.locator(".counter")
    expect(counter).to_be_hidden()
    room.locator("textarea").fill("😀" * 1990)
    expect(counter).to_have_text("10")
    room.locator("textarea").fill("가" * 2001)
    expect(counter).to_have_text("-1")
    expect(room.get_by_role("button", name="Send")).to_be_disabled()
    room.keyboard.press("Enter")
    assert server.sent == []


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
    scroller.evaluate("s => (s.scrollTop = 0)")
    page.wait_for_timeout(100)
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


def test_a_refused_room_says_so(page: Page, address: str, server: Server) -> None:
    server._join = lambda command: server.refuse(command, "banned")  # type: ignore[method-assign]
    page.route_web_socket("**/ws/", server.open)
    page.goto(f"{address}/chat/lobby/")
    expect(page.locator(".notice:visible")).to_have_text(
        "You cannot enter this room: you are banned from this room"
    )
    expect(page.locator("textarea")).to_be_disabled()


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
    for text in ("one", "two", "three"):
        write(page, text)
    expect(page.get_by_text(SENDING[language])).to_be_visible()
    page.locator("textarea").fill("가" * 1900)
    problems = []
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
