"""Paths in nested values."""

from typing import Any

import pytest

from bus import nested
from bus.protocol.channel_messages import EventRequested, parse_channel_message
from bus.protocol.errors import Invalid


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"prices": {144: "a"}}, "prices.144"),
        ({"a": [1, {"b": ({None: 1},)}]}, "a.1.b.0.None"),
        ({(1, 2): 3}, "(1, 2)"),
        ({"ok": {"a": 1}, "b": {True: 1}}, "b.True"),
    ],
)
def test_a_key_that_is_no_text_is_found_at_any_depth(value: Any, path: str) -> None:
    assert (nested.odd_key(value, str) or ("", ""))[0] == path


def test_where_all_keys_are_text_there_is_none() -> None:
    assert nested.odd_key({"a": [{"b": {}}, ({"c": None},)]}, str) is None


def test_what_holds_itself_has_an_end() -> None:
    value: dict[str, Any] = {"a": {}}
    value["a"]["b"] = value
    assert nested.path_where(value, lambda leaf: leaf == 7) == ""


def test_of_too_much_depth_the_entry_that_leads_there_is_told() -> None:
    value = {"a": [1], "b": {"c": []}}
    assert nested.path_where(value, lambda inner: isinstance(inner, dict)) == "b"


def test_of_a_long_path_both_ends_are_told() -> None:
    value: Any = "x"
    for number in range(500):
        value = {f"k{number}": value}
    path = nested.path_where(value, lambda leaf: leaf == "x")
    assert path.startswith("k499.k498")
    assert path.endswith("k1.k0")
    assert len(path) < 80


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"prices": {144: "a"}}, "payload.prices.144"),
        ({"a": [1.5, float("nan")]}, "payload.a.1"),
        ([{"b": float("-inf")}], "payload.0.b"),
        (float("inf"), "payload"),
        ({"a": "\ud800"}, "payload.a"),
        ({"\ud800": 1}, "payload.\\ud800"),
    ],
)
def test_a_payload_that_no_browser_could_read_is_refused_with_its_path(
    payload: Any, path: str
) -> None:
    message = {"type": "event.requested", "rooms": ["lobby"], "name": "x", "payload": payload}
    with pytest.raises(Invalid) as refused:
        parse_channel_message("broadcast", message)
    assert refused.value.field == path
    with pytest.raises(Invalid):
        EventRequested(rooms=["lobby"], name="x", payload=payload)


def test_a_payload_that_only_speaks_of_nan_is_taken() -> None:
    event = EventRequested(rooms=["lobby"], name="x", payload={"NaN": "NaN, Infinity"})
    assert event.payload == {"NaN": "NaN, Infinity"}
