"""`bus key`: make, list and revoke API keys."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from bus.chat import api_keys
from bus.management.output import clock, printable, table
from bus.management.subcommand import Subcommand, errors_reported
from bus.models import ApiKey


class KeyCommand(Subcommand):
    """Makes, lists and revokes the keys that backends show to the HTTP API."""

    name = "key"
    help = "make, list or revoke the API keys of backends"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """What to do with which."""
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make a key, and show its secret once")
        create.add_argument("key_name", metavar="NAME", help="who will use it, for people")
        actions.add_parser("list", help="show all keys, without their secrets")
        revoke = actions.add_parser("revoke", help="make a key worthless, at once and for good")
        revoke.add_argument("prefix", metavar="PREFIX", help="the first part, as `list` shows it")

    def handle(self, options: dict[str, Any]) -> None:
        """One of the three."""
        with errors_reported("Nothing was changed."):
            getattr(self, f"_{options['action']}")(options)

    def _create(self, options: dict[str, Any]) -> None:
        key, text = api_keys.create(options["key_name"])
        # The key alone on standard output, so that a script can take it.
        self.stderr.write(
            f"{printable(key.name)} is {key.prefix}. Its secret is shown now and never again:"
        )
        self.stderr.flush()
        self.stdout.write(text)

    def _list(self, _options: dict[str, Any]) -> None:
        found = ApiKey.objects.all()
        if not found:
            self.stdout.write("There are no API keys: `bus key create NAME` makes one.")
            return
        head = ("prefix", "name", "created", "last used", "revoked")
        self.stdout.write(table(head, [_row(key) for key in found], left=5))

    def _revoke(self, options: dict[str, Any]) -> None:
        prefix: str = options["prefix"]
        if prefix.count("_") > 1:
            raise CommandError(
                "Name the key by its prefix, as `bus key list` shows it, not by the whole secret: "
                "a shell keeps what is typed. Nothing was changed."
            )
        key = api_keys.revoke(prefix)
        self.stdout.write(f"{printable(str(key))} is revoked; it is refused from now on.")


def _row(key: ApiKey) -> tuple[str, ...]:
    times = (key.created_at, key.last_used_at, key.revoked_at)
    return (key.prefix, printable(key.name), *map(_time, times))


def _time(at: dt.datetime | None) -> str:
    return clock(round(at.timestamp() * 1000)) if at else "-"
