"""`bus moderation`: rooms' policies and sanctions, what they did, and what is learned."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from bus.management.moderation_commands.dry_run import DryRunCommand
from bus.management.moderation_commands.forgive import ForgiveCommand
from bus.management.moderation_commands.learn import LearnCommand, TrainCommand
from bus.management.moderation_commands.lift import LiftCommand
from bus.management.moderation_commands.policy import PolicyCommand
from bus.management.moderation_commands.purge import PurgeCommand
from bus.management.moderation_commands.sanction import SanctionCommand
from bus.management.moderation_commands.stats import StatsCommand
from bus.management.moderation_commands.undo import UndoCommand
from bus.management.subcommand import Subcommand

SUBCOMMANDS: dict[str, type[Subcommand]] = {
    kind.name: kind
    for kind in (
        *(PolicyCommand, DryRunCommand, StatsCommand, LearnCommand),
        *(SanctionCommand, LiftCommand, ForgiveCommand, UndoCommand, PurgeCommand),
        # What `learn` was called before.
        TrainCommand,
    )
}


class ModerationCommand(Subcommand):
    """Changes policies and tries them out, takes decisions back, and learns from them."""

    name = "moderation"
    help = "change policies and try them out, take decisions back, and learn from them"
    is_checked = False

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """One subcommand each."""
        commands = parser.add_subparsers(dest="moderation", required=True)
        for kind in SUBCOMMANDS.values():
            kind.add_arguments(commands.add_parser(kind.name, help=kind.help))

    def handle(self, options: dict[str, Any]) -> None:
        """Run the subcommand."""
        SUBCOMMANDS[options["moderation"]](self.stdout, self.stderr).handle(options)
