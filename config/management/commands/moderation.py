"""`manage.py moderation`: `bus moderation`, by the name that it had."""

from __future__ import annotations

from bus.management.bus_commands.moderation import ModerationCommand
from bus.management.subcommand import SubcommandCommand


class Command(SubcommandCommand):
    """See `manage.py bus moderation`."""

    kind = ModerationCommand
    help = ModerationCommand.help
