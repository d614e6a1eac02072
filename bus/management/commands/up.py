"""`manage.py up`: starts a project with Bus on this machine and tends it until Ctrl-C."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.http.request import validate_host

from bus.conf import conf
from bus.conf.paths import embedded_broker_url, embedded_socket_path, project_dir, var_dir
from bus.embedded.valkey import EmbeddedBrokerError
from bus.http import urls

if TYPE_CHECKING:
    from bus.embedded.ready import ReadyWatch
    from bus.embedded.supervisor import Supervisor

HOST = "127.0.0.1"
# What comes with the extras `embedded` and `server`, and is needed for more than a broker alone.
_NEEDED = ("honcho", "uvicorn", "httptools", "uvloop")


class Command(BaseCommand):
    """Broker and migrations, then the project's web and worker processes."""

    help = "Start this project with Bus: broker, migrations, web and worker. Ctrl-C stops it."
    # Migrating checks; twice would only make the start slower.
    requires_system_checks = []

    # Another way to say `manage.py up`, and what the processes are told beside our environment.
    spelling = "manage.py up"
    environment: dict[str, str] = {}
    # A file with lines for `release`, `web` and `worker`, in place of those built in.
    procfile: Path | None = None

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where the lines come from."""
        parser.add_argument(
            "--procfile",
            type=Path,
            default=self.procfile,
            help="take the lines release, web and worker from this Procfile",
        )

    def prepare(self, supervisor: Supervisor) -> None:
        """What a project has to do while its processes start; the database is ready."""

    def first_steps(self, address: str) -> str:
        """What to do first, for who has just started it."""
        return (
            f"  Its rooms are at {address}{urls.path_to('lobby')}\n"
            "  `manage.py bus room NAME` makes one, `manage.py createsuperuser` a first user.\n"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until a signal; every way out stops everything."""
        missing = [name for name in _NEEDED if find_spec(name) is None]
        if missing:
            raise CommandError(
                f"`manage.py up` needs {', '.join(missing)}. Nothing was started. "
                'Install what it needs: pip install "django-bus[embedded,server]"'
            )
        from bus.embedded import procfile, ready
        from bus.embedded.supervisor import Supervisor

        port = self._port()
        # Ours alone, where nobody has one: to be told what is missing.
        secret = conf.probe_secret or secrets.token_urlsafe()
        try:
            given = options["procfile"]
            lines = procfile.read(given) if given else procfile.built_in(HOST, port)
        except (OSError, ValueError) as error:
            raise CommandError(f"The Procfile cannot be used: {error}") from error
        environment = {**self.environment, **_environment(port, secret)}
        # Lines of somebody's own serve what the project routes, and nothing before it.
        probe = urls.path_to("readyz") if given else ready.PROBE
        with ExitStack() as stack:
            supervisor = stack.enter_context(Supervisor(environment))
            try:
                watch = self._watch(supervisor, port, probe, secret)
                self._up(supervisor, stack, lines, port, watch)
            except EmbeddedBrokerError as error:
                raise CommandError(str(error)) from error
        supervisor.announce(f"Bus has stopped. Its data is kept in {var_dir()}.")

    def _up(
        self,
        supervisor: Supervisor,
        stack: ExitStack,
        lines: dict[str, str],
        port: int,
        watch: ReadyWatch,
    ) -> None:
        start = _broker(supervisor, stack) if is_embedded() else None
        self._check_port(port)
        if start is not None:
            supervisor.announce("Starting the embedded broker…")
            start()
        if supervisor.stop_requested:
            return
        code, _ = supervisor.run_once("release", lines["release"])
        if supervisor.stop_requested:
            return
        if code:
            raise CommandError(
                f"The release line failed (exit code {code}; its own words are above), so neither "
                f"web nor worker was started. The data in {var_dir()} is kept. Mend that and start "
                "again."
            )
        for name in ("web", "worker"):
            supervisor.add(name, lines[name])
        supervisor.start()
        self.prepare(supervisor)
        watch.start()
        supervisor.loop()

    def _watch(self, supervisor: Supervisor, port: int, probe: str, secret: str) -> ReadyWatch:
        from bus.embedded.ready import ReadyWatch

        return ReadyWatch(
            (HOST, port),
            probe,
            {"Authorization": f"Bearer {secret}", "Host": known_host(port)},
            supervisor.stopping,
            on_ready=lambda: supervisor.post(lambda: supervisor.announce(self._welcome(port))),
            on_late=lambda why: supervisor.say(
                f"Bus is not ready yet and keeps trying. {probe} says: {why}"
            ),
        )

    def _welcome(self, port: int) -> str:
        address = f"http://{HOST}:{port}"
        return (
            f"\n  Bus is running at {address}/\n\n{self.first_steps(address)}"
            "  Ctrl-C stops everything; the next start finds its data again.\n"
        )

    def _port(self) -> int:
        text = os.environ.get("PORT") or "8000"
        if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
            return int(text)
        raise CommandError(
            f"PORT={text!r} is not a port. Nothing was started. Use a number from 1 to 65535: "
            f"PORT=8001 {self.spelling}"
        )

    def _check_port(self, port: int) -> None:
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
                f"Port {port} needs more rights than this user has. Nothing was started. Use one "
                f"from 1024 on: PORT=8001 {self.spelling}"
            ) from error
        except OSError:
            taken = True
        if taken:
            other = port + 1 if port < 65535 else 8001
            raise CommandError(
                f"Port {port} on {HOST} is in use by another program. Nothing was started. Stop "
                f"that program, or take another port: PORT={other} {self.spelling}"
            )


def is_embedded() -> bool:
    """Whether the layer of Bus is at the broker that is started here, and at no other."""
    layer = getattr(settings, "CHANNEL_LAYERS", {}).get(conf.layer, {})
    return embedded_broker_url() in layer.get("CONFIG", {}).get("hosts", ())


def _broker(supervisor: Supervisor, stack: ExitStack) -> Callable[[], None]:
    """Take the embedded broker for this process; what starts it."""
    from bus.embedded.broker import EmbeddedBroker
    from bus.embedded.broker_keeper import BrokerKeeper

    broker = EmbeddedBroker(var_dir() / "valkey", embedded_socket_path(), supervisor.say)
    keeper = BrokerKeeper(broker, supervisor)
    stack.callback(keeper.stop)
    # Before the port is looked at: "Bus already runs" says more than "the port is in use".
    broker.acquire()
    return keeper.start


def known_host(port: int) -> str:
    """A host that ALLOWED_HOSTS has, for a request from this machine."""
    allowed = settings.ALLOWED_HOSTS
    if not allowed or validate_host(HOST, allowed):
        return f"{HOST}:{port}"
    return str(allowed[0]).lstrip(".")


def _environment(port: int, secret: str) -> dict[str, str]:
    """What the children get: our own environment, this Python first, and where to listen."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    modules = [str(project_dir()), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PATH": path,
        # The project's own modules are found from wherever this was started.
        "PYTHONPATH": os.pathsep.join(modules),
        "HOST": HOST,
        "PORT": str(port),
        "BUS_PROBE_SECRET": secret,
        "PYTHONUNBUFFERED": "1",
    }
