"""`bus stats`: what named channels hold and do, once or as a live table."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from argparse import ArgumentParser
from typing import Any

from bus.broker.channel_stats import ChannelStats
from bus.management.bus_commands.known_channels import require_known
from bus.management.output import age, table
from bus.management.subcommand import (
    Subcommand,
    ended_by_ctrl_c,
    errors_reported,
    run,
)
from bus.messaging import operations
from bus.protocol.errors import Unavailable

# Between two pictures of --watch, and two looks for channels that are new, in seconds.
_REDRAW = 1.0
_LOOK_AGAIN = 10.0
_CLEAR = "\x1b[H\x1b[2J"
_HEAD = (
    *("channel", "waiting", "in flight", "delayed", "oldest", "in/min", "done/min"),
    *("retries", "dead", "refused", "workers"),
)


class StatsCommand(Subcommand):
    """Shows channels as a table or as JSON."""

    name = "stats"
    help = "show what named channels hold and do"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Which channels, how, how often."""
        parser.add_argument("channels", nargs="*", metavar="CHANNEL", help="default: all there are")
        parser.add_argument("--watch", action="store_true", help="every second, until Ctrl-C")
        parser.add_argument("--json", action="store_true", help="a JSON list, one line a time")

    def handle(self, options: dict[str, Any]) -> None:
        """Once, or until Ctrl-C."""
        if options["watch"]:
            with ended_by_ctrl_c(), errors_reported("Nothing was changed."):
                run(self._watch(options["channels"], as_json=options["json"]))
        else:
            with errors_reported("Nothing was changed."):
                found = run(_look(options["channels"]))
            self._show(found, as_json=options["json"])

    async def _watch(self, wanted: list[str], *, as_json: bool) -> None:
        redraw = self.stdout.isatty() and not as_json
        channels: list[str] = []
        looked = -_LOOK_AGAIN
        while True:
            try:
                if not channels or (not wanted and time.monotonic() - looked >= _LOOK_AGAIN):
                    channels, looked = await _channels(wanted), time.monotonic()
                found = await operations.stats(channels)
                self._show(found, as_json=as_json, clear=redraw)
            except Unavailable as error:
                # Whoever watches wants to see it come back.
                self.stderr.write(f"{_CLEAR if redraw else ''}{error} Waiting for it; Ctrl-C ends.")
            await asyncio.sleep(_REDRAW)

    def _show(self, found: list[ChannelStats], *, as_json: bool, clear: bool = False) -> None:
        if as_json:
            text = json.dumps([_as_json(one) for one in found])
        else:
            text = table(_HEAD, [_row(one) for one in found])
            if clear:
                text = f"{_CLEAR}{text}\n\n{time.strftime('%H:%M:%S')}  Ctrl-C ends"
        self.stdout.write(text)
        self.stdout.flush()


async def _channels(wanted: list[str]) -> list[str]:
    if wanted:
        await require_known(wanted)
        return wanted
    return await operations.channels()


async def _look(wanted: list[str]) -> list[ChannelStats]:
    return await operations.stats(await _channels(wanted))


def _as_json(one: ChannelStats) -> dict[str, Any]:
    return {**dataclasses.asdict(one), "abandoned": one.abandoned}


def _row(one: ChannelStats) -> tuple[str, ...]:
    workers = str(len(one.workers))
    if one.abandoned:
        workers = f"no worker: run `python manage.py runworker {one.channel}`"
    full = " (full)" if one.depth + one.in_flight + one.delayed >= one.capacity else ""
    return (
        one.channel,
        f"{one.depth}{full}",
        str(one.in_flight),
        str(one.delayed),
        age(one.oldest_age),
        f"{one.rate_in:.0f}",
        f"{one.rate_done:.0f}",
        str(one.totals.retries),
        str(one.dead),
        str(one.totals.refused),
        workers,
    )
