"""`moderation policy`: shows what a room goes by, and changes it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from bus.enforcement import room_policies
from bus.management.moderation_commands import arguments
from bus.management.subcommand import Subcommand, errors_reported
from bus.models import Room


class PolicyCommand(Subcommand):
    """Shows or changes the policy and the conduct of a room."""

    name = "policy"
    help = "show what a room is moderated by, or change it"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """The room, and what to change."""
        arguments.add_room(parser)
        arguments.add_parts(parser)
        parser.add_argument(
            "--conduct",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="such as mode=after, held_minutes=60; values are JSON",
        )
        parser.add_argument(
            "--reset", action="append", default=[], metavar="KEY", help="back to the default"
        )
        parser.add_argument(
            "--raid",
            type=int,
            metavar="SECONDS",
            help="hold everything from younger accounts; 0 is off",
        )
        parser.add_argument(
            "--slow-mode",
            type=int,
            metavar="SECONDS",
            help="between two messages of one author; 0 is off",
        )
        parser.add_argument(
            "--newcomer-wait",
            type=int,
            metavar="SECONDS",
            help="that newcomers are in the room before they may write; 0 is off",
        )
        parser.add_argument(
            "--undo", type=int, metavar="VERSION", help="take back one change, as in the audit log"
        )
        arguments.add_reason(parser)

    def handle(self, options: dict[str, Any]) -> None:
        """Change what is named, then show all of it as JSON."""
        with errors_reported("Nothing was changed."):
            room = arguments.room_of(options)
            changes = _changes(options)
            reason = options["reason"]
            if options["undo"] is not None:
                if changes:
                    raise CommandError("--undo goes by itself. Nothing was changed.")
                room = room_policies.undo(room.pk, options["undo"], by=None, reason=reason)
            elif changes:
                room = room_policies.change(room.pk, by=None, **changes, reason=reason)
            self._show(room)

    def _show(self, room: Room) -> None:
        shown = {
            "room": room.name,
            "base": room.moderation,
            "parts": room.policy_parts,
            "conduct": room_policies.settings_of(room).model_dump(),
            "slow_mode": room.slow_mode,
            "newcomer_wait": room.newcomer_wait,
        }
        self.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2))


def _changes(options: dict[str, Any]) -> dict[str, Any]:
    """What is to be changed, as `policies.change` takes it."""
    changed = arguments.pairs(options["part"])
    if options["raid"] is not None:
        changed["raid_seconds"] = options["raid"]
    named = {
        "moderation": options["base"],
        "parts": changed or None,
        "ways": arguments.pairs(options["conduct"]) or None,
        "reset": options["reset"] or None,
        "slow_mode": options["slow_mode"],
        "newcomer_wait": options["newcomer_wait"],
    }
    return {name: value for name, value in named.items() if value is not None}
