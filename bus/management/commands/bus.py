"""The `bus` command: what a shell can do with named channels, API keys and names."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bus.management.bus_commands.dead import DeadCommand
from bus.management.bus_commands.key import KeyCommand
from bus.management.bus_commands.names import NamesCommand
from bus.management.bus_commands.replay import ReplayCommand
from bus.management.bus_commands.send import SendCommand
from bus.management.bus_commands.stats import StatsCommand
from bus.management.bus_commands.tail import TailCommand
from bus.management.subcommand import Subcommand

SUBCOMMANDS: dict[str, type[Subcommand]] = {
    kind.name: kind
    for kind in (
        *(SendCommand, StatsCommand, DeadCommand, TailCommand, ReplayCommand),
        *(KeyCommand, NamesCommand),
    )
}


class Command(BaseCommand):
    """Sends to named channels, watches them, and mends what went wrong in them."""

    help = "Send to named channels, watch them, and mend what went wrong in them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        commands = parser.add_subparsers(dest="command", required=True)
        for kind in SUBCOMMANDS.values():
            kind.add_arguments(commands.add_parser(kind.name, help=kind.help))

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the subcommand."""
        SUBCOMMANDS[options["command"]](self.stdout, self.stderr).handle(options)
