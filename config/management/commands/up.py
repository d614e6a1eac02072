"""`make run`: all of this repository's project on this machine, with demo rooms and users."""

from __future__ import annotations

import re

from django.conf import settings

from bus.embedded.supervisor import Supervisor
from bus.management.commands import up

# `demo` prints a line like "mina / secret" for each login it made.
_LOGIN = re.compile(r"^\S+ / \S+$")


class Command(up.Command):
    """Runs the Procfile's lines; where no server is named, the demo comes along."""

    spelling = "make run"
    procfile = settings.BASE_DIR / "Procfile"
    # It listens on this machine alone, without TLS.
    environment = {"BUS_HTTPS": "0"}
    _logins: list[str] = []

    def prepare(self, supervisor: Supervisor) -> None:
        """Make the demo's rooms and users, while web and worker start: they need no demo."""
        # Servers that are named hold what is somebody's, who wants no users there that were not
        # asked for.
        if not settings.EMBEDDED:
            return
        code, output = supervisor.run_once("demo", "python manage.py demo")
        if code and not supervisor.stop_requested:
            supervisor.say(
                f"The demo's rooms and users could not be made (exit code {code}; see above). "
                "Everything else runs; `python manage.py demo` tries again."
            )
        self._logins = [line for line in output if _LOGIN.match(line)]

    def first_steps(self, address: str) -> str:
        """The demo's logins, and its first room."""
        if not settings.EMBEDDED:
            return "  `python manage.py createsuperuser` makes a first user.\n"
        people = "\n".join(f"    {login}" for login in self._logins)
        return (
            f"  Sign in as (name / password):\n{people}\n\n" if people else ""
        ) + f"  Open {address}/chat/lobby/ in two windows and chat.\n"
