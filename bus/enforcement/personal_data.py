"""Personal data: in the rows of messages, and in what the broker keeps of them."""

from __future__ import annotations

from typing import Any

from bus.enforcement import room_policies
from bus.models import Message, Room
from bus.moderation import POLICIES, Policy, redacted
from bus.moderation.personal.kinds import KINDS
from bus.protocol.channel_messages import MessageSubmitted

# What is gone by where nobody knows what a room goes by.
_ALL = Policy.from_parts(
    POLICIES["off"], {"personal": dict.fromkeys(KINDS, "mask"), "max_length": 100_000}
)


def without_waiting(row: Message) -> str:
    """A message's text, starred where its verdict shows personal data starred."""
    verdict: dict[str, Any] = row.verdict or {}
    shown = row.as_reviewed
    # Whatever else was stored of it, by anybody, keeps nobody from deciding.
    hits = [hit for hit in verdict.get("rules", ()) if isinstance(hit, dict)]
    if not row.body or not any(hit.get("rule") == "personal" for hit in hits):
        return row.body
    if len(shown) != len(row.body):
        return shown
    pairs = zip(row.body, shown, strict=True)
    return "".join("*" if instead == "*" else written for written, instead in pairs)


def of_unread(body: str) -> str:
    """A text of a message that nobody could read, without any personal data."""
    return redacted(body, _ALL)


def of_dead_letter(message: MessageSubmitted) -> str:
    """A text that nobody could settle, without personal data: as its room has it, else all."""
    try:
        room = Room.objects.filter(name=message.room).first()
        policy = _ALL if room is None else room_policies.of_room(room)
    except Exception:
        # It may be what kept the message from being settled.
        policy = _ALL
    return redacted(message.body, policy)
