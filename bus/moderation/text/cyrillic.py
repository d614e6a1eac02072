"""Cyrillic words with other letters and signs among theirs: `xуй`, `пи3дa`, `бл@ть`."""

import re
from typing import Final

from bus.moderation.text.confusables import NATIVE
from bus.moderation.text.normalise import NormalisedText

# Letters and signs by what they are drawn like, and those that are read by their sound as well.
_DRAWN: Final = str.maketrans(
    "aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPrRsStTuUvVwWxXyYzZ03469@$",
    "аАвВсСдДеЕфФгГнНиИйЙкКлЛмМпПоОрРгГсСтТиИвВшШхХуУзЗозчбяас",
)
_SOUNDS: Final = _DRAWN | str.maketrans("bBhHnNpPrRuU19", "бБхХнНпПрРуУид")
_CYRILLIC: Final = "\u0400-\u04ff"
_OTHER: Final = "A-Za-z0-9@$"
_mixed: Final = re.compile(f"[{_CYRILLIC}][{_OTHER}]|[{_OTHER}][{_CYRILLIC}]").search
# Beside such signs, and letter by letter, a letter that poses as Latin shows no word that it is of.
_alone: Final = re.compile(
    rf"[{_CYRILLIC}][*#%&|~_^+=]|(?<!\w)[{_CYRILLIC}](?:[^\w\n]{{1,3}}[{_CYRILLIC}](?!\w)){{2}}"
).search
_words: Final = re.compile(f"[{_CYRILLIC}{_OTHER}]+")
_cyrillic: Final = re.compile(f"[{_CYRILLIC}]").search
_READ: Final = "\x1f"


def as_cyrillic(normal: NormalisedText) -> list[NormalisedText]:
    """The Cyrillic words of a text, none as Latin, by looks and by sound; none where that is it.

    A word that mixes alphabets poses as Latin, so these are readings beside the first. Each is as
    long as the text.
    """
    raw = normal.raw
    if raw.isascii() or not (_mixed(raw) or _alone(raw)):
        return []
    readings = dict.fromkeys(_read(raw, table) for table in (_DRAWN, _SOUNDS))
    return [NormalisedText(reading, reading.translate(NATIVE)) for reading in readings]


def _read(raw: str, table: dict[int, int]) -> str:
    return _words.sub(lambda word: _word(word[0], table), raw)


def _word(word: str, table: dict[int, int]) -> str:
    """One word in Cyrillic; one that has none of it was read, and is out of the way."""
    return word.translate(table) if _cyrillic(word) else _READ * len(word)
