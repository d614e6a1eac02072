"""What the model alone makes of a text: a reason for a person to look, and never more."""

import re
from typing import Final

from bus.moderation import classifier
from bus.moderation.classifier.features import is_korean
from bus.moderation.language.spoken import Spoken
from bus.moderation.policy.policy import Policy
from bus.moderation.text.hangul import is_hangul
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import WRITTEN, Hit
from bus.moderation.words.addressee import said_of_oneself, scolds_a_thing
from bus.moderation.words.counting import counts_here, is_excepted
from bus.moderation.words.custom_lists import CustomLists
from bus.moderation.words.lexicon import Lexicon, lexicon
from bus.moderation.words.terms import Term

# The languages of the texts that it was made of.
_LEARNED: Final = frozenset({"en", "ko"})
# Places that look like terms; what follows them is left to the model.
_MOST: Final = 150
_WORD: Final = re.compile(r"[^\W_]+").finditer
_WORDS: Final = re.compile(r"[^\W_]+").findall
# Different words of a Latin text of which the model alone says nothing.
_FEW: Final = 2
# Letters of one Korean word; what is longer is a sentence without its spaces.
_LONGEST_WORD: Final = 8
_LAUGHTER: Final = "ㅋㅎㅠㅜ"


def find(normal: NormalisedText, policy: Policy, probability: float) -> list[Hit]:
    """One hit over the whole text, of severity 1 from the first threshold and 2 from the second.

    `probability` is the model's score of the folded text; of a policy without thresholds, none.
    """
    text, folded, thresholds = normal.raw, normal.folded, policy.model
    if thresholds is None:
        return []
    least = min(thresholds.alert, thresholds.hold)
    if (
        probability >= least
        and (without := _without_innocent_words(normal, policy.custom)) != folded
    ):
        probability = classifier.score_folded(without)
    if probability < least or not text or _says_too_little(normal):
        return []
    if not Spoken(text, (), policy.languages).may_be(_LEARNED, text):
        return []
    severity = 2 if probability >= thresholds.hold else 1
    return [Hit.whole(text=text, rule="model", reason="model", severity=severity)]


def _says_too_little(normal: NormalisedText) -> bool:
    """Whether a text is so short that letters alone do not tell `pitch black` or 제발 from abuse.

    A Latin one with a word of the lists in it, whether or not that counts where it stands, is not.
    """
    words, folded = lexicon(), normal.folded
    said = set(_WORDS(folded))
    if not folded.isascii():
        spoken = [word for word in said if word.strip(_LAUGHTER)]
        return len(spoken) == 1 and is_korean(spoken[0]) and len(spoken[0]) <= _LONGEST_WORD
    if len(said) > _FEW:
        return False
    return not any(
        any(term.severity > 1 for term in _learned(words, pattern))
        and not _inside(folded, start, end)
        for pattern, start, end in words.scan(normal)
    )


def _learned(words: Lexicon, pattern: int) -> list[Term]:
    """The terms that a pattern stands for, but for those of languages that the model knows not."""
    return [
        term
        for _, term in words.readings[pattern]
        if not term.languages or not _LEARNED.isdisjoint(term.languages)
    ]


def _excepted(terms: list[Term], folded: str, start: int, end: int) -> bool:
    """Whether a word is part of something innocent for all that it may stand for.

    An English insult of that kind, as in *useful idiots*, is one all the same.
    """
    if folded[start].isascii() and any(term.category == "harassment" for term in terms):
        return False
    return bool(terms) and all(
        term.exceptions and is_excepted(term, folded, start, end) for term in terms
    )


def _inside(folded: str, start: int, end: int) -> bool:
    """Whether a word goes on before or after this range."""
    return folded[max(0, start - 1) : start].isalnum() or folded[end : end + 1].isalnum()


def _without_innocent_words(normal: NormalisedText, custom: CustomLists) -> str:
    """The text without what the room allows, and without innocent words.

    Those are words that hold a blocked one or are excepted with it, or are said of oneself or a
    thing.

    The model knows letters, and would take a shuttlecock for what it ends in. A whole word that
    does not count where it stands, as an insult that is said to nobody, is left to the model, and
    so is a Korean one that goes on, as 못생겼다 does.
    """
    words, folded = lexicon(), normal.folded
    places = words.scan(normal)[:_MOST]
    found = [
        (terms, start, end)
        for pattern, start, end in places
        if words.readings[pattern][0][0] == WRITTEN and (terms := _learned(words, pattern))
    ]
    whole = bytearray(len(folded))
    for _, start, end in found:
        if not _inside(folded, start, end):
            whole[start:end] = b"\x01" * (end - start)
    scolded = scolds_a_thing(folded)
    innocent = bytearray(len(folded))
    for terms, start, end in found:
        excused = scolded or said_of_oneself(folded, start)
        spelt = is_hangul(folded[start]) or all(whole[start:end])
        if spelt and not (excused or _excepted(terms, folded, start, end)):
            continue
        if not any(counts_here(term, folded, start, end) for term in terms):
            innocent[start:end] = b"\x01" * (end - start)
    for start, end in custom.allows(folded):
        innocent[start:end] = b"\x01" * (end - start)
    if not any(innocent):
        return folded
    return " ".join(
        word[0] for word in _WORD(folded) if not any(innocent[word.start() : word.end()])
    )
