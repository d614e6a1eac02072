"""Judges the names of people and rooms, as messages are judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bus.errors import Invalid
from bus.moderation import POLICIES, judge

# The model learned from sentences; and whoever has a loud or short name does no harm.
_POLICY: Final = replace(POLICIES["standard"], model=None, max_capitals=100)
# Nobody would know themselves by stars.
_REFUSED: Final = ("mask", "hold", "reject")


def prepare() -> None:
    """Read the word lists now, so that nobody waits while the first name is looked at."""
    check("room")


def check(name: str) -> None:
    """Refuse a name that nobody should have to read; raises Invalid."""
    # What stands between words in names that have no spaces.
    for text in {name, name.replace("_", " ").replace(".", " ").replace("-", " ")}:
        if judge(text, _POLICY).action in _REFUSED:
            raise Invalid("This name is not allowed here.", field="name")
