"""`moderation sanction`: mutes, times out or bans one author of a room."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from bus.enforcement import sanctions
from bus.management.moderation_commands import arguments
from bus.management.subcommand import Subcommand, errors_reported
from bus.models import Sanction


class SanctionCommand(Subcommand):
    """Mutes, times out or bans an author of a room."""

    name = "sanction"
    help = "mute, time out or ban an author of a room"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Whom, where, how and for how long."""
        arguments.add_room(parser)
        parser.add_argument("kind", choices=Sanction.Kind.values)
        arguments.add_author(parser)
        parser.add_argument("--minutes", type=int, help="without it, for good")
        arguments.add_reason(parser)

    def handle(self, options: dict[str, Any]) -> None:
        """Impose it, now."""
        with errors_reported("Nothing was changed."):
            sanction = sanctions.impose(
                arguments.room_of(options),
                options["author"],
                options["kind"],
                minutes=options["minutes"],
                by=None,
                reason=options["reason"],
            )
        self.stdout.write(f"The {sanction} holds; `moderation lift {sanction.pk}` ends it.")
