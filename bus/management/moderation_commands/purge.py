"""`moderation lift`, `forgive`, `undo`, `purge`: take back sanctions, strikes, decisions, texts."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from bus.enforcement import sanctions, strikes
from bus.management.channel_commands.base import Subcommand, errors_told
from bus.management.moderation_commands import parts
from bus.posting import events, removal
from bus.posting.outcomes import Closed
from bus.review import reviews

# How far back a purge goes: ten years, in minutes.
_LONGEST = 10 * 366 * 24 * 60


class Lift(Subcommand):
    """Ends a mute, a timeout or a ban."""

    name = "lift"
    help = "end a mute, a timeout or a ban"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Which one."""
        parser.add_argument("sanction", type=int, metavar="ID")
        parts.add_reason(parser)

    def handle(self, options: dict[str, Any]) -> None:
        """Lift it, now."""
        with errors_told("Nothing was changed."):
            sanction = sanctions.lift(options["sanction"], by=None, reason=options["reason"])
        self.stdout.write(f"The {sanction} is lifted.")


class Forgive(Subcommand):
    """Forgives a strike, and ends what it brought its author."""

    name = "forgive"
    help = "forgive a strike, and end the mute or ban that it brought"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Which one."""
        parser.add_argument("strike", type=int, metavar="ID", help="as in the admin, under Strikes")
        parts.add_reason(parser)

    def handle(self, options: dict[str, Any]) -> None:
        """Forgive it, now."""
        with errors_told("Nothing was changed."):
            strike = strikes.pardon(options["strike"], by=None, reason=options["reason"])
        self.stdout.write(f"The strike of {strike} is forgiven.")


class Undo(Subcommand):
    """Takes a decision on a review back; the review is open again."""

    name = "undo"
    help = "take a decision on a review back, whoever made it"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Which review's."""
        parser.add_argument("review", type=int, metavar="ID")

    def handle(self, options: dict[str, Any]) -> None:
        """Open it again."""
        with errors_told("Nothing was changed."):
            decision = reviews.undo(options["review"], by=None)
            parts.tell(events.of_facts(decision.facts), self.stderr)
        self.stdout.write(f"Review {decision.review.pk} is open again.")


class Purge(Subcommand):
    """Removes what one author wrote lately in a room, for good."""

    name = "purge"
    help = "remove what one author wrote lately in a room, for good"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Whose, where, since when."""
        parts.add_room(parser)
        parts.add_author(parser)
        parser.add_argument("--minutes", type=float, default=60, help="default 60")
        parts.add_reason(parser)

    def handle(self, options: dict[str, Any]) -> None:
        """Remove them, each with a seq of its own."""
        # Not a number is neither more nor less than any.
        if not 0 < options["minutes"] <= _LONGEST:
            raise CommandError(
                f"--minutes {options['minutes']:g}: a number above 0 up to {_LONGEST:,} is wanted."
                " Nothing was removed."
            )
        since = timezone.now() - dt.timedelta(minutes=options["minutes"])
        with errors_told("Nothing was removed."):
            facts = removal.purge(
                parts.room_of(options).pk,
                options["author"],
                since=since,
                by=None,
                reason=options["reason"],
            )
            parts.tell(events.of_facts(facts), self.stderr)
        removed = sum(not isinstance(fact, Closed) for fact in facts)
        self.stdout.write(f"{removed} messages are removed.")
