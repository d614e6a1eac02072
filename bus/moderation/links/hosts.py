"""Hosts that the rule on links knows by name: from their list, and those that a room has named."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from bus.moderation.list_file import by_kind
from bus.moderation.text.normalise import normalise

_POSING: Final = ("brand", "coined", "bait", "genuine", "cheap")
_LIST: Final = Path(__file__).with_name("hosts.txt")
# A mailbox, or what may be a host; an escaped sign before it is none of its letters.
_NAME: Final = re.compile(
    r"(?<=\w)@[\w.-]+|(?:%[0-9a-f]{2}|(?<![\w-]))([\w-]+(?:\.[\w-]+)+)"
).finditer
_SPACED_DOT: Final = re.compile(r"\s+\.\s?")
# Characters of the longest name that a host may have.
LONGEST: Final = 253
_LATIN: Final = re.compile("[a-z0-9-]+").match
# Letters of other scripts, and underscores, before a name that is written without a space.
_BEFORE: Final = re.compile(r"[^.]*[^a-z0-9.-]").match


@lru_cache(maxsize=8)
def hosts(kind: str) -> frozenset[str]:
    """The names of one kind, which the list explains."""
    return frozenset(_hosts()[kind])


@cache
def _hosts() -> Mapping[str, tuple[str, ...]]:
    return by_kind(_LIST, ("suffix", "shortener", "invite", *_POSING, "second"), " ")


@dataclass(frozen=True, slots=True, eq=False)
class RoomHosts:
    """The hosts that a room has named, folded as texts are."""

    denied: frozenset[str]
    allowed: frozenset[str]


@lru_cache(maxsize=64)
def room_hosts(denied: tuple[str, ...], allowed: tuple[str, ...]) -> RoomHosts:
    """Fold a room's hosts; rooms with the same ones share the result."""
    return RoomHosts(
        frozenset(map(_folded, denied)) - {""}, frozenset(map(_folded, allowed)) - {""}
    )


def _folded(name: str) -> str:
    return normalise(name).folded.strip(" .")


def below(host: str, names: frozenset[str]) -> bool:
    """Whether a host is one of these, or below one."""
    while host and host not in names:
        host = host.partition(".")[2]
    return bool(host)


def particle(host: str) -> int:
    """How many letters of another script follow the name of a host: `wiki.example에서` has two."""
    last = host[host.rfind(".") + 1 :]
    latin = _LATIN(last)
    after = last[latin.end() :] if latin else ""
    return len(after) if after[:1] == "_" or not after.isascii() else 0


def denied_places(folded: str, denied: frozenset[str]) -> list[tuple[int, int]]:
    """Where these hosts stand: inside other addresses, words of other scripts, spaced out too."""
    places = _places(folded, denied)
    if " ." in folded:
        squeezed, at = _squeezed(folded)
        places += [(at[start], at[end - 1] + 1) for start, end in _places(squeezed, denied)]
    return list(dict.fromkeys(places))


def _places(folded: str, denied: frozenset[str]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for name in _NAME(folded):
        if name[1] is None:
            continue
        for end in {name.end(1), name.end(1) - particle(name[1])}:
            start = _denied(folded, name.start(1), end, denied)
            if start is not None:
                found.append((start, end))
                break
    return found


def _denied(folded: str, start: int, end: int, denied: frozenset[str]) -> int | None:
    """Where in this name a denied one begins that it is, or is below."""
    if end - start > LONGEST:
        start = folded.find(".", end - LONGEST, end) + 1
    while True:
        if folded[start:end] in denied:
            return start
        before = _BEFORE(folded, start, end)
        if before is not None and folded[before.end() : end] in denied:
            return before.end()
        start = folded.find(".", start, end) + 1
        if not start:
            return None


def _squeezed(folded: str) -> tuple[str, list[int]]:
    """A text without the spaces at its dots, and where each of its letters was."""
    pieces: list[str] = []
    at: list[int] = []
    start = 0
    for dot in _SPACED_DOT.finditer(folded):
        pieces += folded[start : dot.start()], "."
        at += range(start, dot.start() + 1)
        start = dot.end()
    at += range(start, len(folded))
    return "".join([*pieces, folded[start:]]), at
