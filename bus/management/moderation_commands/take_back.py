"""What `moderation lift` and `moderation forgive` share: one row is taken back, with a reason."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from bus.management.moderation_commands import arguments
from bus.management.subcommand import Subcommand, errors_reported


class TakeBackCommand(Subcommand):
    """Takes one row back by its id; what kind of row is the subclass's."""

    id_help: str | None = None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Which one, and why."""
        parser.add_argument("id", type=int, metavar="ID", help=cls.id_help)
        arguments.add_reason(parser)

    def handle(self, options: dict[str, Any]) -> None:
        """Take it back, now."""
        with errors_reported("Nothing was changed."):
            done = self.take_back(options["id"], options["reason"])
        self.stdout.write(done)

    def take_back(self, id_: int, reason: str) -> str:
        """Take the row with this id back; returns what is said of it."""
        raise NotImplementedError
