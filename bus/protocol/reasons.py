"""Why a message was held or rejected: the kinds of reason, in words for its author."""

from __future__ import annotations

# Clients may translate by the code.
REASONS = {
    "blocked_word": "It contains a word that is not allowed here.",
    "link": "Links are not allowed here.",
    "spam": "It looks like spam.",
    "flood": "It looks like flooding.",
    "mentions": "It mentions too many people.",
    "harassment": "It looks like harassment.",
    "self_harm": "It speaks of self-harm.",
    "model": "It looks like abuse or spam.",
    "new_member": "New accounts wait for a moderator for now.",
    "capitals": "It is mostly in capitals.",
    "emoji": "It has too many emoji.",
    "too_long": "It is too long.",
    "moderator": "A moderator decided so.",
    "withdrawn": "You took it back.",
    "reported": "Members have reported it.",
    "review": "A moderator looks at it again.",
    "external": "It needs a second look.",
    "expired": "Nobody reviewed it in time.",
    "muted": "You are muted in this room.",
    "banned": "You are banned from this room.",
    "forbidden": "You may not write in this room.",
    "not_found": "The room is gone.",
    "room_archived": "The room is archived.",
    "slow_mode": "The room is in slow mode.",
    "newcomer": "This room asks newcomers to wait a little before they write.",
}

# What became of a message, and errors: from outside of Bus none of these is taken as a reason.
RESERVED = frozenset(
    {
        *("author", "moderator", "moderation", "withdrawn", "reported", "review", "expired"),
        *("muted", "banned", "forbidden", "not_found", "not_member", "room_archived", "slow_mode"),
        "newcomer",
        *("too_long", "invalid", "unauthenticated", "rate_limited", "duplicate", "conflict"),
        *("busy", "unavailable", "internal"),
    }
)


def text(code: str) -> str:
    """The kind of reason in words."""
    return REASONS.get(code, "It is against the rules of this room.")
