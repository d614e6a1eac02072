"""Control characters are refused with the field; what turns the direction ends with its text."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError as ValidationFailed

from bus.api.channel_schemas import ChannelSend
from bus.models import Room, Sanction
from bus.moderation import POLICIES, judge
from bus.protocol import types
from bus.protocol.channel_messages import parse_channel_message
from bus.protocol.errors import Invalid, TooLong
from bus.protocol.parser import parse_command
from bus.unicode import bidi

RLO, LRE, PDF = "\u202e", "\u202a", "\u202c"
LRI, FSI, PDI = "\u2066", "\u2068", "\u2069"

SENT = ("message.send", {"room": "lobby", "body": "hi", "client_id": "1", "reply_to": "7"})
DELETED = ("message.delete", {"room": "lobby", "id": "7", "reason": "rude"})
REPORTED = ("message.report", {"room": "lobby", "id": "7", "reason": "spam"})
EDITED = ("message.edit", {"room": "lobby", "id": "7", "body": "hi"})
SUBMITTED = (
    "moderation",
    {
        "type": "message.submitted",
        "room": "lobby",
        "author": {"id": "gabc", "name": "mina"},
        "body": "hi",
        "client_id": "1",
        "reply_to": "7",
    },
)
EVENT = ("broadcast", {"type": "event.requested", "rooms": ["lobby"], "name": "x", "source": "ci"})
NOTICE = ("broadcast", {"type": "notification.requested", "users": [1], "name": "x"})
ANNOUNCED = ("broadcast", {"type": "announcement.requested", "rooms": ["lobby"], "body": "hi"})


def parsed(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """The fields of a command, or of a message for a channel."""
    if "type" in data:
        return parse_channel_message(kind, data).model_dump()
    return parse_command({"type": kind, "data": data}).model_dump()


def refused_field(kind: str, data: dict[str, Any]) -> str | None:
    """The field that is named when it is refused."""
    with pytest.raises(Invalid) as refusal:
        parsed(kind, data)
    return refusal.value.field


@pytest.mark.parametrize("char", ["\x00", "\x07", "\x1b", "\x1f", "\x7f", "\x85", "\x9b"])
@pytest.mark.parametrize(
    ("case", "field"),
    [
        *((SENT, name) for name in ("room", "body", "client_id", "reply_to")),
        *((DELETED, name) for name in ("id", "reason")),
        *((REPORTED, name) for name in ("id", "reason")),
        (EDITED, "body"),
        *((SUBMITTED, name) for name in ("body", "client_id", "reply_to")),
        *((EVENT, name) for name in ("name", "source")),
        (NOTICE, "name"),
        *((ANNOUNCED, name) for name in ("body", "source")),
    ],
)
def test_a_control_character_is_refused_with_its_field(
    case: tuple[str, dict[str, Any]], field: str, char: str
) -> None:
    kind, data = case
    before = str(data.get(field, "x"))
    for text in (before + char + "b", char + before, before + char):
        assert refused_field(kind, {**data, field: text}) == field


@pytest.mark.parametrize(
    "char", ["\n", "\t", "\r", "\x1b", "\u2028", "\u2029", RLO, LRE, PDF, LRI, PDI]
)
def test_a_name_has_one_line_and_one_direction(char: str) -> None:
    kind, data = SUBMITTED
    for author in (f"mi{char}na", {"id": "gabc", "name": f"mi{char}na"}):
        assert (refused_field(kind, {**data, "author": author}) or "").startswith("author")
    assert refused_field(kind, {**data, "client_id": f"1{char}2"}) == "client_id"
    assert refused_field(EVENT[0], {**EVENT[1], "name": f"x{char}y"}) == "name"


@pytest.mark.parametrize("char", ["\n", "\x00", RLO])
def test_a_key_for_order_has_none_either(char: str) -> None:
    send = {"type": "a.b", "data": {}, "ordering_key": f"a{char}b"}
    with pytest.raises(ValidationFailed):
        ChannelSend.model_validate(send)
    assert ChannelSend.model_validate({**send, "ordering_key": "방 1"}).ordering_key == "방 1"


@pytest.mark.parametrize("char", ["\n", "\x1b", "\x85"])
def test_a_reason_has_one_line(char: str) -> None:
    for kind, data in (DELETED, REPORTED):
        assert refused_field(kind, {**data, "reason": f"a{char}b"}) == "reason"
    with pytest.raises(Invalid) as refusal:
        types.remark(f"a{char}b", "note")
    assert refusal.value.field == "note"


@pytest.mark.parametrize("char", ["\x1b", "\n", RLO, PDI])
def test_forms_refuse_what_would_turn_or_end_a_line(char: str) -> None:
    room = Room(name="lobby", title=f"a{char}b", topic=f"c{char}d")
    with pytest.raises(ValidationError) as refusal:
        room.clean()
    assert set(refusal.value.message_dict) == {"title", "topic"}
    with pytest.raises(ValidationError) as refusal:
        Sanction(author_key="g1", kind="ban", reason=f"a{char}b").clean()
    assert set(refusal.value.message_dict) == {"reason"}
    Room(name="lobby", title="עברית", topic="a topic").clean()


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("a\tb\nc", "a\tb\nc"),
        (f"{RLO}abc", f"{RLO}abc{PDF}"),
        (f"{RLO}abc{PDF} d", f"{RLO}abc{PDF} d"),
        (f"{LRI}{RLO}abc", f"{LRI}{RLO}abc{PDF}{PDI}"),
        (f"{FSI}a{RLO}b{PDI}c", f"{FSI}a{RLO}b{PDF}{PDI}c"),
        (f"a{PDI}b{PDF}c", "abc"),
        (f"{LRI}a{PDF}b{PDI}", f"{LRI}ab{PDI}"),
        (f"{RLO}a\nb{PDF}", f"{RLO}a{PDF}\nb"),
        ("א\u200eב\u200f", "א\u200eב\u200f"),
    ],
)
def test_what_a_body_turns_ends_with_it(written: str, kept: str) -> None:
    for kind, data in (SENT, EDITED, SUBMITTED, ANNOUNCED):
        assert parsed(kind, {**data, "body": written})["body"] == kept


def test_what_is_added_counts_towards_the_limit() -> None:
    kind, data = SENT
    with pytest.raises(TooLong):
        parsed(kind, {**data, "body": RLO + "x" * 1999})


@given(
    st.text(st.sampled_from([*"ab\n", RLO, LRE, PDF, LRI, FSI, PDI, "\u202b", "\u202d", "\u2067"]))
)
def test_a_balanced_text_is_balanced_and_loses_no_letter(text: str) -> None:
    kept = bidi.balanced(text)
    assert bidi.balanced(kept) == kept
    assert [c for c in kept if c in "ab\n"] == [c for c in text if c in "ab\n"]
    for line in kept.split("\n"):
        opened: list[str] = []
        for char in line:
            if char in "\u202a\u202b\u202d\u202e":
                opened.append(PDF)
            elif char in "\u2066\u2067\u2068":
                opened.append(PDI)
            elif char in (PDF, PDI):
                assert opened.pop() == char
        assert not opened


@pytest.mark.parametrize(
    "text",
    [
        "f\u202eu\u202cck you",
        "f\u2066uck\u2069 you",
        "f\u061cu\u2060c\ufff9k you",
        "f\U0001d173uck you",
        f"{RLO}flesruoy llik og{PDF}",
        f"hi {RLO}flesruoy llik og",
    ],
)
def test_moderation_reads_what_people_see(text: str) -> None:
    verdict = judge(text, POLICIES["standard"])
    assert verdict.action == "reject"
    assert len(verdict.masked) == len(text)
    hit = verdict.hits[0]
    assert text[hit.start : hit.end] == hit.matched
