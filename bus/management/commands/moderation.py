"""The `moderation` command: rooms' policies and sanctions, what they did, and the model."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from bus.management.channel_commands.base import Subcommand
from bus.management.moderation_commands.dry_run import DryRunCommand
from bus.management.moderation_commands.evaluate import Evaluate
from bus.management.moderation_commands.policy import PolicyCommand
from bus.management.moderation_commands.sanction import SanctionCommand
from bus.management.moderation_commands.stats import Stats
from bus.management.moderation_commands.train import Train
from bus.management.moderation_commands.undo import Forgive, Lift, Purge, Undo

SUBCOMMANDS: dict[str, type[Subcommand]] = {
    kind.name: kind
    for kind in (
        *(Train, Evaluate, PolicyCommand, DryRunCommand, Stats),
        *(SanctionCommand, Lift, Forgive, Undo, Purge),
    )
}


class Command(BaseCommand):
    """Changes policies and tries them out, takes decisions back, trains and measures the model."""

    help = "Change policies and try them out, take decisions back, train and measure the model."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        commands = parser.add_subparsers(dest="command", required=True)
        for kind in SUBCOMMANDS.values():
            kind.add_arguments(commands.add_parser(kind.name, help=kind.help))

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the subcommand."""
        SUBCOMMANDS[options["command"]](self.stdout, self.stderr).handle(options)
