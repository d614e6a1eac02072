"""`bus send`: put one message into a named channel."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError

from bus.management.subcommand import Subcommand, errors_reported, run
from bus.messaging import default_layer
from bus.protocol import channel_messages, channel_names
from bus.protocol.errors import Invalid

# A hundred years in seconds: whoever asks for more has mistaken the unit.
_LONGEST_DELAY = 3.2e9


class SendCommand(Subcommand):
    """Sends one message and prints its id."""

    name = "send"
    help = "put one message into a named channel"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Where to, what, and when."""
        parser.add_argument("channel")
        parser.add_argument("type", help="such as event.requested")
        parser.add_argument(
            "data", nargs="?", default="{}", help="the message's fields as a JSON object"
        )
        parser.add_argument(
            "--ordering-key", help="messages of one key are handled one after the other"
        )
        parser.add_argument("--delay", type=_seconds, default=0.0, help="seconds to keep it back")

    def handle(self, options: dict[str, Any]) -> None:
        """Refuse what the channel cannot take, send the rest."""
        message = _message(options)
        with errors_reported("Nothing was sent.", "It is not sure that it was sent."):
            if options["channel"] in channel_names.WORKED_CHANNELS:
                # Refused at the door rather than found among the dead letters.
                message = channel_messages.parse_channel_message(
                    options["channel"], message
                ).as_message()
            id_ = run(_send(options["channel"], message, options["ordering_key"], options["delay"]))
        self.stdout.write(id_)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < _LONGEST_DELAY:
        raise ArgumentTypeError(f"{text!r} is no number of seconds from 0")
    return seconds


def _message(options: dict[str, Any]) -> dict[str, Any]:
    try:
        data = json.loads(options["data"])
    except (ValueError, RecursionError) as error:
        raise CommandError(f"The data is not JSON: {error}. Nothing was sent.") from error
    if not isinstance(data, dict):
        raise CommandError(
            'The data is a JSON object, such as \'{"rooms": ["lobby"]}\'. Nothing was sent.'
        )
    return {**data, "type": options["type"]}


async def _send(channel: str, message: dict[str, Any], key: str | None, delay: float) -> str:
    try:
        return await default_layer.get().send(channel, message, ordering_key=key, delay=delay)
    except TypeError as error:
        # How Channels refuses a name.
        raise Invalid(str(error)) from error
