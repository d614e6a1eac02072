"""The `bus` command: all that a shell can do with Bus, beside `up` and `runworker`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bus.management.bus_commands.dead import DeadCommand
from bus.management.bus_commands.key import KeyCommand
from bus.management.bus_commands.moderate import ModerateCommand
from bus.management.bus_commands.moderation import ModerationCommand
from bus.management.bus_commands.names import NamesCommand
from bus.management.bus_commands.release import ReleaseCommand
from bus.management.bus_commands.replay import ReplayCommand
from bus.management.bus_commands.room import RoomCommand
from bus.management.bus_commands.send import SendCommand
from bus.management.bus_commands.stats import StatsCommand
from bus.management.bus_commands.tail import TailCommand
from bus.management.subcommand import Subcommand

SUBCOMMANDS: dict[str, type[Subcommand]] = {
    kind.name: kind
    for kind in (
        *(SendCommand, StatsCommand, DeadCommand, TailCommand, ReplayCommand),
        *(RoomCommand, KeyCommand, NamesCommand),
        *(ModerateCommand, ModerationCommand, ReleaseCommand),
    )
}


class Command(BaseCommand):
    """Channels, rooms, moderation, keys: a subcommand for each."""

    help = "Send to named channels, watch and mend them; make rooms and keys; moderate."
    # Not all subcommands need what is checked; those that do have it checked below.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        parser.add_argument("--skip-checks", action="store_true", help="Skip system checks.")
        commands = parser.add_subparsers(dest="command", required=True)
        for kind in SUBCOMMANDS.values():
            kind.add_arguments(commands.add_parser(kind.name, help=kind.help))

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the subcommand."""
        kind = SUBCOMMANDS[options["command"]]
        if kind.is_checked and not options["skip_checks"]:
            self.check()
        kind(self.stdout, self.stderr).handle(options)
