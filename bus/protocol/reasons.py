"""Why a message was held or rejected: the kinds of reason, in words for its author."""

from __future__ import annotations

from typing import NamedTuple

from bus.protocol import errors


class Words(NamedTuple):
    """What the author of a message is told of a reason.

    `phrase` is why, after "Not posted:" on the page; in English, which the page translates. A
    reason that is an error's code has the error's.
    """

    sentence: str
    phrase: str = ""


# Clients may translate by the code. Of what is written:
_OF_TEXTS = {
    "blocked_word": Words(
        "It contains a word that is not allowed here.", "it has a word that is not allowed here"
    ),
    "link": Words("Links are not allowed here.", "links are not allowed here"),
    "personal": Words("It has personal data or a secret.", "it has personal data or a secret"),
    "spam": Words("It looks like spam.", "it looks like spam"),
    "flood": Words("It looks like flooding.", "too many messages in a short time"),
    "mentions": Words("It mentions too many people.", "it mentions too many people"),
    "harassment": Words("It looks like harassment.", "it may hurt somebody"),
    "crisis": Words("Somebody may be in danger.", "somebody may be in danger"),
    "exploitation": Words("It may put somebody at risk.", "it may put somebody at risk"),
    "threat": Words("It looks like a threat.", "it looks like a threat"),
    "doxxing": Words(
        "It seems to lay somebody's private life open.", "it lays somebody's private life open"
    ),
    "drugs": Words("It looks like dealing in drugs.", "it looks like dealing in drugs"),
    "fraud": Words("It looks like fraud.", "it looks like fraud"),
    "model": Words("It looks like abuse or spam.", "it looks like abuse or spam"),
    "new_member": Words(
        "New accounts wait for a moderator for now.", "new accounts wait for a moderator for now"
    ),
    "capitals": Words("It is mostly in capitals.", "it is mostly in capitals"),
    "emoji": Words("It has too many emoji.", "it has too many emoji"),
    "too_long": Words("It is too long."),
    "external": Words("It needs a second look.", "it needs a second look"),
}
# Of who writes, where, and of what people decided:
_OF_PEOPLE = {
    "moderator": Words("A moderator decided so.", "a moderator decided so"),
    "withdrawn": Words("You took it back.", "you took it back"),
    "reported": Words("Members have reported it.", "members have reported it"),
    "review": Words("A moderator looks at it again.", "a moderator looks at it again"),
    "expired": Words("Nobody reviewed it in time.", "nobody reviewed it in time"),
    "muted": Words("You are muted in this room."),
    "banned": Words("You are banned from this room."),
    "forbidden": Words("You may not write in this room."),
    "not_found": Words("The room is gone."),
    "room_archived": Words("The room is archived."),
    "slow_mode": Words("The room is in slow mode."),
    "newcomer": Words(
        "This room asks newcomers to wait a little before they write.",
        "newcomers wait a little here before they write",
    ),
}
REASONS = _OF_TEXTS | _OF_PEOPLE

# What became of a message, and errors: from outside of Bus none of these is taken as a reason.
RESERVED = frozenset(
    {"author", "moderation", *_OF_PEOPLE, *errors.RESERVED_CODES, *errors.by_code()}
)


def text(code: str) -> str:
    """The kind of reason in words."""
    known = REASONS.get(code)
    return known.sentence if known else "It is against the rules of this room."


def phrases() -> dict[str, str]:
    """Every code that a refusal may bear, and why in words that follow "Not posted:"."""
    phrases = {code: words.phrase for code, words in REASONS.items() if words.phrase}
    return (
        phrases | errors.RESERVED_PHRASES | {c: kind.phrase for c, kind in errors.by_code().items()}
    )
