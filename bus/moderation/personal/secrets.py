"""Passwords that are said, keys of services, and private keys."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from bus.moderation.list_file import lines
from bus.moderation.personal.kinds import LISTS, Found, any_word, last_words, places, words
from bus.moderation.text.patterns import linear

# No key of a service is shorter, but for what stands before a mailbox of a host.
_LONG: Final = re.compile(r"[\w+/=.:@-]{20}", re.ASCII).search
_PEM: Final = re.compile(
    r"-{4,5} ?(begin|end) (?:[a-z0-9]+ ){0,3}private key[a-z ]{0,9}-{4,5}"
).finditer
_SAID: Final = re.compile(
    rf"(?P<whose>(?<!\w)(?:{any_word('whose')}) )?(?<![a-z])(?P<word>{any_word('password')})"
    rf"(?: (?:{any_word('for')}) (?:[\w.-]+ ?){{1,3}}?)?"
    rf"(?P<link>[\"'”’]?\s?[:=→]+>?\s?|\s?(?:{any_word('particle')})\s?|\s-+>?\s|は\s?|是\s?|\s(?:{any_word('states')})\s|\s)"
    r"(?P<open>[\"'“”‘’`「『《])?(?P<value>[^\s\"'“”‘’`「」『』《》<>]{4,64})"
)
# Signs at the end of a sentence are no part of what is said in it.
_TRAILING: Final = ".,;:!?)]}…"
_DIGIT: Final = re.compile(r"\d").search
_LETTER: Final = re.compile(r"[a-z]").search
_SIGN: Final = re.compile(r"[^\w가-힣]").search
_TYPED: Final = re.compile(r"[!-~]+").fullmatch
_INSIDE: Final = re.compile(r"[A-Z]").search
_MASKED: Final = re.compile(r"[*•●xX.]+").fullmatch


@cache
def _keys() -> Any:
    """Any of the keys of the list."""
    rows = lines(LISTS / "keys.txt", 2, 2)
    return linear("|".join(row.columns[1] for row in rows), same_case=True)


@cache
def _glued() -> tuple[str, ...]:
    """The words for passwords of scripts in which other words are written onto them."""
    return tuple(word for word in words("password") if not word.isascii())


@cache
def _no_password() -> frozenset[str]:
    return frozenset(words("no-password"))


def find(raw: str) -> Iterator[Found]:
    """The keys of a text as written: their capitals count."""
    if "---" in raw:
        yield from _private_keys(raw)
    if _LONG(raw):
        yield from places("api_key", _keys().finditer(raw), _key)


def _key(key: Any) -> tuple[int, int] | None:
    # Of a pattern with a group, the secret is that group alone.
    group = key.lastindex or 0
    return key.span(group) if _DIGIT(key[group]) else None


def _private_keys(raw: str) -> Iterator[Found]:
    """From where each begins to where it ends, or to the end of the text."""
    begun: int | None = None
    for mark in _PEM(raw.lower()):
        if mark[1] == "begin":
            begun = mark.start() if begun is None else begun
        elif begun is not None:
            yield Found(begun, mark.end(), "private_key")
            begun = None
    if begun is not None:
        yield Found(begun, len(raw), "private_key")


def passwords(raw: str, folded: str, of: frozenset[str]) -> Iterator[Found]:
    """The passwords that a folded text tells, which has these words."""
    if of.isdisjoint(last_words("password")) and (
        folded.isascii() or not any(word in folded for word in _glued())
    ):
        return
    for said in _SAID.finditer(folded):
        start, end = said.span("value")
        end = start + len(folded[start:end].rstrip(_TRAILING))
        if end - start >= 4 and _states(said, folded[start:end], raw, start):
            yield Found(start, end, "password")


def _states(said: re.Match[str], value: str, raw: str, start: int) -> bool:
    """Whether what follows the word is a password, and no remark about one."""
    if not _TYPED(value) or value in _no_password() or _MASKED(value):
        return False
    sure = said["open"] is not None or not said["link"].isspace()
    if _DIGIT(value):
        # A number alone may count something, unless it is said to be it.
        return sure or (_LETTER(value) is not None or len(value) in (4, 6, 8))
    written = raw[start : start + len(value)] if len(raw) == len(said.string) else value
    if _SIGN(value) or (_INSIDE(written[1:]) and not written.isupper()):
        return sure
    if said["open"] is not None:
        return True
    if value.endswith(("ed", "ing", "ly")) or not sure:
        return False
    # One word, as the end of what is said.
    rest = said.string[start + len(value) :].strip()
    return said["whose"] is not None and (not rest or not rest[0].isalnum())
