"""A stage for measurements: a broker, a database and processes in a directory of its own."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dj_database_url

ROOT = Path(__file__).resolve().parent.parent


class Stage:
    """Processes of Bus on their own data; `REDIS_URL` holds where it is set."""

    def __init__(self, directory: Path, root: Path = ROOT) -> None:
        """`root` is the tree whose Bus runs: this one, or another commit's."""
        self.directory = directory
        self.root = root
        self.environment = {**os.environ, "BUS_VAR_DIR": str(directory), "PYTHONUNBUFFERED": "1"}
        self._processes: list[subprocess.Popen[bytes]] = []

    def manage(self, *args: str) -> str:
        """Run a management command to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=self.root,
            env=self.environment,
            check=True,
            capture_output=True,
        )
        return done.stdout.decode()

    def start(
        self, *command: str, quiet: bool = True, program: str = sys.executable, **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start a process that is stopped with the stage; Python, or another program."""
        output = subprocess.DEVNULL if quiet else None
        process = subprocess.Popen(
            [program, *command],
            cwd=self.root,
            env=self.environment | environment,
            stdout=output,
            stderr=output,
        )
        self._processes.append(process)
        return process

    def stop(self) -> None:
        """Stop the processes, the last first."""
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            process.wait(30)
        self._processes.clear()


@contextmanager
def stage(database_url: str = "") -> Iterator[Stage]:
    """A fresh stage, its broker running and its database migrated; Django is set up on it.

    With the URL of a PostgreSQL server it makes a database there, and drops it at the end.
    """
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="bus-bench-"))
        os.environ["BUS_VAR_DIR"] = directory
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
        os.environ.setdefault("SECRET_KEY", "for benchmarks only; nothing real is signed with it")
        os.environ.setdefault("BUS_HTTPS", "0")
        # The environment's own database is nobody's to fill.
        os.environ["DATABASE_URL"] = ""
        if database_url:
            os.environ["DATABASE_URL"] = stack.enter_context(_database(database_url))
        import django

        django.setup()
        from bus.conf.paths import embedded_socket_path, var_dir
        from bus.embedded.broker import EmbeddedBroker

        if "REDIS_URL" not in os.environ:
            broker = EmbeddedBroker(var_dir() / "valkey", embedded_socket_path())
            broker.start()
            stack.callback(broker.stop)
        found = Stage(Path(directory))
        stack.callback(found.stop)
        found.manage("migrate", "--noinput")
        yield found
        from django.db import connections

        connections.close_all()


@contextmanager
def _database(server_url: str) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database on the server."""
    import psycopg
    from psycopg.sql import SQL, Identifier

    parts: dict[str, Any] = dict(dj_database_url.parse(server_url))
    name = f"bus_bench_{os.getpid()}"
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    options = {ours: parts[theirs] for ours, theirs in names.items() if parts.get(theirs)}
    options["dbname"] = parts["NAME"] or "postgres"
    with psycopg.connect(autocommit=True, **options) as server:
        server.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    try:
        yield server_url.partition("?")[0].rpartition("/")[0] + f"/{name}"
    finally:
        with psycopg.connect(autocommit=True, **options) as server:
            server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def web_command(port: int, root: Path = ROOT, application: str = "") -> list[str]:
    """What Python is given to serve as the tree's Procfile does, but for what it prints."""
    lines = (root / "Procfile").read_text("utf-8").splitlines()
    line = next(line for line in lines if line.startswith("web:"))
    words = shlex.split(line)[3:]
    words[words.index("--host") + 1] = "127.0.0.1"
    words[words.index("--port") + 1] = str(port)
    if application:
        words[words.index("config.asgi:application")] = application
    return [*words, "--log-level", "warning"]


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(fact: Callable[[], bool], seconds: float = 60.0, pause: float = 0.005) -> None:
    """Wait until the fact is true; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            raise TimeoutError("the measurement did not end in time")
        time.sleep(pause)


def load() -> str:
    """The load average of the last minute: what else the machine was doing."""
    return f"{os.getloadavg()[0]:.1f}"
