"""A frame made of a template has the same bytes as one that a model encodes."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, from_json, to_json

from bus.protocol.events import (
    Event,
    MessageEdited,
    MessagePosted,
    MessageSettled,
    SessionStarted,
)
from bus.protocol.objects import Author, Limits, Message, Outcome, Reason, SessionUser
from bus.protocol.plain_chat import plain_chat_message
from bus.protocol.replies import ACCEPTED, DONE, reply_ok
from bus.protocol.templates import (
    message_frame,
    plain_chat_frame,
    quoted,
    settled_frame,
    started_frame,
)

# All that JSON escapes, and some that it might.
SIGNS = "".join(map(chr, range(0xA0))) + "\u2028\u2029\ufeff\uffff\U0010ffff"

texts = st.one_of(
    st.text(max_size=6),
    st.text(st.characters(max_codepoint=0x9F), max_size=6),
    st.sampled_from(["", "</script>", '"\\/', "\u2028", "\U0001f44b\u200d", "x" * 5000, "\ud83d"]),
)  # fmt: skip
ints = st.integers(-1, 2**63) | st.sampled_from([10**25])
# What a model made without a check may hold.
odd = st.none() | st.booleans() | st.floats(allow_nan=True) | st.lists(ints, max_size=1) | texts


def perhaps(right: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 30).flatmap(lambda die: right if die else odd | ints)


def built(model: type[BaseModel], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Models of these fields, as stored rows make them: nothing is checked."""
    return st.fixed_dictionaries({name: perhaps(field) for name, field in fields.items()}).map(
        lambda values: model.model_construct(**values)
    )


authors = built(
    Author,
    id=st.none() | ints | texts,
    name=texts,
    avatar_url=st.none() | st.just("/a.png"),
    profile_url=st.none() | st.just("/a"),
)
messages = built(
    Message,
    id=texts,
    seq=ints,
    changed=ints,
    room=texts,
    author=authors,
    body=texts,
    posted_at=texts,
    client_id=texts,
    edited=st.booleans(),
    removed=st.booleans(),
    removed_by=st.none() | st.sampled_from(["author", "moderator"]),
    reply_to=st.none() | texts,
)
outcomes = built(
    Outcome,
    client_id=texts,
    status=st.sampled_from(["posted", "held", "rejected"]),
    id=st.none() | texts,
    seq=st.none() | ints,
    reason=st.none() | built(Reason, code=texts, message=texts),
)
MESSAGE = Message(
    id="1", seq=5, changed=6, room="자유방", author=Author(id="gabc", name="Mina"), body=SIGNS,
    posted_at="2026-01-01T00:00:00.000Z", client_id="1", removed=True, removed_by="author",
    reply_to="3",
)  # fmt: skip


def by_model(wire: Any) -> bytes | None:
    """What the serialiser of models makes; None where it refuses."""
    try:
        return to_json(wire)
    except (PydanticSerializationError, UnicodeEncodeError, ValueError):
        return None


def encoded(kind: type[Event], data: BaseModel, room: str | None, seq: int | None) -> bytes | None:
    try:
        return kind.encode(data, room, seq)
    except (PydanticSerializationError, UnicodeEncodeError, ValueError):
        return None


def wire(kind: type[Event], data: BaseModel, room: str | None, seq: int | None) -> dict[str, Any]:
    place = {"room": room, "seq": seq}
    known = {name: value for name, value in place.items() if value is not None}
    return {"type": kind.type, **known, "data": data}


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@given(
    st.sampled_from([MessagePosted, MessageEdited]), messages, st.none() | texts, st.none() | ints
)
@example(MessagePosted, MESSAGE, SIGNS, 5)
def test_an_event_of_a_message_has_the_bytes_of_its_model(
    kind: type[Event], message: Message, room: str | None, seq: int | None
) -> None:
    assert encoded(kind, message, room, seq) == by_model(wire(kind, message, room, seq))


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@given(outcomes, st.none() | texts, st.none() | ints)
def test_an_outcome_has_the_bytes_of_its_model(
    outcome: Outcome, room: str | None, seq: int | None
) -> None:
    kind = MessageSettled
    assert encoded(kind, outcome, room, seq) == by_model(wire(kind, outcome, room, seq))


@given(texts, ints, texts, texts, texts)
@example(SIGNS, 1, SIGNS, SIGNS, SIGNS)
def test_plain_chat_has_the_bytes_of_its_model(
    body: str, seq: int, room: str, name: str, id: str
) -> None:
    author = Author.model_construct(id=1, name=name)
    message = MESSAGE.model_copy(
        update={"body": body, "seq": seq, "room": room, "author": author, "id": id}
    )
    expected = by_model(
        {
            "type": "chat.message",
            "message": body,
            "room": room,
            "author": name,
            "id": id,
            "seq": seq,
        }
    )
    if expected is not None:
        assert plain_chat_message(message) == expected


@given(texts.filter(lambda ref: ref != "\ud83d"), st.sampled_from([ACCEPTED, DONE, b'{"seq":7}']))
@example(SIGNS, DONE)
def test_a_reply_has_the_bytes_of_its_model(ref: str, data: bytes) -> None:
    frame = {"ref": ref, "type": "reply", "ok": True, "data": from_json(data)}
    assert reply_ok(ref, data) == reply_ok(ref, from_json(data)) == to_json(frame)


@given(texts, texts, ints | texts, texts, st.booleans(), ints, st.none() | texts)
@example(SIGNS, SIGNS, 7, SIGNS, True, 25, SIGNS)
def test_the_first_frame_of_a_session_has_the_bytes_of_its_model(
    session: str, now: str, id: int | str, name: str, guest: bool, number: int, token: str | None
) -> None:
    numbers = number, number + 1, number + 2
    model = SessionStarted.model_construct(
        session=session,
        server_time=now,
        user=SessionUser.model_construct(id=id, name=name, guest=guest),
        heartbeat=number,
        limits=Limits.model_construct(body=number + 1, frame=number + 2),
        token=token,
    )
    expected = by_model({"type": "session.started", "data": model})
    assert started_frame(session, now, (id, name, guest), numbers, token) == expected


def test_every_character_is_quoted_as_a_model_does() -> None:
    for start in range(0, sys.maxunicode, 0x800):
        if not 0xD800 <= start < 0xE000:
            text = "".join(map(chr, range(start, start + 0x800)))
            assert quoted(text).encode() == to_json(text), hex(start)


def test_what_is_right_is_made_of_templates() -> None:
    user = MESSAGE.model_copy(update={"author": Author(id=7, name="Mina"), "removed_by": None})
    service = MESSAGE.model_copy(update={"author": Author(name="CI"), "reply_to": None})
    for message in (MESSAGE, user, service):
        assert message_frame("message.posted", message, "lobby", 5)
        assert plain_chat_frame(message)
    refused = Outcome(client_id="1", status="rejected", reason=Reason(code="flood", message="…"))
    for outcome in (refused, Outcome(client_id="1", status="posted", id="1", seq=5)):
        assert settled_frame("message.settled", outcome, "lobby", None)
