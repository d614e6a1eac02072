"""`manage.py up`: starts all of Bus on this machine and tends it until Ctrl-C."""

from __future__ import annotations

import os
import re
import secrets
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from honcho.environ import parse_procfile

from bus.conf import conf
from bus.conf.paths import embedded_socket_path, var_dir
from bus.embedded.broker import EmbeddedBroker
from bus.embedded.broker_keeper import BrokerKeeper
from bus.embedded.ready import ReadyWatch
from bus.embedded.supervisor import Supervisor
from bus.embedded.valkey import EmbeddedBrokerError

HOST = "127.0.0.1"
# `demo` prints a line like "mina / secret" for each login it made.
_LOGIN = re.compile(r"^\S+ / \S+$")


class Command(BaseCommand):
    """Broker, migrations, demo data, then the Procfile's web and worker processes."""

    help = "Start all of Bus on this machine: broker, database, web and worker. Ctrl-C stops it."
    # The release step checks; twice would only make the start slower.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until a signal; every way out stops everything."""
        port = _port()
        # Ours alone, where nobody has one: to be told what is missing.
        secret = conf.probe_secret or secrets.token_urlsafe()
        with ExitStack() as stack:
            supervisor = stack.enter_context(Supervisor(_environment(port, secret)))
            try:
                _up(supervisor, stack, port, secret)
            except EmbeddedBrokerError as error:
                raise CommandError(str(error)) from error
        supervisor.announce(f"Bus has stopped. Its data is kept in {var_dir()}.")


def _up(supervisor: Supervisor, stack: ExitStack, port: int, secret: str) -> None:
    lines = parse_procfile((Path(settings.BASE_DIR) / "Procfile").read_text("utf-8")).processes
    keeper = None
    if not settings.REDIS_URL:
        broker = EmbeddedBroker(var_dir() / "valkey", embedded_socket_path(), supervisor.say)
        keeper = BrokerKeeper(broker, supervisor)
        stack.callback(keeper.stop)
        # Before the port is looked at: "Bus already runs" says more than "the port is in use".
        broker.acquire()
    _check_port(port)
    if keeper is not None:
        supervisor.announce("Starting the embedded broker…")
        keeper.start()
    if supervisor.stop_requested:
        return
    code, _ = supervisor.run_once("release", lines["release"])
    if supervisor.stop_requested:
        return
    if code:
        raise CommandError(
            f"The Procfile's release line failed (exit code {code}; its own words are above), so "
            f"neither web nor worker was started. The data in {var_dir()} is kept. Mend that and "
            "start again."
        )
    for name in ("web", "worker"):
        supervisor.add(name, lines[name])
    supervisor.start()
    # While those start: they need the database's tables, but no demo. Servers that are named hold
    # what is somebody's, who wants no users there that were not asked for.
    logins = _demo(supervisor) if settings.EMBEDDED else []
    ReadyWatch(
        HOST,
        port,
        secret,
        supervisor.stopping,
        on_ready=lambda: supervisor.post(lambda: supervisor.announce(_welcome(port, logins))),
        on_late=lambda why: supervisor.say(
            f"Bus is not ready yet and keeps trying. /readyz says: {why}"
        ),
    ).start()
    supervisor.loop()


def _demo(supervisor: Supervisor) -> list[str]:
    """Make the demo's rooms and users; the logins that it printed."""
    code, output = supervisor.run_once("demo", "python manage.py demo")
    if code and not supervisor.stop_requested:
        supervisor.say(
            f"The demo's rooms and users could not be made (exit code {code}; see above). "
            "Everything else runs; `python manage.py demo` tries again."
        )
    return [line for line in output if _LOGIN.match(line)]


def _welcome(port: int, logins: list[str]) -> str:
    address = f"http://{HOST}:{port}"
    people = "\n".join(f"    {login}" for login in logins)
    first = f"Open {address}/chat/lobby/ in two windows and chat."
    if not settings.EMBEDDED:
        first = "`python manage.py createsuperuser` makes a first user."
    return (
        f"\n  Bus is running at {address}/\n\n"
        + (f"  Sign in as (name / password):\n{people}\n\n" if people else "")
        + f"  {first}\n"
        "  Ctrl-C stops everything; the next start finds its data again.\n"
    )


def _environment(port: int, secret: str) -> dict[str, str]:
    """What the children get: our own environment, this Python first, and where to listen."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {
        # It listens on this machine alone, without TLS.
        "BUS_HTTPS": "0",
        **os.environ,
        "PATH": path,
        "HOST": HOST,
        "PORT": str(port),
        "BUS_PROBE_SECRET": secret,
        "PYTHONUNBUFFERED": "1",
    }


def _port() -> int:
    text = os.environ.get("PORT") or "8000"
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise CommandError(
        f"PORT={text!r} is not a port. Nothing was started. Use a number from 1 to 65535: "
        "PORT=8001 make run"
    )


def _check_port(port: int) -> None:
    try:
        with socket.socket() as probe:
            # As the server does it: a connection that just closed does not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
        # macOS lets us bind beside a server that listens on all addresses.
        with socket.socket() as probe:
            probe.settimeout(1)
            taken = probe.connect_ex((HOST, port)) == 0
    except PermissionError as error:
        raise CommandError(
            f"Port {port} needs more rights than this user has. Nothing was started. Use one from "
            "1024 on: PORT=8001 make run"
        ) from error
    except OSError:
        taken = True
    if taken:
        raise CommandError(
            f"Port {port} on {HOST} is in use by another program. Nothing was started. Stop that "
            f"program, or take another port: PORT={port + 1 if port < 65535 else 8001} make run"
        )
