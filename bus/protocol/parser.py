"""Reads commands: the most frequent ones, where plainly right, without the cost of a model.

Whatever is not plainly right goes the model's way, which names what is wrong. Tests show that both
ways read the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

from bus.conf import conf
from bus.protocol import types
from bus.protocol.commands import (
    Command,
    MessageSend,
    ReadMark,
    RoomJoin,
    SessionPing,
    TypingStart,
    command_by_model,
)
from bus.protocol.errors import TooLong
from bus.protocol.types import constructed

_REF_LIMIT = 64
_SEQ_LIMIT = 2**63


def parse_command(item: dict[str, Any]) -> Command:
    """The typed command in one object; raises Invalid naming the field, or TooLong."""
    kind = item.get("type")
    read = _READERS.get(kind) if type(kind) is str else None
    if read is not None:
        ref, data = item.get("ref"), item.get("data", _NO_DATA)
        if (
            type(data) is dict
            and len(item) == 1 + ("ref" in item) + ("data" in item)
            and (ref is None or (type(ref) is str and len(ref) <= _REF_LIMIT and ref.isascii()))
        ):
            found = read(data)
            if found is not None:
                return found
    return command_by_model(item)


# Each reads the data of one command; None where a closer look is needed.
_Reader = Callable[[dict[str, Any]], Command | None]

_NO_DATA: dict[str, Any] = {}


def _message_send(data: dict[str, Any]) -> MessageSend | None:
    # A `reply_to` is looked at more closely.
    if len(data) != 3 + ("reply_to" in data) or data.get("reply_to") is not None:
        return None
    room, client_id = _room(data), data.get("client_id")
    if room is None or not _is_ascii(client_id) or not 1 <= len(client_id) <= types.CLIENT_ID_LIMIT:
        return None
    body = data.get("body")
    if type(body) is not str:
        return None
    # A line that begins with a letter or a digit and ends with no space is as it should be.
    whole = _is_ascii(body) and body[:1].isalnum() and body[-1] != " "
    if not whole or len(body) > conf.body_limit:
        try:
            body = types.check_body(body)
        except (ValueError, TooLong):
            return None
    fields = {"room": room, "body": body, "client_id": client_id, "reply_to": None}
    return constructed(MessageSend, fields, set(data))


def _room_join(data: dict[str, Any]) -> RoomJoin | None:
    if len(data) != 1 + ("since" in data) + ("limit" in data):
        return None
    room, since, limit = _room(data), data.get("since"), data.get("limit")
    if (
        room is None
        or not (since is None or (type(since) is int and 0 <= since < _SEQ_LIMIT))
        or not (limit is None or (type(limit) is int and 1 <= limit <= 100))
    ):
        return None
    return constructed(RoomJoin, {"room": room, "since": since, "limit": limit}, set(data))


def _typing_start(data: dict[str, Any]) -> TypingStart | None:
    room = _room(data) if len(data) == 1 else None
    return None if room is None else constructed(TypingStart, {"room": room}, {"room"})


def _read_mark(data: dict[str, Any]) -> ReadMark | None:
    room, seq = _room(data) if len(data) == 2 else None, data.get("seq")
    if room is None or type(seq) is not int or not 0 <= seq < _SEQ_LIMIT:
        return None
    return constructed(ReadMark, {"room": room, "seq": seq}, {"room", "seq"})


def _session_ping(data: dict[str, Any]) -> SessionPing | None:
    return None if data else constructed(SessionPing, {}, set())


_READERS: dict[str, _Reader] = {
    MessageSend.type: _message_send,
    RoomJoin.type: _room_join,
    TypingStart.type: _typing_start,
    ReadMark.type: _read_mark,
    SessionPing.type: _session_ping,
}


def _room(data: dict[str, Any]) -> str | None:
    room = data.get("room")
    return types.spelled_name(room) if type(room) is str else None


def _is_ascii(text: Any) -> TypeGuard[str]:
    """Whether it is a text of ASCII without control characters."""
    return type(text) is str and text.isascii() and text.isprintable()
