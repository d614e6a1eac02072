"""`bus tail`: follow a named channel without taking anything from it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from bus.broker.operations.tap import Sent
from bus.management.output import as_json, clock, printable, shown
from bus.management.subcommand import (
    Subcommand,
    ended_by_ctrl_c,
    errors_reported,
    run,
)
from bus.messaging import operations


class TailCommand(Subcommand):
    """Prints each message as it is sent."""

    name = "tail"
    help = "show the messages of a named channel as they are sent, without taking them"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Which channel, and how."""
        parser.add_argument("channel")
        parser.add_argument("--json", action="store_true", help="a JSON object per message")

    def handle(self, options: dict[str, Any]) -> None:
        """Until Ctrl-C; a channel that has nothing yet is waited for."""
        line = _json if options["json"] else _line
        channel = options["channel"]
        begun = False
        with (
            ended_by_ctrl_c(),
            errors_reported("What is sent meanwhile is not shown, but not lost."),
        ):
            # A name that is new may be a wrong one, or somebody is about to send to it.
            new = (
                ""
                if channel in run(operations.channels())
                else " It is new: nobody sent to it yet."
            )
            for sent in operations.tap(channel).follow():
                if not begun:
                    begun = True
                    self.stderr.write(f"Following {channel}; Ctrl-C ends.{new}")
                    self.stderr.flush()
                if sent:
                    self.stdout.write(line(sent))
                    self.stdout.flush()


def _line(sent: Sent) -> str:
    kind = (sent.message or {}).get("type", "(not decoded)")
    notes = f" not before {clock(sent.not_before)}" if sent.not_before > sent.sent_at else ""
    notes += f" replayed from {sent.replayed_from}" if sent.replayed_from else ""
    return (
        f"{clock(sent.sent_at)}  {sent.id}  {printable(str(kind))}  "
        f"key={printable(sent.ordering_key)}{notes}  {shown(sent.message, sent.payload)}"
    )


def _json(sent: Sent) -> str:
    return as_json(
        {
            "id": sent.id,
            "sent_at": sent.sent_at,
            "not_before": sent.not_before,
            "ordering_key": sent.ordering_key,
            "replayed_from": sent.replayed_from,
            "message": sent.message,
            "payload": sent.payload.hex() if sent.message is None else None,
        }
    )
