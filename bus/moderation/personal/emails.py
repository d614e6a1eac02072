"""E-mail addresses, spelled out as well: `mina (at) mail dot example`."""

import re
from collections.abc import Iterator
from typing import Final

from bus.moderation.links.hosts import hosts
from bus.moderation.personal.kinds import any_word

_NAME: Final = r"(?<![\w./@:+%-])(?!git@)[a-z0-9][\w.+%-]{0,63}"
_AT: Final = rf"(?:@|\s?[\[({{]\s?(?:at|@)\s?[\])}}]\s?|\s?(?:{any_word('at')})\s?)"
_DOT: Final = rf"(?:\.|\s?[\[({{]\s?(?:dot|\.)\s?[\])}}]\s?|\sdot\s|\s?(?:{any_word('dot')})\s?)"
_END: Final = r"(?:[a-z]{2,24}|컴|넷)(?![a-z0-9])"
_SUFFIX: Final = rf"(?:{'|'.join(sorted(hosts('suffix')))})(?![a-z0-9])"
_TYPED: Final = re.compile(rf"{_NAME}@(?:[\w-]{{1,63}}\.){{1,4}}{_END}", re.ASCII)
_SPELT: Final = re.compile(
    rf"{_NAME}{_AT}(?:[a-z0-9-]{{1,63}}{_DOT}){{1,4}}{_END}"
    rf"|{_NAME}\sat\s(?:[a-z0-9-]{{1,63}}\sdot\s){{1,4}}{_SUFFIX}",
    re.ASCII,
)
_MAYBE: Final = re.compile(
    rf"[\[({{]\s?(?:at|@)\s?[\])}}]|\sat\s[a-z0-9-]+\sdot\s|{any_word('at')}"
).search
# The sign stands after a name, and nothing but a name after it.
_SIGN: Final = re.compile(r"[a-z0-9_]@[a-z0-9]").search


def find(folded: str) -> Iterator[tuple[int, int]]:
    """The e-mail addresses of a folded text."""
    if "@" in folded and _SIGN(folded):
        for address in _TYPED.finditer(folded):
            yield address.span()
    if ("at" in folded or "@ " in folded or not folded.isascii()) and _MAYBE(folded):
        for address in _SPELT.finditer(folded):
            yield address.span()
