"""`moderation dry-run`: what a changed policy would have done to a room's history."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from bus.enforcement.policy_diff import PolicyDiff
from bus.management.moderation_commands import arguments
from bus.management.output import in_line
from bus.management.subcommand import Subcommand, ended_by_ctrl_c, errors_reported
from bus.models import DryRun
from bus.review import dry_run
from bus.workers import dry_run as rehearsal

# Between two looks at a job, in seconds.
_PAUSE = 0.5
_TEXT = 100


class DryRunCommand(Subcommand):
    """Compares a changed policy with the present one, now or as a worker's job."""

    name = "dry-run"
    help = "show what a changed policy would have done to a room's history"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """The change, and how far back."""
        arguments.add_room(parser, required=False)
        arguments.add_parts(parser)
        parser.add_argument("--last", type=int, metavar="N", help="messages (default 1000)")
        parser.add_argument("--days", type=float, metavar="N", help="of the last N days")
        parser.add_argument(
            "--job", action="store_true", help="let the workers do it, however many"
        )
        parser.add_argument("--show", type=int, metavar="ID", help="how far a job is")
        parser.add_argument("--stop", type=int, metavar="ID", help="end a job; what it found stays")
        parser.add_argument("--watch", action="store_true", help="until the job has ended")

    def handle(self, options: dict[str, Any]) -> None:
        """Compare now, or start, show or stop a job."""
        with errors_reported("Nothing was changed."):
            if options["stop"] is not None:
                self._show(dry_run.stop(options["stop"]))
            elif options["show"] is not None:
                self._follow(options["show"], watch=options["watch"])
            elif not options["room"]:
                raise CommandError("Name a room: --room NAME. Nothing was changed.")
            elif options["job"]:
                self._follow(_start(options), watch=options["watch"])
            else:
                self._compare(options)

    def _compare(self, options: dict[str, Any]) -> None:
        last = options["last"]
        if last is None:
            last = 1000 if options["days"] is None else dry_run.MOST_AT_ONCE
        found = dry_run.compare(
            arguments.room_of(options),
            moderation=options["base"],
            parts=arguments.pairs(options["part"]),
            last=last,
            days=options["days"],
        )
        self._print(found)

    def _follow(self, run_id: int, *, watch: bool) -> None:
        with ended_by_ctrl_c():
            run = dry_run.find(run_id)
            while watch and run.state == DryRun.State.RUNNING:
                self.stderr.write(_progress(run))
                time.sleep(_PAUSE)
                run = dry_run.find(run_id)
            self._show(run)

    def _show(self, run: DryRun) -> None:
        self.stdout.write(_progress(run))
        self._print(PolicyDiff.from_json(run.found))

    def _print(self, found: PolicyDiff) -> None:
        self.stdout.write(f"{found.changed:,} of {found.looked:,} messages would go another way.")
        examples = dry_run.examples(found)
        for change, count in sorted(found.changes.items(), key=lambda item: -item[1]):
            before, _, after = change.partition(">")
            self.stdout.write(f"\n{before} -> {after}: {count:,}")
            for rule, text in examples.get(change, ()):
                self.stdout.write(f"  {rule:<12} {in_line(text, _TEXT)}")
        for warning in found.warnings:
            self.stderr.write(f"Look twice: {warning}")


def _start(options: dict[str, Any]) -> int:
    with transaction.atomic():
        run = dry_run.start(
            arguments.room_of(options),
            by=None,
            moderation=options["base"],
            parts=arguments.pairs(options["part"]),
            last=options["last"],
            days=options["days"],
        )
        rehearsal.ask(run)
    return run.pk


def _progress(run: DryRun) -> str:
    error = f": {run.error}" if run.error else ""
    return f"Dry run {run.pk}: {run.state}{error}, {run.looked:,} of {run.total:,} messages."
