"""Arguments that the subcommands of `manage.py bus moderation` share: rooms, authors, parts."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError

from bus.chat import rooms
from bus.models import Room
from bus.moderation import POLICIES
from bus.protocol.types import spelled_name

# Of a file with one value on each line; parts have limits of their own below these.
_MOST_LINES = 10_000
_LONGEST_LINE = 1_000


def add_room(parser: ArgumentParser, *, required: bool = True) -> None:
    """`--room NAME`."""
    parser.add_argument("--room", required=required, metavar="NAME")


def add_parts(parser: ArgumentParser) -> None:
    """`--base NAME` and `--part KEY=VALUE`, as often as there are parts."""
    parser.add_argument("--base", choices=sorted(POLICIES), help="another policy to start from")
    parser.add_argument(
        "--part",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="""such as max_links=0, words='["free coins"]', or words=@FILE with one on a line;"""
        " other values are JSON",
    )


def add_reason(parser: ArgumentParser) -> None:
    """`--reason TEXT`."""
    parser.add_argument("--reason", default="", type=readable, help="for the audit log")


def add_author(parser: ArgumentParser) -> None:
    """An author by key."""
    parser.add_argument(
        "author", type=readable, help="as in the log: u7 for a user, g… for a guest"
    )


def readable(text: str) -> str:
    """An argument that can be stored; raises ArgumentTypeError."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ArgumentTypeError(f"{text!r} is not text in UTF-8. Nothing was changed.")
    return text


def room_of(options: dict[str, Any]) -> Room:
    """The room that was named; raises CommandError."""
    spelled = spelled_name(options["room"])
    names = rooms.names_of([spelled]) if spelled else {}
    found = rooms.by_names(list(names.values())) if names else []
    if not found:
        raise CommandError(f"There is no room {options['room']!r}. Nothing was changed.")
    return found[0]


def pairs(texts: list[str]) -> dict[str, Any]:
    """KEY=VALUE pairs, values as JSON, as plain text where they are none, or lines of @FILE."""
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise CommandError(f"{text!r} is not KEY=VALUE. Nothing was changed.")
        if value.startswith("@"):
            found[key.strip()] = _lines(value[1:])
            continue
        try:
            found[key.strip()] = json.loads(value)
        except ValueError:
            found[key.strip()] = value
    return found


def _lines(path: str) -> list[str]:
    """The lines of a file that hold something; raises CommandError, and reads no more than may."""
    found: list[str] = []
    try:
        with open(path, encoding="utf-8-sig") as file:
            while line := file.readline(_LONGEST_LINE + 1):
                if len(line) > _LONGEST_LINE:
                    raise CommandError(
                        f"A line of {path} has more than {_LONGEST_LINE} characters."
                        " Nothing was changed."
                    )
                if not line.strip():
                    continue
                if len(found) == _MOST_LINES:
                    raise CommandError(
                        f"{path} has more than {_MOST_LINES:,} lines. Nothing was changed."
                    )
                found.append(line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}. Nothing was changed.") from error
    return found
