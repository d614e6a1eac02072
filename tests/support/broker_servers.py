"""Real Valkey and Redis servers of the tests' own: started, killed, started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from bus.embedded.valkey import find_binary
from tests.support.wait import until

KINDS = ["valkey", "redis"]


def binary_of(kind: str) -> str:
    """The server's binary: the bundled Valkey, or Redis from the PATH; skips without one."""
    if kind == "valkey":
        return find_binary().path
    found = shutil.which("redis-server")
    if found is None:
        message = "no redis-server on the PATH: Redis itself is not tested"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Server:
    """One server over one directory, on a port of its own unless the options say otherwise."""

    def __init__(
        self, kind: str, directory: Path, *options: str, url: str = "", **environ: str
    ) -> None:
        self.binary = binary_of(kind)
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = url or f"redis://127.0.0.1:{self.port}"
        self._options = options or ("--port", str(self.port))
        self._environ = {**os.environ, **environ}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", self.port

    def start(self) -> Server:
        """Start it and wait until it answers."""
        command = [self.binary, *self._options]
        if not self._options[0].endswith(".conf"):
            command += ["--dir", str(self.directory), "--appendonly", "yes", "--save", ""]
        with (self.directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environ)
        until(self._answers, f"{command[0]} answers; see {self.directory}/server.log")
        return self

    def kill(self) -> None:
        """End it as a crash does: SIGKILL, nothing written out."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def pause(self) -> None:
        """Let it say nothing more, its connections open: as a host that is gone."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End the pause; does nothing where it has ended."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def empty(self) -> None:
        """Remove what a killed server kept on its disk."""
        shutil.rmtree(self.directory / "appendonlydir")

    def client(self) -> contextlib.AbstractContextManager[redis.Redis]:
        """A client of it."""
        return redis.Redis.from_url(self.url)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / "server.log").read_text()[-2000:]
        with self.client() as client, contextlib.suppress(redis.ConnectionError):
            return bool(client.ping())
        return False


Servers = Callable[..., Server]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """Starts servers: servers(kind, *options, url=…, VARIABLE=…); all are gone after the test."""
    started: list[Server] = []

    def start(kind: str, *options: Any, url: str = "", name: str = "", **environ: str) -> Server:
        directory = tmp_path / (name or f"server{len(started)}")
        server = Server(kind, directory, *options, url=url, **environ)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.kill()
