"""A stage for measurements: a broker, a database and processes in a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Stage:
    """Processes of Bus on their own data; `REDIS_URL` and `DATABASE_URL` hold where set."""

    def __init__(self, directory: Path) -> None:
        self.environment = {**os.environ, "BUS_VAR_DIR": str(directory), "PYTHONUNBUFFERED": "1"}
        self._processes: list[subprocess.Popen[bytes]] = []

    def manage(self, *args: str) -> str:
        """Run a management command to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=self.environment,
            check=True,
            capture_output=True,
        )
        return done.stdout.decode()

    def start(self, *command: str, quiet: bool = True) -> subprocess.Popen[bytes]:
        """Start a process that is stopped with the stage."""
        output = subprocess.DEVNULL if quiet else None
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=self.environment, stdout=output, stderr=output
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
def stage() -> Iterator[Stage]:
    """A fresh stage with its broker running and its database migrated; Django is set up on it."""
    with tempfile.TemporaryDirectory(prefix="bus-bench-") as directory:
        os.environ["BUS_VAR_DIR"] = directory
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bus.settings")
        import django

        django.setup()
        from bus.conf import embedded_socket_path, var_dir
        from bus.management.embedded import EmbeddedBroker

        broker = None
        if "REDIS_URL" not in os.environ:
            broker = EmbeddedBroker(var_dir() / "valkey", embedded_socket_path())
            broker.start()
        found = Stage(Path(directory))
        try:
            found.manage("migrate", "--noinput")
            yield found
        finally:
            found.stop()
            if broker:
                broker.stop()


def wait_for(fact: Callable[[], bool], seconds: float = 60.0, pause: float = 0.005) -> None:
    """Wait until the fact is true; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            raise TimeoutError("the measurement did not end in time")
        time.sleep(pause)
