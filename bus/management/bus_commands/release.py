"""`bus release`: brings the database to this version, before web and worker start."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from django.core.management import call_command

from bus.management.subcommand import Subcommand


class ReleaseCommand(Subcommand):
    """Runs the migrations; the Procfile's `release` line."""

    name = "release"
    help = "bring the database to this version (migrations), once per deployment"

    def handle(self, options: dict[str, Any]) -> None:
        """Migrate; under `honcho start` stay, because honcho stops all when one process ends."""
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        self.stdout.write("The database is ready for this version.")
        if os.environ.get("HONCHO_PROCESS_NAME"):
            self.stdout.write("Staying until honcho stops, since it stops all when one ends.")
            _wait_for_stop()


def _wait_for_stop() -> None:
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: stopped.append(number))
    parent = os.getppid()
    # A new parent means that honcho was killed.
    while not stopped and os.getppid() == parent:
        time.sleep(0.2)
