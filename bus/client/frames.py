"""The frames of the session protocol, as far as a client has to know them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bus.client.constants import FRAME_LIMIT

# A JSON object on the wire. Fields that a client does not know are left alone.
Data = Mapping[str, Any]

# What stands for a character of its own, in scripts that most is written in.
_ALONE = re.compile("[\n -~\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff\u3041-\u30ff\u4e00-\u9fff가-힣]")


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a frame from the server: a reply or an event."""

    type: str
    data: Data = field(default_factory=dict)
    ref: str | None = None
    ok: bool = False
    error: Data = field(default_factory=dict)
    room: str | None = None
    seq: int = 0


def items_of(text: str | bytes) -> list[Item]:
    """The objects of one frame; a frame may be an array of them."""
    frame = json.loads(text)
    return [_item(each) for each in (frame if isinstance(frame, list) else [frame])]


def _item(wire: Data) -> Item:
    return Item(
        type=wire.get("type", ""),
        data=wire.get("data") or {},
        ref=wire.get("ref"),
        ok=bool(wire.get("ok")),
        error=wire.get("error") or {},
        room=wire.get("room"),
        seq=wire.get("seq") or 0,
    )


def command(ref: str, type: str, data: Data) -> str:
    """A command as a frame; fields that are None are left out."""
    fields = {name: value for name, value in data.items() if value is not None}
    text = json.dumps({"ref": ref, "type": type, "data": fields}, ensure_ascii=False)
    # Half of a surrogate pair cannot be sent but as JSON's own escape.
    return text.encode("utf-8", "backslashreplace").decode()


def is_too_long(frame: str, data: Data, limits: Data) -> bool:
    """Whether the server would refuse a command for its length, or hang up."""
    size = len(frame.encode("utf-8", "surrogatepass"))
    if size > limits.get("frame", FRAME_LIMIT):
        return True
    # The server counts characters as people see them: of what may be part of one it knows better.
    body = unicodedata.normalize("NFC", str(data.get("body") or "").replace("\r\n", "\n").strip())
    return bool(len(_ALONE.findall(body)) > limits.get("body", size))
