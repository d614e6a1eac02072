"""The answer to one command, by its `ref`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

from bus.protocol.errors import BusError
from bus.protocol.templates import reply_frame

# What most commands are answered with, as JSON.
ACCEPTED = b'{"status":"accepted"}'
DONE = b"{}"


def reply_ok(ref: str, data: dict[str, Any] | BaseModel | bytes) -> bytes:
    """The reply of a command that was done; `data` may be encoded already."""
    if isinstance(data, bytes):
        return reply_frame(ref, data)
    return to_json({"ref": ref, "type": "reply", "ok": True, "data": data})


def reply_error(ref: str | None, error: BusError) -> bytes:
    """The reply of a command that was refused; without a `ref` where the one given is none."""
    return to_json({"ref": ref, "type": "reply", "ok": False, "error": error.as_wire()})
