"""The processes of a chaos test: started, killed, frozen and started again, each by its name."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.backend import Backend
from tests.support.manage_up import ROOT, environment, free_port
from tests.support.wait import until

WEB = (
    "-m uvicorn config.asgi:application --host 127.0.0.1 --port {port} --loop uvloop "
    "--http bus.servers.uvicorn_http:BoundedHttp "
    "--ws bus.servers.uvicorn_websocket:BoundedWebSocket --no-proxy-headers "
    "--lifespan on --no-access-log --no-server-header --timeout-graceful-shutdown 10 "
    "--ws-max-size 1048576 --ws-per-message-deflate false"
)
# A process that is told to stop and did not within this never will, in seconds.
_STOP_SECONDS = 30


class Fleet:
    """Processes over one backend; what they log goes to one file each."""

    def __init__(self, backend: Backend, name: str, **environ: str) -> None:
        """`environ` is for all of them."""
        self.backend = backend
        self.name = name
        where = str(backend.directory)
        self.environment = environment(backend.directory, 0, PYTHONUNBUFFERED="1")
        # tests/settings.py keeps a directory that is named twice.
        self.environment |= {"TESTS_VAR_DIR": where, **backend.environment, **environ}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {}

    def manage(self, *args: str) -> None:
        """Run a management command to its end."""
        command = [sys.executable, "manage.py", *args]
        subprocess.run(command, cwd=ROOT, env=self.environment, check=True, capture_output=True)

    def worker(self, name: str, *args: str, **environ: str) -> subprocess.Popen[bytes]:
        """Start `runworker` with these arguments, and wait until it listens."""
        process = self.start(name, "manage.py", "runworker", *args, **environ)
        self.wait_for(name, "listens on")
        return process

    def web(self, name: str) -> str:
        """Start a web process on a port of its own; the address of its sessions."""
        port = free_port()
        self.start(name, *WEB.format(port=port).split())
        self.wait_for(name, "Uvicorn running on")
        return f"ws://127.0.0.1:{port}/ws/"

    def start(self, name: str, *command: str, **environ: str) -> subprocess.Popen[bytes]:
        """Start a Python process."""
        self._commands[name] = command, environ
        with self._log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env={**self.environment, **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self.processes[name]

    def restart(self, name: str) -> None:
        """Start a process that has ended again."""
        command, environ = self._commands[name]
        self.start(name, *command, **environ)

    def kill(self, name: str) -> None:
        """End a process with SIGKILL."""
        self.processes[name].kill()
        self.processes[name].wait(_STOP_SECONDS)

    def stop(self, name: str, *numbers: int, seconds: float = _STOP_SECONDS) -> int:
        """Send signals (SIGTERM) one after the other, and wait for the end; the exit code."""
        process = self.processes[name]
        for number in numbers or (signal.SIGTERM,):
            process.send_signal(number)
        return process.wait(seconds)

    def fallen(self) -> list[str]:
        """Those that have ended though nobody killed them."""
        return [name for name, process in self.processes.items() if process.poll() is not None]

    def revive(self) -> list[str]:
        """Start everything again that has ended; the names."""
        fallen = self.fallen()
        for name in fallen:
            self.restart(name)
        return fallen

    def text(self, name: str) -> str:
        """What a process has logged."""
        return self._log(name).read_text("utf-8", "replace")

    def wait_for(self, name: str, text: str, nth: int = 1, seconds: float = 60) -> None:
        """Wait until a process has logged this, for the nth time."""

        def said() -> bool:
            if self.text(name).count(text) >= nth:
                return True
            assert self.processes[name].poll() is None, f"{name} ended:\n{self.text(name)}"
            return False

        until(said, f"{text!r} of {name}", seconds)

    def close(self) -> None:
        """Stop what still runs."""
        for process in self.processes.values():
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGCONT)
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _log(self, name: str) -> Path:
        return self.backend.directory / f"{self.name}-{name}.log"


@contextmanager
def fleet(backend: Backend, name: str, **environ: str) -> Iterator[Fleet]:
    """Processes while the block runs; their logs are printed for a failed test to show."""
    found = Fleet(backend, name, **environ)
    try:
        yield found
    except BaseException:
        for process in found.processes:
            print(f"── {process}\n{found.text(process)[-4000:]}")
        raise
    finally:
        found.close()
