"""`manage.py release`: `bus release`, by the name that it had."""

from __future__ import annotations

from bus.management.bus_commands.release import ReleaseCommand
from bus.management.subcommand import SubcommandCommand


class Command(SubcommandCommand):
    """See `manage.py bus release`."""

    kind = ReleaseCommand
    help = ReleaseCommand.help
