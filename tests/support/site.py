"""Broker, web and worker as real processes, each to be killed and started on its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from bus.embedded.broker import EmbeddedBroker
from tests.support.manage_up import ROOT, environment, free_port
from tests.support.wait import until

SERVERS = {
    "uvicorn": "-m bus.servers.uvicorn_process config.asgi:application "
    "--host 127.0.0.1 --port {port} --loop uvloop --http bus.servers.uvicorn_http:BoundedHttp "
    "--ws bus.servers.uvicorn_websocket:BoundedWebSocket --no-proxy-headers "
    "--lifespan on --no-access-log --no-server-header --timeout-graceful-shutdown 10 "
    "--timeout-worker-healthcheck 30 "
    "--ws-max-size 1048576 --ws-per-message-deflate false",
    "daphne": "-m daphne -b 127.0.0.1 -p {port} --no-server-name config.asgi:application",
}


class Site:
    """One deployment over a data directory; what was stored there before is found again."""

    def __init__(self, directory: Path, server: str = "uvicorn", **environ: str) -> None:
        """`environ` is for all of its processes."""
        self.directory = directory
        self.port = free_port()
        self.environment = environment(directory, self.port, **{"PYTHONUNBUFFERED": "1", **environ})
        self.broker = EmbeddedBroker(directory / "valkey")
        self.log = directory / "processes.log"
        self.logins: dict[str, str] = {}
        self._server = SERVERS[server]
        self._processes: list[subprocess.Popen[bytes]] = []
        # Closed with the site, so that tests need not.
        self.sockets = ExitStack()

    @property
    def http(self) -> str:
        """The address of its pages."""
        return f"http://127.0.0.1:{self.port}"

    def text(self) -> str:
        """What its processes have logged."""
        return self.log.read_text("utf-8", "replace")

    def start(self) -> None:
        """Start everything and wait until it is ready."""
        self.broker.start()
        self.manage("migrate", "--noinput")
        # There is a demo where everything is embedded.
        if "REDIS_URL" not in self.environment:
            lines = self.manage("demo").splitlines()
            self.logins = dict(line.split(" / ") for line in lines if " / " in line)
        self.web = self.start_web()
        self.worker = self.start_worker()
        self.wait_until_ready()

    def start_web(self, port: int | None = None) -> subprocess.Popen[bytes]:
        """Another web process, on a port where none is or the last one has ended."""
        return self._start(*self._server.format(port=port or self.port).split())

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Another worker process."""
        return self._start("manage.py", "runworker", "moderation", "broadcast")

    def wait_until_ready(self) -> None:
        """Wait until /readyz says so."""
        until(lambda: self.get("/readyz") == 200, f"ready:\n{self.text()}", 60)

    def get(self, path: str) -> int:
        """The status of a GET, 0 where nobody answers."""
        from tests.support.manage_up import Up

        return Up.get(self, path)  # type: ignore[arg-type]

    def kill(self, process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> int:
        """Send one process a signal and wait for its end; its exit code."""
        process.send_signal(number)
        return process.wait(30)

    def stop(self) -> None:
        """Stop all that still runs, the broker last."""
        self.sockets.close()
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            process.wait(30)
        self.broker.stop()

    def manage(self, *args: str) -> str:
        """Run a management command to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
        )
        return done.stdout.decode()

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)
        return process


@contextmanager
def running(directory: Path, server: str = "uvicorn", **environ: str) -> Iterator[Site]:
    """A site while the block runs."""
    site = Site(directory, server, **environ)
    with ExitStack() as stack:
        stack.callback(site.stop)
        site.start()
        yield site


class Plain:
    """A raw client of plain chat, as in the tutorials."""

    def __init__(self, site: Site, room: str) -> None:
        opening = connect(f"ws://127.0.0.1:{site.port}/ws/chat/{room}/")
        self.socket: ClientConnection = site.sockets.enter_context(opening)

    def say(self, text: str) -> None:
        """Write in the room."""
        self.socket.send(json.dumps({"message": text}))

    def hear(self, seconds: float = 20) -> dict[str, Any]:
        """The next frame."""
        frame: dict[str, Any] = json.loads(self.socket.recv(seconds))
        return frame


class Client:
    """A raw client of the session protocol."""

    def __init__(self, site: Site, cookie: str = "") -> None:
        opening = connect(
            f"ws://127.0.0.1:{site.port}/ws/",
            subprotocols=["bus.v1"],  # type: ignore[list-item]
            additional_headers={"Cookie": cookie} if cookie else None,
        )
        self.socket: ClientConnection = site.sockets.enter_context(opening)
        self._heard: list[dict[str, Any]] = []
        self._refs = 0
        self.started = self.event("session.started")["data"]

    def ask(self, kind: str, **data: Any) -> dict[str, Any]:
        """Send a command and return its reply."""
        self._refs += 1
        ref = str(self._refs)
        self.socket.send(json.dumps({"ref": ref, "type": kind, "data": data}))
        return self._take(lambda item: item["type"] == "reply" and item["ref"] == ref)

    def event(self, kind: str) -> dict[str, Any]:
        """The next event of a type; others are kept."""
        return self._take(lambda item: item["type"] == kind)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """All events of a type that are here already, once a ping has come back."""
        self.ask("session.ping")
        found = [item for item in self._heard if item["type"] == kind]
        self._heard = [item for item in self._heard if item["type"] != kind]
        return found

    def _take(self, wanted: Any, seconds: float = 20) -> dict[str, Any]:
        while True:
            for position, item in enumerate(self._heard):
                if wanted(item):
                    return self._heard.pop(position)
            frame = json.loads(self.socket.recv(seconds))
            self._heard += frame if isinstance(frame, list) else [frame]
