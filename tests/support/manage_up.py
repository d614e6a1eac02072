"""Starts the real thing for tests: `manage.py up` over a data directory of its own."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.wait import until

ROOT = Path(__file__).resolve().parents[2]
# A cold first start on a busy machine.
START_SECONDS = 60.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(directory: Path, port: int, **more: str) -> dict[str, str]:
    """A newcomer's environment: nothing of Bus set but where to keep data and to listen."""
    ours = ("REDIS_URL", "DATABASE_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE", "DEBUG")
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith(("BUS_", "TESTS_", "PYTEST_"))
    }
    return {**clean, "BUS_VAR_DIR": str(directory), "PORT": str(port), **more}


def running_over(directory: Path) -> list[str]:
    """The command lines of all processes, of whatever parent, that were given this directory."""
    wanted = f"BUS_VAR_DIR={directory}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # It has ended, or belongs to somebody else.
    return found


class Up:
    """One run of a supervisor command, its output in a file."""

    def __init__(self, directory: Path, port: int | None = None, *command: str, **env: str) -> None:
        self.directory = directory
        self.port = port or free_port()
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "up.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command or [sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=environment(directory, self.port, **env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def text(self) -> str:
        """What it has printed so far."""
        return self.log.read_text("utf-8", "replace")

    def wait_for(self, pattern: str, seconds: float = START_SECONDS) -> re.Match[str]:
        """The first match of this in the output; fails where the process ends first."""
        return self.wait_for_nth(pattern, 1, seconds)

    def wait_for_nth(self, pattern: str, nth: int, seconds: float = START_SECONDS) -> re.Match[str]:
        """The match number `nth`, counted from 1."""

        def match() -> re.Match[str] | None:
            found = list(re.finditer(pattern, self.text()))
            if len(found) >= nth:
                return found[nth - 1]
            assert self.process.poll() is None, f"it ended instead of {pattern!r}:\n{self.text()}"
            return None

        found = until(match, f"{pattern!r} in the output", seconds)
        assert found is not None
        return found

    def wait_until_ready(self) -> None:
        """Wait until it says where it runs."""
        self.wait_for(r"Bus is running at http://127\.0\.0\.1:\d+/")

    def pid_of(self, name: str, nth: int = 1) -> int:
        """The process id of a service's start number `nth`."""
        return int(self.wait_for_nth(rf"{name} started \(pid=(\d+)\)", nth).group(1))

    def get(self, path: str) -> int:
        """The status of a GET, 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)
