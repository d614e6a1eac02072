"""Texts made to be slow or to break something: for the test and for the benchmark."""

import random
from collections.abc import Iterator

LENGTH = 2000
UNITS = [
    *("a", "([{<", "\u0301", "a\u0301", "\u202e", "\ud800", "\u200b", "👩\u200d", "🇺", "½"),
    *("fuck ", "f u c k ", "s.h.i.t.", "sh1t", "assassin ", "ass hole ", "sibal", "n!gg3r"),
    *("시 발 ", "ㅅㅂ", "ㅅㅣㅂㅏㄹ", "씨.발.", "새애끼", "시발점 ", "다시 발견 ", "ㅗ", "ㅋ"),
    *("@a", "a.co ", "http://a", "www.", "a.b.", "bit.ly/a ", "[.]", "dot ", "xn--", "hxxp://"),
    *("f**k ", "f***", "a-", "a ", "k y s ", "tlqkf", "s#it ", "f1uck ", "f+u+c+k+", "i1!|"),
    *("you are stupid ", "you so very really just ", "너 진짜 ", "병신들아", "£1 txt 80000 ", "🔥"),
    *("stupid ", "trolls, trolls and scum; ", "dumbcock "),
    *("sz*qqqqq ", "}'sh*tyou", "(callf*ck", "b*****z ", "s*" * 20 + " ", "b#c%d*fgh "),
]
# Words with stars that are all different, so that nothing is remembered of one for the next.
DIFFERENT = " ".join(f"s{a}*{b}{c}qqq" for a in "zxqjv" for b in "zxqjvw" for c in "zxqjvwkd")
PIECES = [
    *("fuck", "shit", "bitch", "ass", "cunt", "kys", "you", "are", "stupid", "idiot", "free"),
    *("a", "f", "s", "i", "t", "@", "$", "1", "!", ".", "*", "-", " ", "'", "\n", "://"),
    *("시", "발", "씨", "병", "신", "새", "끼", "개", "ㅅ", "ㅂ", "ㅣ", "ㅏ", "\u1109", "\u0301"),
]


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
