"""A command reads the same with a model and without, whatever a client sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bus.protocol import parser
from bus.protocol.commands import COMMANDS, Command, command_by_model
from bus.protocol.errors import BusError, Invalid
from bus.protocol.frames import parse_frame
from bus.protocol.parser import parse_command

READ_WITHOUT = [
    {"type": "session.ping"},
    {"type": "session.ping", "ref": "7", "data": {}},
    {"type": "typing.start", "data": {"room": "자유방"}},
    {"type": "read.mark", "ref": None, "data": {"room": "lobby", "seq": 2**63 - 1}},
    {"type": "room.join", "ref": "1", "data": {"room": "lobby"}},
    {"type": "room.join", "ref": "1", "data": {"room": "lobby", "since": 0, "limit": 100}},
    {"type": "message.send", "data": {"room": "lobby", "body": "hi", "client_id": "-1"}},
    {
        "type": "message.send",
        "ref": "x" * 64,
        "data": {"room": "lobby", "body": " 안녕 \r\n 👋 ", "client_id": "1", "reply_to": None},
    },
]

texts = st.one_of(
    st.text(max_size=8),
    st.text(st.characters(max_codepoint=0x7F), max_size=70),
    st.sampled_from(
        [
            "lobby", "Lobby", "1", "a b", " a ", "a\n", "a\r\nb", "\u202ea", "cafe\u0301", "\u3164",
            "x" * 64, "x" * 65, "x" * 2000, "x" * 2001, "가" * 2001, "e\u0301" * 1500, "", "\x7f",
            "a\x00", "a\x85", "\u2028a", "a\ud800", "session.ping", "123456789012345678",
            "1234567890123456789",
        ]
    ),
)  # fmt: skip
numbers = st.one_of(
    st.integers(-2, 120),
    st.sampled_from([2**31, 2**63 - 1, 2**63, -(2**63), 10**30]),
    st.floats(),
    st.booleans(),
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | texts | numbers,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=3,
)
FIELDS = ["room", "body", "client_id", "reply_to", "seq", "since", "limit", "id", "token", "reason"]
PLAIN = {
    "room": st.sampled_from(["lobby", "자유방", "cafe\u0301"]),
    "body": texts,
    "client_id": texts,
    "reply_to": st.none() | texts,
    "seq": numbers,
    "since": st.none() | numbers,
    "limit": st.none() | numbers,
}


@st.composite
def commands(draw: st.DrawFn) -> Any:
    """What is nearly right: a command's own fields, some of them missing, wrong, or too many."""
    kind = draw(st.sampled_from(sorted(COMMANDS)))
    own = COMMANDS[kind].model_fields
    data = {name: draw(PLAIN.get(name, texts)) for name in own if draw(st.integers(0, 9))}
    if not draw(st.integers(0, 5)):
        data[draw(st.sampled_from(FIELDS) | texts)] = draw(values)
    item: dict[str, Any] = {"type": kind if draw(st.integers(0, 20)) else draw(values)}
    if draw(st.integers(0, 9)):
        item["data"] = data if draw(st.integers(0, 20)) else draw(values)
    if draw(st.booleans()):
        item["ref"] = draw(texts if draw(st.integers(0, 5)) else values)
    if not draw(st.integers(0, 20)):
        item[draw(texts)] = draw(values)
    return item


def read(parse: Callable[[dict[str, Any]], Command], item: dict[str, Any]) -> Any:
    """What becomes of a command: its type and values with their types, or its refusal."""
    try:
        command = parse(item)
    except BusError as error:
        return type(error), error.as_wire()
    fields = [(name, type(value), value) for name, value in command.__dict__.items()]
    return type(command), fields, command.model_fields_set, command.model_dump()


def both_the_same(item: Any) -> None:
    assert read(parse_command, item) == read(command_by_model, item)


@given(commands())
@example({"type": "read.mark", "data": {"room": "lobby", "seq": True}})
@example({"type": "read.mark", "data": {"room": "lobby", "seq": 1.0}})
@example({"type": "room.join", "data": {"room": "lobby", "since": -1, "limit": 0}})
@example({"type": "message.send", "data": {"room": "lobby", "body": "a\n", "client_id": "1"}})
@example({"type": "message.send", "data": {"room": "lobby", "body": "a", "client_id": "x" * 65}})
@example({"type": "session.ping", "ref": "x" * 65})
@example({"type": ["session.ping"], "data": {}})
def test_a_command_is_the_same_with_a_model_and_without(item: dict[str, Any]) -> None:
    both_the_same(item)


@given(commands() | values, st.integers(0, 3), st.booleans())
@example({"type": "session.ping", "data": {}}, 2, False)
def test_a_frame_is_the_same_with_a_model_and_without(item: Any, more: int, ascii: bool) -> None:
    text = json.dumps(item, ensure_ascii=ascii).encode("utf-8", "replace").decode()
    # The same keys once more: the last one counts.
    text = text.replace("{", '{"type":"room.leave","ref":1,"data":{},' if more == 1 else "{", 1)
    text = text.replace(":", ": \t", more) + (" " * more)
    try:
        items = parse_frame(text)
    except Invalid:
        return
    for found in items:
        both_the_same(found)


@pytest.mark.parametrize("item", READ_WITHOUT, ids=str)
def test_what_is_plainly_right_needs_no_model(
    monkeypatch: pytest.MonkeyPatch, item: dict[str, Any]
) -> None:
    both_the_same(item)

    def never(item: dict[str, Any]) -> Command:
        raise AssertionError(f"a model read {item}")

    monkeypatch.setattr(parser, "command_by_model", never)
    assert type(parse_command(item)) is COMMANDS[item["type"]]


@pytest.mark.parametrize("item", READ_WITHOUT, ids=str)
def test_a_command_read_without_a_model_is_frozen_and_whole(item: dict[str, Any]) -> None:
    command = parse_command(item)
    assert command == command_by_model(item) == command.model_copy()
    assert hash(command) == hash(command_by_model(item))
    for name in type(command).model_fields:
        with pytest.raises(ValueError, match="frozen"):
            setattr(command, name, None)
    assert repr(command) == repr(command_by_model(item))
