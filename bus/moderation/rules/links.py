"""Addresses of other sites: plain ones, shorteners and invitations, and hosts that pose."""

import re
from typing import Final

from ..context import Context
from ..normalise import Normal
from ..policy import Policy
from ..verdict import Hit

_SUFFIXES: Final = (
    "com|net|org|info|biz|io|co|me|tv|gg|ly|gl|gd|app|dev|xyz|top|site|online|shop|store|club|live|link|click|win|vip|"
    "icu|fun|pro|tech|cloud|world|space|website|page|blog|news|chat|games?|bet|casino|loan|porn|sex|xxx|adult|cam|"
    "kr|jp|cn|ru|de|fr|uk|us|eu|in|br|it|es|nl|se|ch|at|be|au|ca|tk|ml|ga|cf|gq|to|cc|ws|su|ai|im|id|vn|th|tw|hk|"
    "edu|gov|mil|int|mobi|asia|name|test|example|invalid|onion"
)
_DOT: Final = r"(?:\.|\s?\[\.\]\s?|\s?\(\.\)\s?|\s?[\[(]dot[\])]\s?|\sdot\s)"
_LINK: Final = re.compile(
    r"(?:h(?:tt|xx)ps?\s?:\s?//|www\.)[^\s<>\"'`]{1,2000}"
    r"|(?<![\w@.-])(?:[\w-]{1,63}"
    + _DOT
    + r"){1,4}(?:"
    + _SUFFIXES
    + r")(?![\w-]|\.\w)(?::\d{1,5})?(?:/[^\s<>\"'`]*)?"
)
_HOST: Final = re.compile(r"(?:h\w{3,4}s?\s?:\s?//)?(?:[^/?#@\s]*@)?([^/?#:\s]+)(/[^\s]*)?")
_DOTS: Final = re.compile(_DOT)
_MAYBE: Final = re.compile(r"[./\])]|\bdot\b").search
_TRAILING: Final = ".,;:!?)]}…"
# Not t.co: every link of that site goes through it.
_SHORTENERS: Final = frozenset(
    "bit.ly tinyurl.com goo.gl is.gd v.gd ow.ly cutt.ly rb.gy shorturl.at buff.ly rebrand.ly tiny.cc bl.ink "
    "t.ly s.id han.gl me2.do url.kr vo.la c11.kr zrr.kr bitly.com adf.ly linktr.ee shorte.st ouo.io".split()
)
_INVITES: Final = re.compile(
    r"discord\.gg\b|discord(?:app)?\.com/invite|t\.me/(?:joinchat|\+)|chat\.whatsapp\.com/|"
    r"open\.kakao\.com/|telegram\.me/|line\.me/[rt]i/|join\.skype\.com/|invite\.gg\b|dsc\.gg\b"
).search
# Names that others pose as, and the letters that are drawn alike.
_BRANDS: Final = frozenset(
    "google facebook instagram paypal apple microsoft amazon netflix discord steam steamcommunity steampowered "
    "twitter whatsapp telegram youtube github roblox binance coinbase naver kakao toss coupang".split()
)
_DRAWN: Final = str.maketrans(
    {"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "|": "l"}
)


def _poses(written: str, folded: str, address: str) -> bool:
    """Whether a host looks like a well-known one without being it."""
    if folded.startswith("xn--") or ".xn--" in folded or "@" in address.split("/", 3)[2:3]:
        return True
    # Letters of another script among Latin ones.
    latin = any("a" <= char <= "z" for char in written.lower())
    if latin and not written.isascii() and folded.isascii():
        return True
    labels = folded.split(".")
    for label in labels[:-1]:
        for name in label.split("-"):
            for drawn in (
                name.translate(_DRAWN),
                name.replace("rn", "m"),
                name.replace("vv", "w"),
                name.replace("cl", "d"),
                name.replace("l", "i"),
                name.replace("i", "l"),
            ):
                if drawn != name and drawn in _BRANDS and name not in _BRANDS:
                    return True
    return False


def _severity(written: str, folded: str) -> int:
    """1 plain, 2 hides where it leads or invites elsewhere, 3 poses as another site."""
    parts = _HOST.match(folded)
    host = _DOTS.sub(".", parts[1] if parts else folded).strip()
    start = parts.start(1) if parts else 0
    raw_host = written[start : start + len(parts[1])] if parts else written
    if _poses(raw_host, host, folded):
        return 3
    address = host + ((parts[2] or "") if parts else "")
    bare = host.removeprefix("www.")
    if bare in _SHORTENERS or _INVITES(address):
        return 2
    # Whoever writes an address so that no machine reads it has a reason.
    hidden = folded.startswith("hxxp") or _DOTS.sub(".", folded) != folded
    return 2 if hidden else 1


def find(normal: Normal, policy: Policy, context: Context) -> list[Hit]:
    """One hit for each address, by how much it hides."""
    folded = normal.folded
    if context.trusted or not _MAYBE(folded):
        return []
    hits = []
    for link in _LINK.finditer(folded):
        shown = link[0].rstrip(_TRAILING)
        start, end = normal.span(link.start(), link.start() + len(shown))
        written = normal.raw[start:end]
        hits.append(Hit("links", "link", _severity(written, shown), start, end, written, "text"))
    return hits
