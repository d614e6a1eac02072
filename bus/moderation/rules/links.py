"""Addresses of other sites: plain ones, shorteners and invitations, and hosts that pose."""

import re
from typing import Final
from unicodedata import name

from ..context import Context
from ..hosts import hosts
from ..normalise import Normal
from ..policy import Policy
from ..verdict import Hit

_DOT: Final = r"(?:\.|\s?\[\.\]\s?|\s?\(\.\)\s?|\s?[\[(]dot[\])]\s?|\sdot\s)"
_LINK: Final = re.compile(
    r"(?:h(?:tt|xx)ps?\s?:\s?//|www\.)[^\s<>\"'`]{1,2000}"
    r"|(?<![\w@.-])(?:[\w-]{1,63}"
    + _DOT
    + r"){1,4}(?:"
    + "|".join(sorted(hosts("suffix"), reverse=True))
    + r")(?![\w-]|\.\w)(?::\d{1,5})?(?:/[^\s<>\"'`]*)?"
)
# Who is said before an @ hides the host after it.
_HOST: Final = re.compile(
    r"(?:h\w{3,4}\s?:\s?//)?([^/?#@\s]*@)?((?:" + _DOT + r"|[^/?#:\s])+)(/\S*)?"
)
_DOTS: Final = re.compile(_DOT)
_MAYBE: Final = re.compile(r"[./\])]|\bdot\b").search
_TRAILING: Final = ".,;:!?)]}…"
# Letters that are drawn as others in the name of a host.
_DRAWN: Final = str.maketrans(
    {"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "|": "l"}
)


def _poses(written: str, host: str) -> bool:
    """Whether a host looks like a well-known one without being it."""
    if host.startswith("xn--") or ".xn--" in host:
        return True
    # Letters of another script that fold to Latin ones; accents are a language's own.
    if host.isascii() and any(not c.isascii() and "LATIN" not in name(c, "LATIN") for c in written):
        return True
    brands = hosts("brand")
    labels = [part for label in host.split(".")[:-1] for part in label.split("-")]
    return any(part not in brands and not brands.isdisjoint(_drawn(part)) for part in labels)


def _drawn(name: str) -> tuple[str, ...]:
    """What a name may be taken for at a glance."""
    return (
        name.translate(_DRAWN),
        name.replace("rn", "m"),
        name.replace("vv", "w"),
        name.replace("cl", "d"),
        name.replace("l", "i"),
        name.replace("i", "l"),
    )


def _severity(normal: Normal, start: int, end: int) -> int:
    """1 plain, 2 hides where it leads or invites elsewhere, 3 poses as another site."""
    parts = _HOST.match(normal.folded, start, end)
    if parts is None:
        return 1
    first, last = normal.span(parts.start(2), parts.end(2))
    host = _DOTS.sub(".", parts[2]).strip()
    if parts[1] or _poses(normal.raw[first:last], host):
        return 3
    bare = host.removeprefix("www.")
    if bare in hosts("shortener") or (bare + (parts[3] or "")).startswith(tuple(hosts("invite"))):
        return 2
    # Whoever writes an address so that no machine reads it has a reason.
    return 2 if parts[0].startswith("hxxp") or host != parts[2] else 1


def find(normal: Normal, policy: Policy, context: Context) -> list[Hit]:
    """One hit for each address, by how much it hides."""
    folded = normal.folded
    if context.trusted or not _MAYBE(folded):
        return []
    hits = []
    for link in _LINK.finditer(folded):
        shown = link[0].rstrip(_TRAILING)
        severity = _severity(normal, link.start(), link.start() + len(shown))
        start, end = normal.span(link.start(), link.start() + len(shown))
        hits.append(Hit("links", "link", severity, start, end, normal.raw[start:end], "text"))
    return hits
