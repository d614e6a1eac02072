"""The newest messages of a room: what the database would say, and no text that was taken back."""

import json
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from bus.posting.catch_up import Snapshot
from bus.protocol.objects import Author, Message
from bus.realtime.recent_messages import EncodedRecovery, RecentMessages


def message(seq: int, body: str = "", **changes: Any) -> dict[str, Any]:
    return {
        "id": str(100 + seq), "seq": seq, "changed": seq, "body": body or f"body {seq}",
        "removed": False, "edited": False,
    } | changes  # fmt: skip


def stored(data: dict[str, Any]) -> Message:
    mina = Author(id=1, name="mina")
    return Message(room="lobby", author=mina, posted_at="2026-01-01", client_id="c", **data)


def event(kind: str, data: dict[str, Any]) -> bytes:
    return json.dumps({"type": f"message.{kind}", "data": data}).encode()


def seqs(found: EncodedRecovery | None) -> list[int]:
    assert found is not None
    return [data["seq"] for data in json.loads(found.messages)]


@pytest.fixture
def recent() -> RecentMessages:
    """Of a room whose messages 3 to 6 are known, and nothing before."""
    found = RecentMessages()
    found.load(Snapshot(6, 2, 2, [stored(message(seq)) for seq in range(3, 7)]))
    return found


def test_nothing_is_known_before_it_is_loaded() -> None:
    assert RecentMessages().answer(None, None) is None
    assert RecentMessages().answer(0, None) is None


def test_it_answers_what_changed_and_the_newest_page(recent: RecentMessages) -> None:
    assert seqs(recent.answer(4, None)) == [5, 6]
    assert seqs(recent.answer(6, None)) == []
    assert seqs(recent.answer(2, None)) == [3, 4, 5, 6]
    assert recent.answer(1, None) is None
    assert seqs(recent.answer(None, 3)) == [4, 5, 6]
    assert recent.answer(None, 5) is None
    future = recent.answer(7, 2)
    assert future is not None
    assert (future.head, future.recovered, seqs(future)) == (6, False, [5, 6])


def test_a_new_room_is_known_from_its_beginning() -> None:
    new = RecentMessages()
    new.load(Snapshot(0, 0, 0, []))
    assert new.answer(None, None) == EncodedRecovery(0, True, b"[]")
    new.add_event(1, event("posted", message(1)))
    assert seqs(new.answer(None, 50)) == [1]
    assert seqs(new.answer(0, None)) == [1]


def test_it_follows_posts_edits_and_removals(recent: RecentMessages) -> None:
    recent.add_event(7, event("posted", message(7)))
    recent.add_event(8, event("edited", message(4, "other words", changed=8, edited=True)))
    recent.add_event(9, event("removed", {"id": "105", "by": "moderator", "reason": "spam"}))
    found = recent.answer(6, None)
    assert found is not None
    assert (found.head, found.recovered) == (9, True)
    told = json.loads(found.messages)
    assert [(m["seq"], m["changed"], m["body"], m["removed"]) for m in told] == [
        (7, 7, "body 7", False), (4, 8, "other words", False), (5, 9, "", True),
    ]  # fmt: skip
    for answer in (recent.answer(2, None), recent.answer(None, 4), recent.answer(None, 5)):
        if answer is not None:
            assert b"body 5" not in answer.messages
            assert b"body 4" not in answer.messages
    assert seqs(recent.answer(None, 4)) == [4, 5, 6, 7]


def test_what_came_while_the_snapshot_was_read_counts_once() -> None:
    found = RecentMessages()
    found.expect_snapshot()
    for seq in (5, 6, 7, 8):
        found.add_event(seq, event("posted", message(seq)))
    found.load(Snapshot(6, 0, 0, [stored(message(seq)) for seq in range(1, 7)]))
    assert seqs(found.answer(4, None)) == [5, 6, 7, 8]


def test_after_a_gap_only_the_database_knows(recent: RecentMessages) -> None:
    recent.add_event(8, event("posted", message(8)))
    assert recent.answer(6, None) is None
    assert not recent.loaded


def test_a_removal_of_something_older_is_read_with_all_the_rest(recent: RecentMessages) -> None:
    recent.add_event(7, event("removed", {"id": "101", "by": "author", "reason": ""}))
    recent.add_event(8, event("posted", message(8)))
    assert recent.answer(6, None) is None
    # Once for all who ask, and not by each of them.
    assert not recent.loaded


def test_a_hidden_message_that_is_shown_again_has_its_words_again(recent: RecentMessages) -> None:
    recent.add_event(7, event("removed", {"id": "104", "by": "moderator", "reason": "reported"}))
    for asked in (recent.answer(2, None), recent.answer(6, None), recent.answer(None, 4)):
        assert asked is not None
        assert b"body 4" not in asked.messages
    recent.add_event(8, event("edited", message(4, changed=8)))
    shown = recent.answer(7, None)
    assert shown is not None
    assert [(m["seq"], m["body"]) for m in json.loads(shown.messages)] == [(4, "body 4")]


def test_what_it_missed_it_does_not_pretend_to_know(recent: RecentMessages) -> None:
    assert recent.covers(6)
    assert not recent.covers(7)
    recent.add_event(7, event("posted", message(7)))
    assert recent.covers(7)
    assert not RecentMessages().covers(0)


def test_the_newest_page_stays_however_much_is_edited(settings: Settings) -> None:
    settings.BUS_RECOVERY_LIMIT, settings.BUS_PAGE_LIMIT = 5, 5
    # The newest five were posted long before the last changes, which are of two messages.
    found = RecentMessages()
    page = [stored(message(seq)) for seq in range(1, 6)]
    edited = [stored(message(seq, changed=seq + 100)) for seq in (6, 7)]
    found.load(Snapshot(107, 102, 2, [*page[2:], *edited]))
    assert seqs(found.answer(None, 5)) == [3, 4, 5, 6, 7]
    assert found.answer(None, 6) == found.answer(None, 5)
    assert seqs(found.answer(105, None)) == [6, 7]
    for changed in range(108, 1000):
        found.add_event(changed, event("edited", message(6, f"{changed}", changed=changed)))
    assert seqs(found.answer(None, 5)) == [3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    "frame", [b"{}", b"7", b"no json", b'{"type": "message.posted", "data": 7}']
)
def test_an_event_that_it_does_not_know_empties_it(recent: RecentMessages, frame: bytes) -> None:
    recent.add_event(7, frame)
    assert recent.answer(6, None) is None
    assert not recent.loaded


def test_it_is_bounded(settings: Settings) -> None:
    settings.BUS_RECOVERY_LIMIT, settings.BUS_PAGE_LIMIT = 5, 5
    found = RecentMessages()
    found.load(Snapshot(0, 0, 0, []))
    for seq in range(1, 1001):
        found.add_event(seq, event("posted", message(seq)))
    assert seqs(found.answer(995, None)) == [996, 997, 998, 999, 1000]
    assert found.size < 10 * 400
    late = found.answer(900, 3)
    assert late is not None
    assert (late.recovered, seqs(late)) == (False, [998, 999, 1000])


def test_who_asks_for_everything_there_is_makes_it_no_larger() -> None:
    large = RecentMessages()
    messages = [stored(message(seq, "x" * 1000)) for seq in range(1, 101)]
    large.load(Snapshot(100, 0, 0, messages))
    alone = large.size
    for number in range(1, 101):
        assert len(seqs(large.answer(100 - number, None))) == number
        assert len(seqs(large.answer(None, number))) == number
    # It is counted, so that the room makes way for others; and it has an end.
    assert alone < large.size < 20 * alone
