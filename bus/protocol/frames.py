"""The frames of the session protocol: what may stand in one, and how one is read.

    command  {"ref": "7", "type": "message.send", "data": {…}}      a client asks
    reply    {"ref": "7", "type": "reply", "ok": true, "data": {…}} the answer to one command
    event    {"type": "message.posted", "room": "lobby", "seq": 118, "data": {…}}  a fact

`commands`, `replies` and `events` have them; a frame holds one of them, or an array.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json

from bus.protocol.errors import Invalid

PROTOCOL = "bus.v1"


def parse_frame(text: str | bytes) -> list[Any]:
    """The objects of one frame; raises Invalid when it is not an object or an array of objects."""
    try:
        value = from_json(text)
    except ValueError as error:
        try:
            value = _mended(text)
        except (ValueError, RecursionError):
            raise Invalid(f"The frame is not JSON: {error}.") from None
    if type(value) is dict:
        return [value]
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in items):
        raise Invalid("A frame is a JSON object or an array of objects.")
    return items


def _mended(text: str | bytes) -> Any:
    """Read JSON that holds half a character, as a client does that cuts an emoji in two."""
    whole = json.dumps(json.loads(text), ensure_ascii=False)
    return from_json(whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def ref_of(item: dict[str, Any]) -> str | None:
    """The `ref` to answer with, if it is one; also of a command that is otherwise wrong."""
    ref = item.get("ref")
    return ref if isinstance(ref, str) and len(ref) <= 64 else None
