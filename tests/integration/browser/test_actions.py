"""What one can do with a message of the room, by mouse and by keyboard, in Chromium."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.integration.browser.server import GUEST, Server, enter

pytestmark = pytest.mark.django_db(transaction=True)


def more(row: Locator) -> Locator:
    return row.get_by_role("button", name="More about the message of")


def row_of(room: Page, server: Server, body: str, author: dict[str, Any] | None = None) -> Locator:
    """A message in the room."""
    message = server.message(body, author)
    server.tell(message)
    row = room.locator(f".row[data-id='{message['id']}']")
    expect(row).to_be_visible()
    return row


def test_ones_own_message_is_changed_by_keyboard_alone(room: Page, server: Server) -> None:
    row = row_of(room, server, "tpyo **x**", GUEST)
    more(row).focus()
    room.keyboard.press("Enter")
    expect(row.get_by_role("button", name="Edit")).to_be_focused()
    expect(row.get_by_role("button", name="Report")).to_have_count(0)
    room.keyboard.press("Enter")
    field = row.get_by_label("Change the message")
    expect(field).to_have_value("tpyo **x**")
    expect(field).to_be_focused()
    field.fill("typo")
    room.keyboard.press("Shift+Enter")
    room.keyboard.type("two")
    room.keyboard.press("Enter")
    expect(more(row)).to_be_focused()
    assert server.asked("message.edit") == [{"room": "lobby", "id": "1", "body": "typo\ntwo"}]
    edited = server.message("typo\ntwo", GUEST, edited=True) | {"id": "1", "seq": 1}
    server.say({"type": "message.edited", "room": "lobby", "seq": 2, "data": edited})
    expect(row.locator(".body")).to_have_text("typo\ntwo")
    expect(row.locator(".edited")).to_be_visible()


def test_a_hangul_syllable_ends_whole_in_a_change_too(room: Page, server: Server) -> None:
    row = row_of(room, server, "안녕하세", GUEST)
    more(row).click()
    row.get_by_role("button", name="Edit").click()
    cdp = room.context.new_cdp_session(room)
    for text in ("ㅇ", "요"):
        cdp.send("Input.imeSetComposition", {"text": text, "selectionStart": 1, "selectionEnd": 1})
    press = {"key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
    cdp.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **press})
    cdp.send("Input.insertText", {"text": "요"})
    cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", **press})
    expect(row.locator(".acts")).to_have_count(0)
    assert [data["body"] for data in server.asked("message.edit")] == ["안녕하세요"]


def test_a_refused_change_keeps_the_text_and_says_why(room: Page, server: Server) -> None:
    row = row_of(room, server, "hello", GUEST)
    reason = {"code": "blocked_word", "message": "A word."}
    server.answer = lambda command: server.refuse(command, "invalid", reason=reason)
    more(row).click()
    row.get_by_role("button", name="Edit").click()
    row.get_by_label("Change the message").fill("a bad word")
    row.get_by_role("button", name="Save").click()
    expect(row.locator(".problem")).to_contain_text("it has a word that is not allowed here")
    expect(room.locator("[role=alert].sr-only")).to_contain_text("It did not work")
    expect(row.get_by_label("Change the message")).to_have_value("a bad word")
    server.answer = server.reply
    row.get_by_label("Change the message").fill("a good word")
    row.get_by_role("button", name="Save").click()
    expect(row.locator(".acts")).to_have_count(0)


def test_escape_and_a_text_that_is_the_same_change_nothing(room: Page, server: Server) -> None:
    row = row_of(room, server, "hello", GUEST)
    for leave in ("Escape", "Enter"):
        more(row).click()
        row.get_by_role("button", name="Edit").click()
        room.keyboard.press(leave)
        expect(row.locator(".acts")).to_have_count(0)
        expect(row.locator(".body")).to_be_visible()
        expect(more(row)).to_be_focused()
        expect(more(row)).to_have_attribute("aria-expanded", "false")
    assert server.asked("message.edit") == []


def test_deleting_asks_first_and_leaves_the_focus_somewhere(room: Page, server: Server) -> None:
    row = row_of(room, server, "oops", GUEST)
    more(row).click()
    row.get_by_role("button", name="Delete").click()
    expect(row).to_contain_text("Delete this message?")
    assert server.asked("message.delete") == []
    row.get_by_role("button", name="Delete").click()
    expect(row.locator(".acts")).to_have_count(0)
    server.head += 1
    gone = {"id": "1", "by": "author", "reason": ""}
    server.say({"type": "message.removed", "room": "lobby", "seq": server.head, "data": gone})
    expect(row.locator(".body")).to_have_text("Message removed")
    expect(more(row)).to_have_count(0)
    expect(room.locator("bus-composer textarea")).to_be_focused()
    assert server.asked("message.delete") == [{"room": "lobby", "id": "1"}]


def test_what_others_wrote_is_reported_with_a_reason(room: Page, server: Server) -> None:
    row = row_of(room, server, "nasty")
    more(row).click()
    expect(row.get_by_role("button", name="Delete")).to_have_count(0)
    expect(row.get_by_role("button", name="Edit")).to_have_count(0)
    row.get_by_role("button", name="Report").click()
    row.get_by_role("button", name="Hurts somebody").click()
    expect(row.locator(".acts")).to_have_count(0)
    expect(room.locator("[role=status].sr-only")).to_have_text("Reported. Thank you.")
    reported = {"room": "lobby", "id": "1", "reason": "harassment"}
    assert server.asked("message.report") == [reported]


def test_a_moderator_deletes_what_others_wrote(page: Page, address: str, server: Server) -> None:
    server.role = "moderator"
    enter(page, address, server)
    row = row_of(page, server, "nasty")
    more(row).click()
    expect(row.get_by_role("button", name="Edit")).to_have_count(0)
    expect(row.get_by_role("button", name="Report")).to_be_visible()
    row.get_by_role("button", name="Delete").click()
    row.get_by_role("button", name="Delete").click()
    expect(row.locator(".acts")).to_have_count(0)
    assert server.asked("message.delete") == [{"room": "lobby", "id": "1"}]


def test_the_author_is_told_why_a_moderator_removed_it(room: Page, server: Server) -> None:
    row = row_of(room, server, "mine", GUEST)
    server.head += 1
    gone = {"id": "1", "by": "moderator", "reason": "harassment"}
    server.say({"type": "message.removed", "room": "lobby", "seq": server.head, "data": gone})
    expect(row.locator(".body")).to_have_text("Removed by a moderator: it may hurt somebody")
