"""Addresses of other sites: plain ones, shorteners and invitations, and hosts that pose."""

import re
from typing import Final

from bus.moderation.context import Context
from bus.moderation.links.hosts import RoomHosts, below, denied_places, hosts, particle
from bus.moderation.links.impersonation import disguised, impersonates
from bus.moderation.policy.policy import Policy
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import Hit

_DOT: Final = (
    r"(?:\.|(?<=[a-z0-9])。(?=[a-z0-9])|\s?\[\.\]\s?|\s?\(\.\)\s?|\s?[\[(]dot[\])]\s?|\sdot\s)"
)
_SUFFIXES: Final = "|".join(sorted(hosts("suffix"), reverse=True))
# What may follow the name of a host: a particle and other letters of scripts without spaces too.
_END: Final = r"(?:(?![\w-]|\.\w)|(?=[ㄱ-ㅣ가-힣\u3040-\u30ff\u3400-\u9fff]))"
_LINK: Final = re.compile(
    r"(?<![\w-])(?:javascript:(?=[^\s:])|data:[a-z]+/[\w.+-]+[;,])[^\s<>]{1,2000}|(?:h(?:tt|xx)ps?\s?:\s?//|www\.)[^\s<>\"'`]{1,2000}"
    r"|(?<![\w@.-])(?:[\w-]{1,63}"
    + _DOT
    + r"){1,4}(?:"
    + _SUFFIXES
    + r")"
    + _END
    + r"(?::\d{1,5})?(?:/[^\s<>\"'`]*)?"
)
# Who is said before an @ hides the host after it.
_HOST: Final = re.compile(
    r"(?:h\w{3,4}\s?:\s?//)?([^/?#@\s]*@)?((?:" + _DOT + r"|[^/?#:\s])+)(?::\d{1,5})?(/\S*)?"
)
_DOTS: Final = re.compile(_DOT)
# How the name of a host ends, and the dots that disguise it; the leading dot is found fast.
_ENDS: Final = re.compile(r"\.(?:" + _SUFFIXES + r")" + _END).search
_SPELT_DOT: Final = re.compile(r"\sdot\s|[\[(]dot[\])]").search
# Addresses in one text; what follows them is taken for one hit, for every one costs time.
_MOST: Final = 60
_TRAILING: Final = ".,;:!?)]}…"
# Characters around a shortened link that are likely to tell where it leads.
_SAYS_ENOUGH: Final = 40
# An invitation whose dots stand apart: `discord . gg/x`.
_SPACED_INVITE: Final = re.compile(
    r"(?<![\w.-])(?:"
    + "|".join(re.escape(n).replace(r"\.", r"\s\.\s?") for n in sorted(hosts("invite")))
    + r")(?:(?<=/\+)|(?![a-z0-9.-]))\S*"
).finditer
_SPACED_DOT: Final = re.compile(r"[a-z] \. ?[a-z]").search
# Addresses that a browser runs, and numbers in place of names.
_RUNS: Final = re.compile("javascript:|data:").match
_NUMBER: Final = re.compile(r"(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}|\d{8,10}|0x[\da-f]+").fullmatch
# Labels of the longest host that invites.
_LONGEST_INVITE: Final = 3


def _severity(
    normal: NormalisedText, start: int, end: int, named: RoomHosts, context: Context
) -> int:
    """0 allowed, 1 plain, 2 hides something or comes from a stranger, 3 poses, 4 denied."""
    if _RUNS(normal.folded, start):
        return 3
    parts = _HOST.match(normal.folded, start, end)
    if parts is None:
        return 1
    host = _DOTS.sub(".", parts[2])
    first, last = parts.start(2), parts.end(2) - particle(host)
    written = normal.folded[first:last]
    host = _DOTS.sub(".", written).strip(" .")
    if named.denied and below(host, named.denied):
        return 4
    first, last = normal.span(first, last)
    if parts[1] or disguised(normal.raw[first:last], host):
        return 3
    if named.allowed and below(host, named.allowed):
        return 0
    if impersonates(host):
        return 3
    if number := _NUMBER(host):
        return _of_number(number)
    if _invites(host, parts[3] or "") or context.first_message:
        return 2
    # Whoever writes an address so that no machine reads it has a reason.
    if parts[0].startswith("hxxp") or host != written.rstrip("."):
        return 2
    shortens = host.removeprefix("www.") in hosts("shortener")
    return 2 if shortens and _unsaid(normal.folded, end - start) else 1


def _of_number(number: re.Match[str]) -> int:
    """How much the number of a host hides: nothing of one's own network."""
    if number[1] is None:
        return 3
    first, second = int(number[1]), int(number[2])
    near = first in (10, 127) or (first, second) == (192, 168) or (first, 16) == (172, second & 240)
    return 1 if near else 2


def _invites(host: str, path: str) -> bool:
    """Whether it opens a room elsewhere, at a host below the one that is known for it too."""
    labels = host.split(".")[-_LONGEST_INVITE:]
    tails = (".".join(labels[first:]) for first in range(len(labels) - 1))
    return any((tail + path).startswith(tuple(hosts("invite"))) for tail in tails)


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
    if ":" in folded and ("javascript:" in folded or "data:" in folded):
        return True
    return "//" in folded or "。" in folded or ("dot" in folded and _SPELT_DOT(folded) is not None)


def find(normal: NormalisedText, policy: Policy, context: Context) -> list[Hit]:
    """One hit for each address, by how much it hides, and one for more of them than may be."""
    folded = normal.folded
    if context.trusted:
        return []
    named = policy.hosts
    denied = denied_places(folded, named.denied) if named.denied and "." in folded else []
    hits = _links(normal, policy, context, denied) if _maybe(folded) else []
    spaced = " ." in folded and _SPACED_DOT(folded) is not None
    if not (hits or denied or spaced):
        return []
    covered = bytearray(len(normal.raw))
    for hit in hits:
        covered[hit.start : hit.end] = b"\x01" * (hit.end - hit.start)
    apart = [(4, start, end) for start, end in denied]
    if spaced:
        apart += [(2, *invite.span()) for invite in _SPACED_INVITE(folded)]
    for severity, start, end in apart:
        start, end = normal.span(start, end)
        if 0 in covered[start:end]:
            covered[start:end] = b"\x01" * (end - start)
            hits.append(_hit(normal, "link", severity, start, end))
    hits.sort(key=lambda hit: hit.start)
    limit = _limit(policy, context)
    if len(hits) > limit:
        hits.append(_hit(normal, "spam", 2, hits[limit].start, max(hit.end for hit in hits)))
    return hits


def _links(
    normal: NormalisedText, policy: Policy, context: Context, denied: list[tuple[int, int]]
) -> list[Hit]:
    """The addresses that are written as such; of too many, one more over the rest of the text."""
    hits: list[Hit] = []
    for number, link in enumerate(_LINK.finditer(normal.folded)):
        first = link.start()
        if number == _MOST:
            hits.append(_hit(normal, "spam", 3, *normal.span(first, len(normal.folded))))
            break
        stop = first + len(link[0].rstrip(_TRAILING))
        if any(first <= start and end <= stop for start, end in denied):
            severity = 4
        else:
            severity = _severity(normal, first, stop, policy.hosts, context)
        if severity:
            hits.append(_hit(normal, "link", severity, *normal.span(first, stop)))
    return hits


def _hit(normal: NormalisedText, reason: str, severity: int, start: int, end: int) -> Hit:
    return Hit.at(
        start, end, text=normal.raw, rule="links", reason=reason, severity=severity, category="link"
    )
