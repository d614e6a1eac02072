"""The wire's types: what fits, and what is named in what does not."""

from typing import Any

import pytest

from bus.protocol import channel_messages, errors
from bus.protocol import types as fields
from bus.protocol.errors import Invalid, TooLong, Unavailable
from bus.protocol.parser import parse_command


def submitted(**fields: Any) -> dict[str, Any]:
    author = {"id": "gabc", "name": "guest"}
    base = {"type": "message.submitted", "room": "lobby", "author": author, "body": "hi"}
    return {**base, "client_id": "1", **fields}


@pytest.mark.parametrize(
    "name",
    [
        "lobby",
        "자유방",
        "лобби",
        "रसोई_हिन्दी",
        "தமிழ்",
        "ไทยที่",
        "мир_2",
        "می\u200cخواهم",
        "x" * 64,
        "café",
    ],
)
def test_a_room_may_be_called_in_any_script(name: str) -> None:
    assert fields.canonical_name(name) == name


def test_a_rooms_name_has_one_spelling() -> None:
    assert fields.canonical_name("cafe\u0301") == "café"


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a/b", "a+b", "x" * 65, "\u200dx", "x\u200c", "\u3164", "\u0301", "a\u202eb"],
)
def test_what_no_room_is_called(name: str) -> None:
    assert fields.canonical_name(name) is None


@pytest.mark.parametrize(
    "body", ["", "   ", "\n\t", "\u200b\u200b", "\u3164", "\u202e", "\u0301", "a\x00b"]
)
def test_a_body_that_says_nothing_is_refused(body: str) -> None:
    command = {"type": "message.send", "data": {"room": "lobby", "body": body, "client_id": "1"}}
    with pytest.raises(Invalid) as refusal:
        parse_command(command)
    assert refusal.value.field == "body"
    with pytest.raises(Invalid) as refusal:
        channel_messages.parse_channel_message("moderation", submitted(body=body))
    assert refusal.value.field == "body"


@pytest.mark.parametrize("kind", ["message.delete", "message.report"])
@pytest.mark.parametrize("reason", ["a\x00b", "a\ud800b"])
def test_a_reason_that_cannot_be_stored_is_refused(kind: str, reason: str) -> None:
    command = {"type": kind, "data": {"room": "lobby", "id": "1", "reason": reason}}
    with pytest.raises(Invalid) as refusal:
        parse_command(command)
    assert refusal.value.field == "reason"


def test_a_body_is_trimmed_and_bounded() -> None:
    data = {"room": "lobby", "client_id": "1"}
    sent = parse_command({"type": "message.send", "data": {**data, "body": " a\r\nb \n"}})
    assert sent.model_dump()["body"] == "a\nb"
    with pytest.raises(TooLong):
        parse_command({"type": "message.send", "data": {**data, "body": "x" * 2001}})


@pytest.mark.parametrize(
    ("author", "fits"),
    [
        (7, True),
        ("deploy bot", True),
        ({"id": 7, "name": "mina"}, True),
        ({"id": "gabc123", "name": "guest"}, True),
        ({"id": None, "name": "service"}, True),
        (0, False),
        (-1, False),
        (2**63, False),
        (True, False),
        ("", False),
        (" ", False),
        ("a\x00b", False),
        ({"id": "u2", "name": "mina"}, False),
        ({"id": "uabc", "name": "mina"}, False),
        ({"id": "g" + "x" * 63, "name": "guest"}, False),
    ],
)
def test_who_may_be_an_author(author: Any, fits: bool) -> None:
    if fits:
        channel_messages.parse_channel_message("moderation", submitted(author=author))
    else:
        with pytest.raises(Invalid) as refusal:
            channel_messages.parse_channel_message("moderation", submitted(author=author))
        assert (refusal.value.field or "").startswith("author")


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("payload", [b"\xff", object(), deep(1000)])
def test_a_payload_is_what_json_can_say(payload: Any) -> None:
    message = {"type": "event.requested", "rooms": ["lobby"], "name": "x", "payload": payload}
    with pytest.raises(Invalid) as refusal:
        channel_messages.parse_channel_message("broadcast", message)
    assert refusal.value.field == "payload"


def test_clients_are_not_told_where_our_servers_are() -> None:
    error = Unavailable("Error 111 connecting to broker.internal:6379")
    assert "broker.internal" in str(error)
    assert "broker.internal" not in str(error.as_wire())


@pytest.mark.parametrize("kind", errors.BusError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_error_renders_itself(kind: type[errors.BusError]) -> None:
    wire = kind(retry_after=2.345).as_wire()
    assert (wire["code"], wire["retry_after"]) == (
        kind.code,
        2.35 if wire["retry_after"] > 2.34 else 2.34,
    )
    assert wire["message"]
