"""`bus replay`: send a stretch of a channel's history again."""

from __future__ import annotations

import math
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError

from bus.broker.errors import BrokerUnavailable
from bus.broker.operations.handled_log import HandledLog, Position, Stretch
from bus.broker.operations.replay import Replay
from bus.conf import conf
from bus.conf.rates import per_channel
from bus.management.bus_commands.known_channels import require_known
from bus.management.output import clock, parse_time, printable
from bus.management.subcommand import (
    STOPPED,
    Subcommand,
    errors_reported,
    run,
    stopped_by_signals,
)
from bus.messaging import operations


class ReplayCommand(Subcommand):
    """Sends handled messages of a range of time again, in order and at a limited rate."""

    name = "replay"
    help = "send what was handled in a range of time again (where BUS_RETENTION keeps it)"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Which messages, how fast."""
        parser.add_argument("channel")
        parser.add_argument(
            "--from",
            dest="start",
            required=True,
            metavar="TIME",
            help="first sent at or after: 2026-11-21T14:30, or 2h for two hours ago (s, m, h, d)",
        )
        parser.add_argument(
            "--to", dest="end", default="now", metavar="TIME", help="and before (default now)"
        )
        parser.add_argument(
            "--rate", type=_rate, default=100.0, metavar="N/s", help="at most (default 100/s)"
        )
        parser.add_argument("--dry-run", action="store_true", help="show what would be sent")
        parser.add_argument("--after", type=_position, help="where an earlier replay stopped")

    def handle(self, options: dict[str, Any]) -> None:
        """Show, and unless it is a dry run, send."""
        try:
            with errors_reported("Nothing was sent."):
                done = run(self._replay(options))
        except KeyboardInterrupt:
            self.stderr.write("Stopped while it looked; nothing was sent.")
            done = False
        if not done:
            sys.exit(STOPPED)

    async def _replay(self, options: dict[str, Any]) -> bool:
        """Returns whether it came to its end."""
        await require_known([options["channel"]])
        handled_log = operations.handled_log(options["channel"])
        now = await handled_log.now()
        start, end = parse_time(options["start"], now), parse_time(options["end"], now)
        if start >= end:
            raise CommandError("--from is not before --to. Nothing was sent.")
        stretch = await handled_log.stretch(start, end, options["after"])
        self._describe(handled_log, stretch)
        if options["dry_run"] or not stretch.positions:
            return True
        replay = Replay(handled_log, stretch, options["rate"])
        again = f"bus replay {handled_log.channel} --from {_iso(start)} --to {_iso(end)}"
        with stopped_by_signals(replay.stop):
            try:
                await replay.run(self._print_progress)
            except BrokerUnavailable as error:
                raise CommandError(
                    f"{error} {_where(replay, again)} (The first one of that may be sent twice.)"
                ) from error
        if replay.left:
            self.stderr.write(_where(replay, again))
            return False
        gone = f" {replay.missing} were no longer kept." if replay.missing else ""
        self.stdout.write(f"{replay.sent} sent again.{gone}")
        return True

    def _describe(self, handled_log: HandledLog, stretch: Stretch) -> None:
        count = len(stretch.positions)
        self.stdout.write(f"{count} handled messages of {handled_log.channel} in this time.")
        if not count:
            if not per_channel(conf.retention, handled_log.channel):
                self.stdout.write(
                    "BUS_RETENTION keeps none of this channel: set it (seconds), and what is "
                    "handled from then on can be replayed."
                )
            return
        self.stdout.write(f"first sent  {clock(stretch.positions[0].sent_at)}")
        self.stdout.write(f"last sent   {clock(stretch.positions[-1].sent_at)}")
        for kind, number in stretch.types.most_common():
            self.stdout.write(f"{number:>9}  {printable(kind)}")

    def _print_progress(self, replay: Replay) -> None:
        waits = "; the channel is half full, waiting for workers" if replay.waiting else ""
        self.stderr.write(f"{replay.sent} sent, {replay.left} to go{waits}")
        self.stderr.flush()


def _where(replay: Replay, again: str) -> str:
    if replay.last is None:
        return f"Stopped before the first of {replay.left}. To begin again: {again}"
    return (
        f"Stopped after {replay.sent} of {len(replay.stretch.positions)}, the last of them first "
        f"sent {clock(replay.last.sent_at)}. To go on: {again} --after {replay.last}"
    )


def _iso(ms: int) -> str:
    return clock(ms).replace(" ", "T")


def _rate(text: str) -> float:
    try:
        rate = float(text.strip().removesuffix("/s"))
    except ValueError:
        rate = 0.0
    if not 0 < rate < math.inf:
        raise ArgumentTypeError(f"{text!r} is no rate; say 100/s")
    return rate


def _position(text: str) -> Position:
    try:
        return Position.parse(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no position that a replay has told") from None
