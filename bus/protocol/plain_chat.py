"""Plain chat on the wire, the protocol of the Channels tutorials."""

from __future__ import annotations

from pydantic_core import to_json

from bus.protocol.errors import BusError
from bus.protocol.objects import Message
from bus.protocol.templates import plain_chat_frame


def plain_chat_message(message: Message) -> bytes:
    """A posted message for a plain chat client."""
    return plain_chat_frame(message) or to_json(
        {
            "type": "chat.message",
            "message": message.body,
            "room": message.room,
            "author": message.author.name,
            "id": message.id,
            "seq": message.seq,
        }
    )


def plain_chat_announcement(room: str, body: str, source: str, id: str) -> bytes:
    """An announcement for a plain chat client; it has no seq, since it is not a message."""
    return to_json(
        {
            "type": "chat.message",
            "message": body,
            "room": room,
            "author": source,
            "id": id,
            "seq": None,
        }
    )


def plain_chat_error(code: str, message: str) -> bytes:
    """A bad outcome for a plain chat client."""
    return to_json({"type": "error", "code": code, "message": message})


def plain_chat_refusal(error: BusError) -> bytes:
    """An error for a plain chat client, and when to come back where it says so."""
    wire = error.as_wire()
    # It sends nothing but messages.
    wire.pop("field", None)
    return to_json({"type": "error", **wire})
