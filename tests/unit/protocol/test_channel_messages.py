"""Channel messages: what is sent and read without a model is what the model has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bus.protocol import channel_messages
from bus.protocol.channel_messages import MessageSubmitted, parse_channel_message
from bus.protocol.errors import Invalid
from bus.protocol.objects import Author
from bus.protocol.types import validate

USUAL = {
    "type": "message.submitted",
    "room": "lobby",
    "author": {"id": "gabc", "name": "guest-abc0"},
    "body": "Good morning, everybody!",
    "client_id": "0b7a-1",
}
# What is right, what is nearly so, and what has another type.
_ODD: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.floats() | st.binary()
_TEXT = st.text(max_size=70) | st.text("ab 0-_\u00e9\u0301\u202e\n\r\t\x00\u3164가", max_size=12)
_IDS = st.sampled_from(["gabc", "g", "u7", 7, 0, -1, 2**63, True, 1.0, None, ""]) | _TEXT | _ODD
_AUTHORS = (
    st.fixed_dictionaries(
        {"id": _IDS, "name": st.just("guest-abc0") | _TEXT | _ODD},
        optional={"avatar_url": st.sampled_from(["/a.png", "x"]) | _ODD, "more": _ODD},
    )
    | _TEXT
    | _ODD
)
MESSAGES = st.fixed_dictionaries(
    {
        "type": st.just("message.submitted"),
        "room": st.sampled_from(["lobby", "Lobby", "대화", "a" * 65]) | _TEXT | _ODD,
        "author": st.just(USUAL["author"]) | _AUTHORS,
        "body": st.just("hello") | _TEXT | _ODD,
        "client_id": st.sampled_from(["c1", "x" * 64, "x" * 65]) | _TEXT | _ODD,
    },
    optional={
        "network": st.sampled_from(["0" * 32, "0" * 31, "g" * 32, "0" * 32 + "\n"]) | _ODD,
        "reply_to": st.sampled_from(["7", "x"]) | _ODD,
        "rehearsed": _ODD,
    },
)


def by_model(message: dict[str, Any]) -> MessageSubmitted | str:
    """The message as the model reads it, or what it refuses."""
    try:
        fields = {name: value for name, value in message.items() if name != "type"}
        return validate(MessageSubmitted, fields)
    except Invalid as error:
        return error.text


def read(message: dict[str, Any]) -> MessageSubmitted | str:
    try:
        found = parse_channel_message("moderation", message)
    except Invalid as error:
        return error.text
    assert isinstance(found, MessageSubmitted)
    return found


@given(MESSAGES)
@example(USUAL)
@example({**USUAL, "author": {"id": True, "name": "x"}})
@example({**USUAL, "body": "a" * 10_000})
@example({**USUAL, "body": "trailing "})
@example({**USUAL, "body": "\ud800"})
def test_both_ways_read_the_same(message: dict[str, Any]) -> None:
    found, expected = read(message), by_model(message)
    assert found == expected
    if isinstance(found, MessageSubmitted) and isinstance(expected, MessageSubmitted):
        assert found.model_dump_json() == expected.model_dump_json()
        assert type(found.author.id) is type(expected.author.id)
        assert found.model_fields_set == expected.model_fields_set


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"network": "0" * 32},
        {"author": {"id": 7, "name": "mina", "avatar_url": "/a.png"}},
        {"body": "안녕하세요 “all”"},
        {"room": "대화"},
    ],
)
def test_what_sessions_send_is_read_without_the_model(more: dict[str, Any]) -> None:
    message = {**USUAL, **more}
    found = channel_messages._plainly_submitted(message)
    assert found is not None
    assert found == by_model(message)


def test_a_room_may_be_spelled_anew() -> None:
    found = channel_messages._plainly_submitted(USUAL)
    assert found is not None
    found.respell({"lobby": "Lobby"})
    assert found.room == "Lobby"
    assert channel_messages._plainly_submitted(USUAL).room == "lobby"  # type: ignore[union-attr]


@pytest.mark.parametrize("reply_to", [None, "7"])
@pytest.mark.parametrize("network", ["", "0" * 32])
@pytest.mark.parametrize(
    "author",
    [
        Author(id=7, name="Mina"),
        Author(id="gabc", name="guest-abc"),
        Author(id=7, name="미나", avatar_url="/a.png", profile_url="/mina"),
    ],
    ids=lambda author: author.name,
)
def test_a_submitted_message_is_the_same_with_a_model_and_without(
    author: Author, network: str, reply_to: str | None
) -> None:
    made = MessageSubmitted.checked(
        "자유방", author.model_dump(exclude_none=True), "hi", "c1", reply_to, network
    )
    model = MessageSubmitted(
        room="자유방",
        author=author,
        body="hi",
        client_id="c1",
        reply_to=reply_to,
        network=network or None,
    )
    assert list(made.items()) == list(model.as_message().items())
    assert parse_channel_message("moderation", made) == model
