"""`moderation purge`: removes what one author wrote lately in a room."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from bus.management.moderation_commands import arguments
from bus.management.moderation_commands.publish import publish
from bus.management.subcommand import Subcommand, errors_reported
from bus.posting import events, removal
from bus.posting.domain_events import Closed

# How far back a purge goes: ten years, in minutes.
_LONGEST = 10 * 366 * 24 * 60


class PurgeCommand(Subcommand):
    """Removes what one author wrote lately in a room, for good."""

    name = "purge"
    help = "remove what one author wrote lately in a room, for good"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Whose, where, since when."""
        arguments.add_room(parser)
        arguments.add_author(parser)
        parser.add_argument("--minutes", type=float, default=60, help="default 60")
        arguments.add_reason(parser)

    def handle(self, options: dict[str, Any]) -> None:
        """Remove them, each with a seq of its own."""
        # Not a number is neither more nor less than any.
        if not 0 < options["minutes"] <= _LONGEST:
            raise CommandError(
                f"--minutes {options['minutes']:g}: a number above 0 up to {_LONGEST:,} is wanted."
                " Nothing was removed."
            )
        since = timezone.now() - dt.timedelta(minutes=options["minutes"])
        with errors_reported("Nothing was removed."):
            domain_events = removal.purge(
                arguments.room_of(options).pk,
                options["author"],
                since=since,
                by=None,
                reason=options["reason"],
            )
            publish(events.of_domain_events(domain_events), self.stderr)
        removed = sum(not isinstance(event, Closed) for event in domain_events)
        self.stdout.write(f"{removed} messages are removed.")
