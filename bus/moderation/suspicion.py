"""What the model alone makes of a text: a reason for a person to look, and never more."""

import re
from typing import Final

from . import model
from .edges import stands
from .ladder import Thresholds
from .lexicon import lexicon
from .normalise import Normal
from .verdict import WHOLE, Hit

_WORD: Final = re.compile(r"[^\W_]+").finditer


def find(normal: Normal, thresholds: Thresholds, likely: float) -> list[Hit]:
    """One hit over the whole text, of severity 1 from the first threshold and 2 from the second.

    `likely` is the model's score of the folded text.
    """
    text, folded = normal.raw, normal.folded
    least = min(thresholds.alert, thresholds.hold)
    if likely >= least and (without := _without_innocents(normal)) != folded:
        likely = model.score_folded(without)
    if likely < least or not text:
        return []
    severity = 2 if likely >= thresholds.hold else 1
    return [Hit("model", "model", severity, 0, len(text), text, WHOLE, "model")]


def _without_innocents(normal: Normal) -> str:
    """The text without words that hold a blocked one inside and are innocent: the model knows
    letters, and would take a shuttlecock for what it ends in.
    """
    words, folded = lexicon(), normal.folded
    innocent = [
        (start, end)
        for pattern, start, end in words.scan(normal)
        if words.readings[pattern][0][0] == "text"
        and not any(stands(term, folded, start, end) for _, term in words.readings[pattern])
    ]
    if not innocent:
        return folded
    return " ".join(
        word[0]
        for word in _WORD(folded)
        if not any(start < word.end() and word.start() < end for start, end in innocent)
    )
