"""`manage.py moderate`: `bus moderate`, by the name that it had."""

from __future__ import annotations

from bus.management.bus_commands.moderate import ModerateCommand
from bus.management.subcommand import SubcommandCommand


class Command(SubcommandCommand):
    """See `manage.py bus moderate`."""

    kind = ModerateCommand
    help = ModerateCommand.help
