"""By what a text shows its language: small words, letters and scripts, as their list has them."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from bus.moderation.list_file import lines
from bus.moderation.text.confusables import TABLE, any_of_alphabets
from bus.moderation.text.hangul import is_hangul

_LIST: Final = Path(__file__).with_name("signs.txt")
_NONE: Final[frozenset[str]] = frozenset()
_EASTERN: Final = frozenset({"HIRAGANA", "KATAKANA", "CJK", "IDEOGRAPHIC"})
_HANGUL: Final = "HANGUL"
LATIN: Final = "LATIN"
EASTERN: Final = "EASTERN"
# Any word of a text may be an English one with an accent that nobody needs: `yöu`.
_ENGLISH: Final = "en"


@dataclass(frozen=True, slots=True)
class Signs:
    """Which languages have a word, a letter, a script."""

    words: Mapping[str, frozenset[str]]
    letters: Mapping[str, frozenset[str]]
    scripts: Mapping[str, frozenset[str]]

    @property
    def languages(self) -> frozenset[str]:
        """All languages that have signs."""
        return frozenset().union(*self.scripts.values())

    def of(self, word: str) -> frozenset[str]:
        """The languages that a word in lower case is a sign of; most words are of none."""
        known = self.words.get(word)
        if known is not None or word.isascii():
            return known or _NONE
        bare = self.words.get(word.translate(TABLE), _NONE)
        if _ENGLISH in bare:
            return bare
        found: frozenset[str] | None = None
        for letter in word:
            having = self.letters.get(letter)
            if having is None and (letter.isascii() or _script(letter) != LATIN):
                # Of scripts but Latin those alone are listed that some of its languages have.
                continue
            found = (having or _NONE) if found is None else found & (having or _NONE)
        return found or _NONE


@cache
def signs() -> Signs:
    """Read the list, at the first call; raises ListError."""
    words: dict[str, set[str]] = {}
    letters: dict[str, set[str]] = {}
    scripts: dict[str, set[str]] = {}
    for line in lines(_LIST, 3, 3):
        language = line.columns[0]
        into = words if line.choice(1, "kind", ("word", "letter")) == "word" else letters
        for item in line.items(2, " "):
            into.setdefault(item, set()).add(language)
            if script := script_of(item):
                scripts.setdefault(script, set()).add(language)
    for word in list(words):
        # Who is in haste leaves accents out.
        bare = word.translate(TABLE)
        if bare not in words and len(bare) > 1:
            words[bare] = set(words[word])
    frozen = (
        {key: frozenset(of) for key, of in each.items()} for each in (words, letters, scripts)
    )
    return Signs(*frozen)


def script_of(text: str) -> str:
    """The script of what is written: Hangul, else Japanese and Chinese, else Latin if it has any.

    Else that of its first letter; empty where there is no letter.
    """
    found = dict.fromkeys(map(_script, dict.fromkeys(text)))
    found.pop("", None)
    for script in (_HANGUL, EASTERN, LATIN):
        if script in found:
            return script
    return next(iter(found), "")


def confined(text: str) -> bool:
    """Whether what is written shows by its script alone which language it is of: Hangul."""
    return not text.isascii() and len(signs().scripts.get(script_of(text), _NONE)) == 1


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    if char.isascii():
        return LATIN if char.isalpha() else ""
    if is_hangul(char):
        return _HANGUL
    if not char.isalpha():
        return ""
    bare = TABLE.get(ord(char))
    if bare and bare.isascii() and any_of_alphabets(char) is None:
        return LATIN
    name = unicodedata.name(char, "").partition(" ")[0]
    return EASTERN if name in _EASTERN else name
