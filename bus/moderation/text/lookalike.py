"""What a name looks like: names that people take for one another have the same skeleton.

After UTS 39, with the table of look-alike letters that the rules read by. Names are of any script,
so the vowels and marks that tell words apart in theirs stay.
"""

import re
import unicodedata
from typing import Final

from bus.moderation.text.confusables import JAMO, TABLE
from bus.unicode.normal_form import fold

_LONGEST: Final = 300
# Marks that one reads over: accents, Hebrew and Arabic points. Vowels of Thai are none. And those
# that nobody sees: they choose between forms of the letter before them.
_READ_OVER: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u17b4\u17b5\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
# Drawn like another Latin letter than what folding makes of them.
_UNFOLDED: Final = str.maketrans("ΗΜΝΥϒϹϲՏ", "hmnyyccs")
# Greek, Cyrillic and Armenian: accents come off, as they do in Latin.
_ALPHABETS: Final = range(0x370, 0x590)
# Signs of Korean, Japanese and Chinese that are drawn alike.
_EASTERN: Final = {
    **dict(zip("ヘリカニロエタトハミ", "へり力二口工夕卜八三", strict=True)),
    **dict(zip("ーㅡㅁㅇ〇ㅣㅏ", "一一口ooi卜", strict=True)),
}
# Drawn with the same strokes: i, capital I, small L and 1; o and 0; rn and m; vv and w.
_STROKES: Final = str.maketrans(
    {
        **{"0": "o", "1": "l", "i": "l", "|": "l", "m": "rn", "w": "vv", "ᗅ": "a"},
        **dict.fromkeys("ഠဝסჿ𐐬𐓪𑣈", "o"),
        **dict.fromkeys("зӡʒȝ", "3"),
    }
)
_BETWEEN_DIGITS: Final = re.compile("(?<=[0-9])\0+(?=[0-9])")


def lookalike(name: str) -> str:
    """The skeleton of a name; the signs in it count where they part digits, and nowhere else."""
    folded = fold(_unfolded(name))
    drawn = "".join(map(_drawn, folded))
    joined = _BETWEEN_DIGITS.sub("-", drawn).replace("\0", "")
    return (joined.translate(_STROKES) or folded)[:_LONGEST]


def _unfolded(name: str) -> str:
    # Twice: some are themselves another form of what folds, others are found below their accents.
    parts = unicodedata.normalize("NFKD", name.translate(_UNFOLDED))
    return parts.translate(_UNFOLDED)


def _drawn(char: str) -> str:
    """One folded character as the eye takes it: empty where it sees none, NUL for a sign."""
    read_as = TABLE.get(ord(char), char)
    if read_as is None:
        kept = unicodedata.category(char)[0] == "M" and not _READ_OVER.match(char)
        return char if kept else ""
    if not read_as.isascii():
        digit = unicodedata.decimal(char, None)
        read_as = str(digit) if digit is not None else _foreign(char, read_as)
    if read_as not in "@|" and unicodedata.category(read_as[:1] or " ")[0] not in "LMN":
        return "\0"
    return read_as


def _foreign(char: str, read_as: str) -> str:
    """A letter that no Latin one looks like."""
    if ord(char) not in _ALPHABETS:
        # Folding would take the voice of Japanese letters for an accent.
        read_as = JAMO.get(char, char)
    return _EASTERN.get(read_as, read_as)
