"""How subcommands, and the tools of this repository, show times, ages, messages and tables."""

from __future__ import annotations

import datetime as dt
import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

# Anything but line feeds and tabs that could steer a terminal; messages are strangers' words.
# What could not be read as text at all (\ud800-\udfff) no terminal takes.
_STEERING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# The year 9999 ends with it; what lies in the broker may say anything.
_LATEST_MS = 253_402_300_799_999
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def clock(ms: int) -> str:
    """A time in ms since 1970, in TIME_ZONE, with its offset."""
    at = dt.datetime.fromtimestamp(min(ms, _LATEST_MS - 86_400_000) / 1000, dt.UTC)
    return timezone.localtime(at).isoformat(sep=" ", timespec="milliseconds")


def parse_time(text: str, now: int) -> int:
    """A time as people write it, in ms since 1970; raises CommandError.

    `now`; `90s`, `15m`, `2h`, `3d` ago; or ISO 8601, in TIME_ZONE where it names no offset.
    """
    word = text.strip()
    if word == "now":
        return now
    if match := re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smhd])", word):
        return now - int(float(match[1]) * _UNITS[match[2]] * 1000)
    try:
        at = dt.datetime.fromisoformat(word)
    except ValueError:
        raise CommandError(
            f"{text!r} is no time. Say 2026-11-21T14:30, or 2h for two hours ago (s, m, h, d), "
            "or now. Nothing was sent."
        ) from None
    return round((at if at.tzinfo else timezone.make_aware(at)).timestamp() * 1000)


def age(seconds: float | None) -> str:
    """A duration in at most two units."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if hours >= 48:
        return f"{hours // 24}d {hours % 24}h"
    return f"{hours}h {minutes % 60}m" if hours else f"{minutes}m {int(seconds % 60)}s"


def printable(text: str) -> str:
    """Text that cannot steer a terminal, line feeds and tabs kept."""
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def in_line(text: str, width: int) -> str:
    """Text on one line, cut to a width in characters."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= width else line[: width - 1] + "…"


def as_json(message: Any) -> str:
    """A message as one line of JSON; bytes and the like as text."""
    try:
        return printable(json.dumps(message, ensure_ascii=False, default=_as_json))
    except (TypeError, RecursionError):
        # Keys that are bytes, or more depth than JSON is written with.
        return json.dumps(printable(_cut_short(message)), ensure_ascii=False)


def shown(message: dict[str, Any] | None, payload: bytes) -> str:
    """A message without its type as JSON, or its payload as hex where it cannot be decoded."""
    if message is None:
        return payload.hex()
    return as_json({name: value for name, value in message.items() if name != "type"})


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows under a head, the first `left` columns and the last one aligned to the left."""
    lines = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(head))]
    last = len(head) - 1
    return "\n".join(
        "  ".join(
            _pad(cell, widths[column], to_left=column < left or column == last)
            for column, cell in enumerate(line)
        ).rstrip()
        for line in lines
    )


def _cut_short(message: object) -> str:
    try:
        return repr(message)
    except RecursionError:
        return "(too deep to be shown)"


def _as_json(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _pad(cell: str, width: int, *, to_left: bool) -> str:
    space = " " * (width - _width(cell))
    return cell + space if to_left else space + cell


def _width(text: str) -> int:
    """Columns that a text takes on a terminal: two for a Hangul or Han character."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
