"""Hosts that look like a well-known one without being it."""

import re
from functools import cache
from itertools import pairwise
from typing import Final
from unicodedata import name

from bus.moderation.links.hosts import LONGEST, below, hosts

# Letters that are drawn as others in the name of a host.
_DRAWN: Final = str.maketrans(
    {"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "|": "l"}
)
_AGAIN: Final = re.compile(r"(.)\1+").sub
# Letters of the shortest name of a brand.
_SHORT: Final = 4


def disguised(written: str, host: str) -> bool:
    """Whether letters of another script stand for Latin ones, in the open or as `xn--`."""
    if host.startswith("xn--") or ".xn--" in host:
        return True
    # Accents are a language's own, and so is a full stop that is round.
    return host.isascii() and any(
        not char.isascii() and char != "。" and "LATIN" not in name(char, "LATIN")
        for char in written
    )


def impersonates(host: str) -> bool:
    """Whether a part of its name is, or may be taken for, the name of another site."""
    if below(host, hosts("genuine")):
        return False
    brands = hosts("brand")
    labels = host[-LONGEST:].split(".")
    for label in dict.fromkeys(labels[:-1]):
        parts = label.split("-")
        if any(part not in brands and not brands.isdisjoint(_drawn(part)) for part in parts):
            return True
        if len(parts) > 1 and not (brands.isdisjoint(parts) or hosts("bait").isdisjoint(parts)):
            return True
    if _bought(labels):
        return True
    return any(
        label in brands and suffix in hosts("suffix") and not _national(labels[at + 1 :])
        for at, (label, suffix) in enumerate(pairwise(labels))
    )


def _bought(labels: list[str]) -> bool:
    """Whether the name that somebody has bought poses: `com-id.support`, `metamask-io.app`."""
    ending = labels[-2:] if len(labels) > 2 and _national(labels[-2:]) else labels[-1:]
    if len(labels) == len(ending):
        return False
    name = labels[-len(ending) - 1]
    parts = name.split("-")
    if len(parts) > 1 and (parts[0] in hosts("second") or not hosts("coined").isdisjoint(parts)):
        return True
    # Their sites under the names of other countries are known.
    if name in hosts("brand"):
        return ending[0] in hosts("cheap") or (len(ending) > 1 and ending[0] == "com")
    return False


def _national(ending: list[str]) -> bool:
    """Whether this is how a host ends: `com`, `co.kr`, and not `com.evil.example`."""
    return len(ending) == 1 or (
        len(ending) == 2 and ending[0] in hosts("second") and len(ending[1]) == 2
    )


def _drawn(part: str) -> tuple[str, ...]:
    """What a name may be taken for at a glance."""
    return (
        part.translate(_DRAWN),
        part.replace("1", "i"),
        part.replace("rn", "m"),
        part.replace("vv", "w"),
        part.replace("cl", "d"),
        part.replace("l", "i"),
        part.replace("i", "l"),
        *_drawn_out(part),
    )


def _drawn_out(part: str) -> list[str]:
    """The names of which this one only repeats letters: `gooogle`."""
    once = _AGAIN(r"\1", part) if len(part) > _SHORT else part
    if once == part:
        return []
    return [brand for brand in _said_once().get(once, ()) if len(part) > len(brand)]


@cache
def _said_once() -> dict[str, list[str]]:
    """The names by what is left of them without letters that are said again."""
    found: dict[str, list[str]] = {}
    for brand in hosts("brand"):
        found.setdefault(_AGAIN(r"\1", brand), []).append(brand)
    return found
