"""Judges the names of people and rooms, as messages are judged."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from bus.conf import conf
from bus.moderation import POLICIES, Policy, judge, lookalike
from bus.moderation.list_file import by_kind
from bus.moderation.words.terms import LISTS, Term, load
from bus.protocol.errors import Invalid

_LIST: Final = by_kind(LISTS / "names.txt", ("given", "word", "allowed", "pattern"), " ; ")
_GIVEN: Final = frozenset(_LIST["given"])
_SHORTEST: Final = 6
_BETWEEN_WORDS: Final = re.compile(r"[_.-]+")
# Where a word begins in a name that has no spaces: `BigName`, `name4you`.
_WORD_BEGINS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])[0-9]+(?=[A-Za-z]|\Z)")


def _anywhere(term: Term) -> str | None:
    """A severe term as it is looked for where no spaces part words; None where it is not."""
    if term.severity < 4 or not term.latin or not term.joined.isalpha():
        return None
    if term.text != term.joined:
        return f"{term.joined}*" if len(term.joined) > _SHORTEST else None
    longer = len(term.text) >= _SHORTEST and term.boundary in ("any", "prefix")
    return f"*{term.text}*" if longer and term.category == "slur" else None


# The model learned from sentences; and whoever has a loud or short name does no harm.
_POLICY: Final = Policy.from_parts(
    POLICIES["standard"],
    {
        "model": None,
        "max_capitals": 100,
        "words": [*filter(None, map(_anywhere, load("en"))), *_LIST["word"]],
        "allowed": list(_LIST["allowed"]),
        "patterns": list(_LIST["pattern"]),
    },
)
# Nobody would know themselves by stars.
_REFUSED: Final = ("mask", "hold", "reject")


def prepare() -> None:
    """Read the word lists now, so that nobody waits while the first name is looked at."""
    check("room")


def check(name: str) -> None:
    """Refuse a name that nobody should have to read; raises Invalid."""
    if name.lower() in _GIVEN:
        return
    spaced = _BETWEEN_WORDS.sub(" ", name)
    for text in {spaced, _WORD_BEGINS.sub(" ", spaced)}:
        if judge(text, _POLICY).action in _REFUSED:
            raise Invalid("This name is not allowed here.", field="name")


def is_reserved(name: str) -> bool:
    """Whether it looks like a name of BUS_RESERVED_NAMES."""
    skeleton = lookalike(name)
    whole, beginnings = _reserved(tuple(conf.reserved_names))
    return skeleton in whole or skeleton.startswith(beginnings)


@lru_cache(8)
def _reserved(names: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    whole = frozenset(lookalike(name) for name in names if not name.endswith("*"))
    return whole, tuple(lookalike(name[:-1]) for name in names if name.rstrip("*") != name)
