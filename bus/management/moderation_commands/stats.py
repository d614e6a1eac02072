"""`moderation stats`: what each rule did, and how often moderators thought otherwise."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from typing import Any

from bus.management.moderation_commands import arguments
from bus.management.output import age, table
from bus.management.subcommand import Subcommand, errors_reported
from bus.review import rule_statistics
from bus.review.rule_statistics import RuleStats

_HEAD = ("rule", "hits", "posted", "held", "rejected", "reviewed", "overturned", "wait (median)")


class StatsCommand(Subcommand):
    """Shows the statistics of rules as a table or as JSON."""

    name = "stats"
    help = "show what each rule did, and how often moderators thought otherwise"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Of which room, how far back."""
        arguments.add_room(parser, required=False)
        parser.add_argument("--days", type=float, default=7, metavar="N", help="default 7")
        parser.add_argument("--json", action="store_true", help="a JSON list")

    def handle(self, options: dict[str, Any]) -> None:
        """One line for each rule, the busiest first."""
        with errors_reported("Nothing was changed."):
            room = arguments.room_of(options) if options["room"] else None
            found = rule_statistics.of_rules(room, options["days"])
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(stats) for stats in found]))
        elif found:
            self.stdout.write(table(_HEAD, [_row(stats) for stats in found]))
        else:
            self.stdout.write("No rule found anything.")


def _as_json(stats: RuleStats) -> dict[str, Any]:
    values = dataclasses.asdict(stats)
    del values["waits"]
    return {**values, "wait": stats.wait}


def _row(stats: RuleStats) -> tuple[str, ...]:
    numbers = (stats.hits, stats.posted, stats.held, stats.rejected, stats.reviewed)
    share = f" ({stats.overturned / stats.reviewed:.0%})" if stats.reviewed else ""
    return (
        stats.rule,
        *map(str, numbers),
        f"{stats.overturned}{share}",
        age(stats.wait),
    )
