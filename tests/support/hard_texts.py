"""Texts made to be slow or to break something: for the test and for the benchmark."""

import random
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from bus.moderation.text.confusables import TABLE
from bus.moderation.words.terms import languages, load, load_spam_phrases

LENGTH = 2000
UNITS = [
    *("a", "([{<", "\u0301", "a\u0301", "\u202e", "\ud800", "\u200b", "👩\u200d", "🇺", "½"),
    *("fuck ", "f u c k ", "s.h.i.t.", "sh1t", "assassin ", "ass hole ", "sibal", "n!gg3r"),
    *("시 발 ", "ㅅㅂ", "ㅅㅣㅂㅏㄹ", "씨.발.", "새애끼", "시발점 ", "다시 발견 ", "ㅗ", "ㅋ"),
    *("@a", "a.co ", "http://a", "www.", "a.b.", "bit.ly/a ", "[.]", "dot ", "xn--", "hxxp://"),
    *("f**k ", "f***", "a-", "a ", "k y s ", "tlqkf", "s#it ", "f1uck ", "f+u+c+k+", "i1!|"),
    *("you are stupid ", "you so very really just ", "너 진짜 ", "병신들아", "£1 txt 80000 ", "🔥"),
    *("stupid ", "trolls, trolls and scum; ", "dumbcock "),
    *("7", "1", "b r a i n d e a d s.", "jjii99aabboo", "k!k!a!e.j!j!a!n!", "£ᄉ", ".🇺"),
    *("sz*qqqqq ", "}'sh*tyou", "(callf*ck", "b*****z ", "s*" * 20 + " ", "b#c%d*fgh "),
]
# Words with stars that are all different, so that nothing is remembered of one for the next.
DIFFERENT = " ".join(f"s{a}*{b}{c}qqq" for a in "zxqjv" for b in "zxqjvw" for c in "zxqjvwkd")
PIECES = [
    *("fuck", "shit", "bitch", "ass", "cunt", "kys", "you", "are", "stupid", "idiot", "free"),
    *("a", "f", "s", "i", "t", "@", "$", "1", "!", ".", "*", "-", " ", "'", "\n", "://"),
    *("시", "발", "씨", "병", "신", "새", "끼", "개", "ㅅ", "ㅂ", "ㅣ", "ㅏ", "\u1109", "\u0301"),
]


@lru_cache(maxsize=1)
def terms() -> list[str]:
    """All that the lists hold: they are open, so those who attack them have read them."""
    return [term.text for name in languages() for term in load(name)] + [
        phrase.text for phrase in load_spam_phrases()
    ]


@lru_cache(maxsize=1)
def odd() -> list[str]:
    """Letters that fold to others, to more than one or to nothing, and jamo that join."""
    return [chr(code) for code in TABLE] + [chr(code) for code in range(0x1100, 0x1200)] * 8


def disguised(term: str, chance: random.Random) -> str:
    """A term as somebody writes it who does not want it to be found."""
    return chance.choice(
        (
            " ".join(term),
            chance.choice(".-*1!|+ ").join(term),
            unicodedata.normalize("NFD", term),
            "".join(letter * chance.randrange(1, 3) for letter in term),
            term.translate(str.maketrans("aeiost", "@31057")),
            term.replace(chance.choice(term), "*"),
            term.upper(),
            term,
        )
    )


def piece(chance: random.Random) -> str:
    """Something that some part of the engine has to look at."""
    kind = chance.randrange(6)
    if kind < 2:
        return disguised(chance.choice(terms()), chance) + chance.choice(("", " ", ".", ",", "! "))
    if kind == 2:
        return chance.choice(odd())
    return chance.choice((UNITS, PIECES, PIECES + UNITS)[kind - 3])


def fresh(chance: random.Random) -> str:
    """A text of a few pieces again and again, or of many."""
    pieces = [piece(chance) for _ in range(chance.choice((2, 6, 20, 400)))]
    if chance.random() < 0.3:
        return ("".join(pieces) * LENGTH)[:LENGTH]
    return "".join(chance.choice(pieces) for _ in range(LENGTH))[:LENGTH]


def changed(text: str, other: str, chance: random.Random) -> str:
    """A text with a stretch of it replaced: by pieces, by one of them often, or by another's."""
    at, size = chance.randrange(LENGTH), chance.choice((1, 10, 50, 200, 800))
    put = chance.choice(
        (
            "".join(piece(chance) for _ in range(chance.randrange(1, 60))),
            piece(chance) * chance.randrange(1, 100),
            other[at : at + size],
            text[at : at + size] * chance.randrange(1, 20),
            "",
        )
    )
    made = text[:at] + put + text[at + size :]
    return (made + made + text)[:LENGTH]


def texts(mixtures: int = 40) -> Iterator[tuple[str, str]]:
    """Each text with a name: one piece again and again, and mixtures, the same at every run."""
    for unit in UNITS:
        yield repr(unit), (unit * LENGTH)[:LENGTH]
    yield "different stars", DIFFERENT[:LENGTH]
    chance = random.Random(1)
    for number in range(mixtures):
        pieces = chance.sample(PIECES, chance.choice((3, 6, 12, len(PIECES))))
        text = "".join(chance.choice(pieces) for _ in range(LENGTH))
        yield f"mixture {number}", text[:LENGTH]
        yield f"crowd {number}", fresh(chance)
