"""Personal data: in the rows of messages, and in what the broker keeps of them."""

from __future__ import annotations

from typing import Any

from bus.enforcement import room_policies
from bus.models import Message, Room
from bus.moderation import POLICIES, Policy, redacted
from bus.moderation.personal.kinds import KINDS
from bus.protocol.channel_messages import MessageSubmitted

# What is gone by where nobody knows what a room goes by.
_ALL = Policy.from_parts(POLICIES["off"], {"personal": dict.fromkeys(KINDS, "mask")})


def is_waiting(row: Message) -> bool:
    """Whether a message's row has personal data that its verdict shows starred."""
    verdict: dict[str, Any] = row.verdict or {}
    starred = verdict.get("body")
    return (
        starred is not None
        and starred != row.body
        and any(hit.get("rule") == "personal" for hit in verdict.get("rules", ()))
    )


def of_dead_letter(message: MessageSubmitted) -> str:
    """A text that nobody could settle, without personal data: as its room has it, else all."""
    try:
        room = Room.objects.filter(name=message.room).first()
        policy = _ALL if room is None else room_policies.of_room(room)
    except Exception:
        # It may be what kept the message from being settled.
        policy = _ALL
    return redacted(message.body, policy)
