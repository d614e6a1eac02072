"""The `bus` command: what a shell can do with named channels, API keys and names."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bus.management.channel_commands.base import Subcommand
from bus.management.channel_commands.dead import Dead
from bus.management.channel_commands.key import Key
from bus.management.channel_commands.names import Names
from bus.management.channel_commands.replay import ReplayCommand
from bus.management.channel_commands.send import Send
from bus.management.channel_commands.stats import Stats
from bus.management.channel_commands.tail import Tail

SUBCOMMANDS: dict[str, type[Subcommand]] = {
    kind.name: kind for kind in (Send, Stats, Dead, Tail, ReplayCommand, Key, Names)
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
