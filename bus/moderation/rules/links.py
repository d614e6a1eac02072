"""Addresses of other sites: plain ones, shorteners and invitations, and hosts that pose."""

import re
from typing import Final, NamedTuple
from unicodedata import name

from ..context import Context
from ..hosts import hosts
from ..normalise import Normal
from ..policy import Policy
from ..verdict import Hit

_DOT: Final = r"(?:\.|\s?\[\.\]\s?|\s?\(\.\)\s?|\s?[\[(]dot[\])]\s?|\sdot\s)"
_SUFFIXES: Final = "|".join(sorted(hosts("suffix"), reverse=True))
_LINK: Final = re.compile(
    r"(?:h(?:tt|xx)ps?\s?:\s?//|www\.)[^\s<>\"'`]{1,2000}"
    r"|(?<![\w@.-])(?:[\w-]{1,63}"
    + _DOT
    + r"){1,4}(?:"
    + _SUFFIXES
    + r")(?![\w-]|\.\w)(?::\d{1,5})?(?:/[^\s<>\"'`]*)?"
)
# Who is said before an @ hides the host after it.
_HOST: Final = re.compile(
    r"(?:h\w{3,4}\s?:\s?//)?([^/?#@\s]*@)?((?:" + _DOT + r"|[^/?#:\s])+)(/\S*)?"
)
_DOTS: Final = re.compile(_DOT)
# How the name of a host ends, and the dots that disguise it; the leading dot is found fast.
_ENDS: Final = re.compile(r"\.(?:" + _SUFFIXES + r")(?![\w-]|\.\w)").search
_SPELT_DOT: Final = re.compile(r"\sdot\s|[\[(]dot[\])]").search
# Addresses in one text; what follows them is taken for one hit, for every one costs time.
_MOST: Final = 60
_TRAILING: Final = ".,;:!?)]}…"
# Characters around a shortened link that are likely to tell where it leads.
_SAYS_ENOUGH: Final = 40
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


class _Known(NamedTuple):
    """The hosts that a room has named."""

    denied: frozenset[str]
    allowed: frozenset[str]


def _severity(normal: Normal, start: int, end: int, known: _Known, context: Context) -> int:
    """0 allowed, 1 plain, 2 hides something or comes from a stranger, 3 poses, 4 denied."""
    parts = _HOST.match(normal.folded, start, end)
    if parts is None:
        return 1
    first, last = normal.span(parts.start(2), parts.end(2))
    host = _DOTS.sub(".", parts[2]).strip()
    if known.denied and _below(host, known.denied):
        return 4
    if parts[1] or _poses(normal.raw[first:last], host):
        return 3
    if known.allowed and _below(host, known.allowed):
        return 0
    bare = host.removeprefix("www.")
    if (bare + (parts[3] or "")).startswith(tuple(hosts("invite"))) or context.first_message:
        return 2
    # Whoever writes an address so that no machine reads it has a reason.
    if parts[0].startswith("hxxp") or host != parts[2]:
        return 2
    return 2 if bare in hosts("shortener") and _unsaid(normal.folded, end - start) else 1


def _below(host: str, named: frozenset[str]) -> bool:
    """Whether a host is one of these, or below one."""
    while host and host not in named:
        host = host.partition(".")[2]
    return bool(host)


def _unsaid(folded: str, length: int) -> bool:
    """Whether a message says too little beside its link to tell where that leads."""
    return len(folded) - length <= _SAYS_ENOUGH


def _limit(policy: Policy, context: Context) -> int:
    """How many addresses this author may write in one message."""
    age = context.account_age
    new = policy.new_seconds and age is not None and age < policy.new_seconds
    return min(policy.max_links, policy.new_max_links) if new else policy.max_links


def _maybe(folded: str) -> bool:
    """Whether there is a point in looking closely."""
    if "." in folded and (_ENDS(folded) or "www." in folded or "[.]" in folded or "(.)" in folded):
        return True
    return "//" in folded or ("dot" in folded and _SPELT_DOT(folded) is not None)


def find(normal: Normal, policy: Policy, context: Context) -> list[Hit]:
    """One hit for each address, by how much it hides, and one for more of them than may be."""
    folded = normal.folded
    if context.trusted or not _maybe(folded):
        return []
    hits = []
    known = _Known(frozenset(policy.deny_hosts), frozenset(policy.allow_hosts))
    for number, link in enumerate(_LINK.finditer(folded)):
        if number == _MOST:
            start, end = normal.span(link.start(), len(folded))
            hits.append(Hit("links", "spam", 3, start, end, normal.raw[start:end], "text", "link"))
            break
        shown = link[0].rstrip(_TRAILING)
        stop = link.start() + len(shown)
        severity = _severity(normal, link.start(), stop, known, context)
        if severity:
            start, end = normal.span(link.start(), stop)
            matched = normal.raw[start:end]
            hits.append(Hit("links", "link", severity, start, end, matched, "text", "link"))
    limit = _limit(policy, context)
    if len(hits) > limit:
        start, end = hits[limit].start, hits[-1].end
        matched = normal.raw[start:end]
        hits.append(Hit("links", "spam", 2, start, end, matched, "text", "link"))
    return hits
