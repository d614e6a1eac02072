"""`bus room`: makes a room, where nobody has the admin."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from bus.http import urls
from bus.management.output import printable
from bus.management.subcommand import Subcommand, errors_reported
from bus.models import Room


class RoomCommand(Subcommand):
    """Makes a room, and says where it is."""

    name = "room"
    help = "make a room, such as: room launch --access open --moderation strict"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Its name, who may enter, and what it goes by."""
        access, policy = Room.Access, Room.Moderation
        parser.add_argument("room_name", metavar="NAME")
        parser.add_argument("--title", default="")
        parser.add_argument("--access", choices=access.values, default=access.PUBLIC.value)
        parser.add_argument("--moderation", choices=policy.values, default=policy.STANDARD.value)

    def handle(self, options: dict[str, Any]) -> None:
        """Make it, unless one is called so, or looks like it."""
        fields = {name: options[name] for name in ("title", "access", "moderation")}
        with errors_reported("Nothing was made."):
            try:
                room = Room(name=options["room_name"], **fields)
                room.full_clean()
            except ValidationError as error:
                text = " ".join(error.messages)
                raise CommandError(f"{text} Nothing was made.") from error
            room.save()
        address = urls.path_to("room", room.name)
        self.stdout.write(f"{printable(room.name)} is at {address} ({room.access}).")
