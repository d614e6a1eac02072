"""What the clients have of the protocol by hand is what the server says."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter

from bus import client
from bus.client.room import TYPING
from bus.conf.table import all_settings
from bus.posting.events import frame_of
from bus.protocol import errors, events, objects
from bus.protocol.commands import COMMANDS
from bus.protocol.frames import PROTOCOL, parse_frame
from bus.protocol.reasons import REASONS
from bus.protocol.types import ClientId
from bus.realtime import typing as realtime_typing

BUS = Path(client.__file__).resolve().parents[1]
CLIENT_JS = BUS / "static" / "bus" / "client.js"
SOURCES = [CLIENT_JS, *sorted((BUS / "client").glob("*.py"))]
PAGE = sorted((BUS / "static" / "bus" / "room").glob("*.js"))
TYPES = (BUS / "static" / "bus" / "client.d.ts").read_text("utf-8")

# What the clients say of themselves.
OWN_CODES = {"closed", "lost", "timeout", "rejected"}


@pytest.mark.parametrize("path", [*SOURCES, *PAGE], ids=lambda path: path.name)
def test_every_command_and_event_that_a_client_names_is_the_servers(path: Path) -> None:
    source = path.read_text("utf-8")
    named = re.findall(r'"((?:session|room|message|history|typing|read)\.[a-z_]+)"', source)
    assert set(named) <= COMMANDS.keys() | events.EVENTS.keys()


@pytest.mark.parametrize("path", [*SOURCES, *PAGE], ids=lambda path: path.name)
def test_every_code_that_a_client_names_is_the_servers(path: Path) -> None:
    source = path.read_text("utf-8")
    known = errors.by_code().keys() | errors.RESERVED_CODES.keys() | REASONS.keys() | OWN_CODES
    pattern = r'(?:\bcode(?::| ===?| !==?)|Rejected\(|super\(\).__init__\()\s*"(\w+)"'
    named = re.findall(pattern, source)
    assert set(named) <= known
    closing = {int(code) for code in re.findall(r"\b(?:10[01]\d|44\d\d)\b", source)}
    other = {1000, 1006}  # ms in a second, and what a socket says of no code
    assert closing - other <= errors.CLOSE_CODES.keys() | errors.RESERVED_CLOSE_CODES.keys()


def test_what_a_client_takes_for_granted_is_the_servers_default() -> None:
    source = CLIENT_JS.read_text("utf-8")
    settings = all_settings()
    assert f'["{PROTOCOL}"]' in source
    assert f"frame: {settings['BUS_FRAME_LIMIT'].default}," in source
    assert f"heartbeat ?? {settings['BUS_HEARTBEAT'].default})" in source
    typing = re.search(r"^const TYPING = ([\d_]+);", source, re.M)
    assert typing
    # It is said again before it ends by itself.
    assert int(typing[1]) / 1000 == TYPING < realtime_typing._EXPIRY
    for client_id in ("0" * 32, client.sent.uuid.uuid4().hex):
        TypeAdapter(ClientId).validate_python(client_id)


def test_both_clients_wait_alike() -> None:
    source = CLIENT_JS.read_text("utf-8")
    in_js = {
        name: int(value.replace("_", "")) / 1000
        for name, value in re.findall(r"^const ([A-Z_]+) = ([\d_]+);", source, re.M)
    }
    in_python = {
        name: value
        for module in (
            client.backoff,
            client.connection,
            client.room,
            client.sequencer,
            client.unsettled,
        )
        for name, value in vars(module).items()
        if name in in_js
    }
    shared = {"FIRST_DELAY", "LAST_DELAY", "STEADY", "ANSWER", "PROBE", "BUSY", "HOLE", "TYPING"}
    assert in_python.keys() == shared
    assert in_python == {name: in_js[name] for name in shared}


@pytest.mark.parametrize(
    ("interface", "schema"),
    [
        ("Message", objects.Message),
        ("RoomInfo", objects.RoomInfo),
        ("Joined", objects.Joined),
        ("Presence", events.PresenceChanged),
        ("Session", events.SessionStarted),
        ("Person", objects.SessionUser),
    ],
)
def test_the_types_of_the_client_have_the_fields_of_the_wire(
    interface: str, schema: type[BaseModel]
) -> None:
    declared = re.search(rf"^export interface {interface} {{\n(.*?)^}}", TYPES, re.M | re.S)
    assert declared
    fields = re.findall(r"^  (\w+)\??:", declared[1], re.M)
    assert set(fields) == set(schema.model_fields)


def test_a_message_of_the_python_client_has_the_fields_of_the_wire() -> None:
    fields = {field.name for field in dataclasses.fields(client.Message)}
    assert fields == set(objects.Message.model_fields)


def test_what_takes_a_seq_is_what_clients_are_told_does() -> None:
    sent = set()
    for at, removed in ((1, False), (2, False), (2, True)):
        row = objects.Message(
            id="1",
            seq=1,
            changed=at,
            room="lobby",
            author=objects.Author(id=7, name="mina"),
            body="hi",
            posted_at="",
            client_id="c1",
            removed=removed,
        )
        (frame,) = parse_frame(frame_of(row, at))
        assert frame["seq"] == at
        sent.add(frame["type"])
    assert sent == {name for name, event in events.EVENTS.items() if event.sequenced}
