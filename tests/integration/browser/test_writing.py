"""Writing in a room: what the sender sees, in Chromium."""

from __future__ import annotations

import re
import time
import unicodedata
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.integration.browser.server import GUEST, Server, bodies, enter, write

pytestmark = pytest.mark.django_db(transaction=True)


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
    expect(state.locator("span")).to_have_text("Held for review. Only you can see this")
    expect(room.locator("[role=status].sr-only")).to_have_text(re.compile("Held for review"))
    server.tell(server.message("in between"))
    server.tell(server.message("buy at x.example", GUEST, client_id=server.sent[0]["client_id"]))
    expect(state).to_have_count(0)
    assert bodies(room) == ["in between", "buy at x.example"]


def test_a_held_message_can_be_withdrawn(room: Page, server: Server) -> None:
    server.judge = lambda command, data: server.reply(command, status="held", id="h7")
    write(room, "buy at x.example")
    room.get_by_role("button", name="Withdraw").click()
    expect(room.locator(".row")).to_have_count(0)
    expect(room.locator("textarea")).to_be_focused()
    assert server.asked("message.delete") == [{"room": "lobby", "id": "h7"}]


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


def test_a_clock_that_is_set_back_keeps_nobody_from_writing(room: Page, server: Server) -> None:
    server.judge = lambda command, data: server.refuse(command, "slow_mode", retry_after=2)
    write(room, "too soon")
    expect(room.locator(".wait")).to_have_text("Next message in 2 s")
    room.evaluate("() => { const now = Date.now; Date.now = () => now() - 3_600_000; }")
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
    server.tell(server.message("mine", GUEST, client_id=server.sent[0]["client_id"]))
    expect(room.locator("[data-status]")).to_have_count(0)
    assert bodies(room) == ["theirs", "mine"]


def test_another_may_not_take_the_place_of_what_is_on_its_way(room: Page, server: Server) -> None:
    server.judge = lambda command, data: server.reply(command, status="accepted")
    write(room, "mine")
    expect(room.locator("[data-status=sending]")).to_have_count(1)
    copied = server.sent[0]["client_id"]
    server.tell(server.message("not mine", client_id=copied))
    expect(room.locator(".row:not(.own) .body")).to_have_text("not mine")
    expect(room.locator(".row.own .body")).to_have_text("mine")
    server.tell(server.message("mine", GUEST, client_id=copied))
    expect(room.locator("[data-status]")).to_have_count(0)
    assert bodies(room) == ["not mine", "mine"]


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


def test_a_draft_survives_a_reload(room: Page) -> None:
    room.locator("textarea").fill("half a thought")
    room.reload()
    expect(room.locator("textarea")).to_have_value("half a thought")


def test_what_is_not_settled_survives_a_reload(room: Page, server: Server) -> None:
    outcomes = {"refused for good": "held", "unanswered": None}

    def judge(command: dict[str, Any], data: dict[str, Any]) -> None:
        server.reply(command, status=outcomes[data["body"]] or "accepted", id="h7")

    server.judge = judge
    for text in outcomes:
        write(room, text)
    expect(room.locator("[data-status=held]")).to_have_count(1)
    expect(room.locator("[data-status=sending]")).to_have_count(1)
    room.reload()
    expect(room.locator("[data-status=held] .body")).to_have_text("refused for good")
    expect(room.locator("[data-status=sending] .body")).to_have_text("unanswered")
    server.settle(server.sent[1], "posted", id="1", seq=1)
    server.tell(server.message("unanswered", GUEST, client_id=server.sent[1]["client_id"]))
    expect(room.locator(".row[data-seq='1'] .body")).to_have_text("unanswered")
    assert len({sent["client_id"] for sent in server.sent}) == 2
    assert sorted(bodies(room)) == ["refused for good", "unanswered"]


def test_a_second_tab_does_not_show_what_the_first_has_to_send(
    room: Page, context: BrowserContext, address: str, server: Server
) -> None:
    server.judge = lambda command, data: server.reply(command, status="held", id="h7")
    write(room, "mine")
    expect(room.locator("[data-status=held]")).to_have_count(1)
    second = context.new_page()
    enter(second, address, server)
    expect(second.locator(".row")).to_have_count(0)
    room.close()
    expect(second.locator("[data-status=held] .body")).to_have_text("mine")


def test_typing_is_told_now_and_then(room: Page, server: Server) -> None:
    room.locator("textarea").press_sequentially("hello there")
    expect(room.locator("textarea")).to_have_value("hello there")
    assert server.asked("typing.start") == [{"room": "lobby"}]


def test_who_is_muted_reads_and_keeps_the_draft(room: Page, server: Server) -> None:
    room.locator("textarea").fill("half a thought")
    muted = {"role": "member", "muted_until": "2099-01-01T00:00:00.000Z"}
    server.say({"type": "member.changed", "room": "lobby", "data": muted})
    expect(room.locator(".notice:visible")).to_contain_text("You are muted in this room")
    expect(room.locator("textarea")).to_be_disabled()
    server.say({"type": "member.changed", "room": "lobby", "data": {**muted, "muted_until": None}})
    expect(room.locator(".notice:visible")).to_have_count(0)
    expect(room.locator("textarea")).to_have_value("half a thought")


def test_a_mute_ends_though_the_clock_of_this_machine_is_set_back(
    room: Page, server: Server
) -> None:
    soon = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 4))
    you = {"role": "member", "muted_until": soon}
    server.say({"type": "member.changed", "room": "lobby", "data": you})
    expect(room.locator("textarea")).to_be_disabled()
    room.evaluate("() => { const now = Date.now; Date.now = () => now() - 3_600_000; }")
    expect(room.locator("textarea")).to_be_enabled()


def test_a_newcomer_sees_how_long_to_wait_and_then_writes(room: Page, server: Server) -> None:
    facts = {"name": "lobby", "title": "Lobby", "topic": "", "access": "open"}
    facts |= {"moderation": "standard", "slow_mode": 0, "newcomer_wait": 40}
    server.say({"type": "room.changed", "room": "lobby", "data": facts})
    expect(room.locator(".newcomers")).to_have_text("newcomers wait 40 s")
    since = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 3600))
    you = {"role": "guest", "muted_until": None, "writes_from": since}
    server.say({"type": "member.changed", "room": "lobby", "data": you})
    # No longer than the room asks for, whatever the clock of this machine says.
    expect(room.locator(".wait")).to_have_text(
        re.compile(r"Newcomers wait a little here: you can write in (40|39|38) s")
    )
    room.locator("textarea").fill("hello")
    expect(room.get_by_role("button", name="Send")).to_be_disabled()
    room.keyboard.press("Enter")
    assert server.sent == []
    server.say({"type": "room.changed", "room": "lobby", "data": {**facts, "newcomer_wait": 0}})
    expect(room.locator(".wait")).to_be_hidden()
    room.keyboard.press("Enter")
    expect(room.locator("textarea")).to_have_value("")
    assert [sent["body"] for sent in server.sent] == ["hello"]


def test_the_counter_counts_what_the_server_counts(room: Page, server: Server) -> None:
    counter = room.locator(".counter")
    expect(counter).to_be_hidden()
    room.locator("textarea").fill("😀" * 1990)
    expect(counter).to_have_text("10")
    for one in ("각", "👨‍👩‍👧‍👦", "🇰🇷", "e\u0301"):
        room.locator("textarea").fill(unicodedata.normalize("NFD", one) * 1990)
        expect(counter).to_have_text("10")
    # What is piled up on one letter counts.
    room.locator("textarea").fill("가" * 1990 + "\u0301" * 20)
    expect(counter).to_have_text("5")
    room.locator("textarea").fill("가" * 2001)
    expect(counter).to_have_text("-1")
    expect(room.get_by_role("button", name="Send")).to_be_disabled()
    room.keyboard.press("Enter")
    assert server.sent == []
