"""`moderation undo`: takes a decision on a review back."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from bus.management.moderation_commands.publish import publish
from bus.management.subcommand import Subcommand, errors_reported
from bus.posting import events
from bus.review import reviews


class UndoCommand(Subcommand):
    """Takes a decision on a review back; the review is open again."""

    name = "undo"
    help = "take a decision on a review back, whoever made it"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Which review's."""
        parser.add_argument("review", type=int, metavar="ID")

    def handle(self, options: dict[str, Any]) -> None:
        """Open it again."""
        with errors_reported("Nothing was changed."):
            decision = reviews.undo(options["review"], by=None)
            publish(events.of_domain_events(decision.domain_events), self.stderr)
        self.stdout.write(f"Review {decision.review.pk} is open again.")
