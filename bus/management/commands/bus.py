"""The `bus` command: what a shell can do with named channels."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from django.core.management.base import BaseCommand, CommandError

from bus import names, protocol, publisher
from bus.errors import BusError


class Command(BaseCommand):
    """Sends messages to named channels."""

    help = "Send messages to named channels: bus send broadcast event.requested '{…}'"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        commands = parser.add_subparsers(dest="command", required=True)
        send = commands.add_parser("send", help="put one message into a named channel")
        send.add_argument("channel")
        send.add_argument("type", help="such as event.requested")
        send.add_argument(
            "data", nargs="?", default="{}", help="the message's fields as a JSON object"
        )
        send.add_argument(
            "--ordering-key", help="messages of one key are handled one after the other"
        )
        send.add_argument("--delay", type=float, default=0.0, help="seconds to keep it back")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the subcommand."""
        not_before = int((time.time() + options["delay"]) * 1000) if options["delay"] > 0 else 0
        id_ = async_to_sync(_send)(
            options["channel"], _message(options), options["ordering_key"], not_before
        )
        self.stdout.write(id_)


def _message(options: dict[str, Any]) -> dict[str, Any]:
    try:
        data = json.loads(options["data"])
    except ValueError as error:
        raise CommandError(f"The data is not JSON: {error}. Nothing was sent.") from error
    if not isinstance(data, dict):
        raise CommandError(
            'The data is a JSON object, such as \'{"rooms": ["lobby"]}\'. Nothing was sent.'
        )
    return {**data, "type": options["type"]}


async def _send(channel: str, message: dict[str, Any], key: str | None, not_before: int) -> str:
    try:
        if channel in names.WORKED_CHANNELS:
            # Refused at the door rather than found among the dead letters.
            message = protocol.parse_channel_message(channel, message).as_message()
        return await publisher.layer().send(
            channel, message, ordering_key=key, not_before=not_before
        )
    except (BusError, ChannelFull, TypeError) as error:
        raise CommandError(f"{error} Nothing was sent.") from error
