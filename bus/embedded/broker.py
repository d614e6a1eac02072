"""The embedded broker: a real Valkey server of our own, for machines where none is named.

Two locks in its directory hold it together. `supervisor.lock` belongs to the process that runs this
class: a second one is refused. `server.lock` is inherited by the server itself, so the kernel says
whether a server is alive on the append-only file, even one that outlived a killed supervisor; such
an orphan is stopped before a new one starts. There are never two servers on one file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from bus.embedded import private_files, valkey
from bus.embedded.valkey import EmbeddedBrokerError

# A small append-only file loads at once; this is for a machine under load. Loading has no limit.
_START_SECONDS = 20.0
# What a server may take to write out what it holds before it is killed; the file survives that too.
_STOP_SECONDS = 10.0
# A run that is just ending may hold the directory a moment longer.
_LOCK_SECONDS = 1.0
_LOG_LIMIT = 1_000_000


class EmbeddedBroker:
    """One Valkey server over one directory, reached through a unix socket."""

    def __init__(
        self,
        directory: Path,
        socket_path: Path | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.directory = directory
        self.socket_path = socket_path or directory / "valkey.sock"
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor_lock: IO[str] | None = None

    @property
    def url(self) -> str:
        """Its address, as redis-py takes it."""
        return f"unix://{self.socket_path}"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server and wait until it answers; raises EmbeddedBrokerError."""
        binary = valkey.find_binary()
        if not binary.bundled:
            self._say(f"The embedded broker runs {binary.origin}.")
        self.acquire()
        try:
            self._start(binary.path)
        except BaseException:
            self.stop()
            raise

    def acquire(self) -> None:
        """Take the directory for this process; raises where another one has it."""
        if self._supervisor_lock is not None:
            return
        self._make_directories()
        path = self.directory / "supervisor.lock"
        file = open(path, "a+", opener=private_files.opener)  # noqa: SIM115  # kept as long as it runs
        if not _locks(file, _LOCK_SECONDS):
            file.seek(0)
            pid = file.read().strip() or "unknown"
            file.close()
            raise EmbeddedBrokerError(
                f"Bus already runs on {self.directory.parent} (process {pid}). Nothing was started "
                f"or changed. Use that one, or stop it first: kill {pid}"
            )
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._supervisor_lock = file

    def stop(self) -> None:
        """Stop the server, everything written out, and give the directory free."""
        process, self._process = self._process, None
        if process is not None:
            # SIGTERM makes Valkey flush and sync its append-only file before it exits.
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.socket_path.unlink(missing_ok=True)
        if self._supervisor_lock is not None:
            self._supervisor_lock.close()
            self._supervisor_lock = None

    def _make_directories(self) -> None:
        for path in (self.directory, self.socket_path.parent):
            try:
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise EmbeddedBrokerError(
                    f"The embedded broker cannot make {path}: {error.strerror}. Nothing was "
                    "started. Give this user the right to write there, or name another place: "
                    "BUS_VAR_DIR=…"
                ) from error
        # The short directory may lie in a place that everyone can write to.
        if self.socket_path.parent.stat().st_uid != os.getuid():
            raise EmbeddedBrokerError(
                f"{self.socket_path.parent} belongs to another user, so it is not used for the "
                "broker's socket. Nothing was started. Remove it, or name a shorter BUS_VAR_DIR."
            )

    def _start(self, binary: str) -> None:
        with open(self.directory / "server.lock", "a+", opener=private_files.opener) as lock:
            if not _locks(lock, 0):
                self._stop_orphan(lock)
            # Nobody holds the lock, so a socket that is there has no server behind it.
            self.socket_path.unlink(missing_ok=True)
            config = self.directory / "valkey.conf"
            with open(config, "w", encoding="utf-8", opener=private_files.opener) as file:
                file.write(valkey.configuration(self.directory, self.socket_path))
            self._shorten_log()
            log_start = self._log_size()
            # Emptied first: a pid in this file is always that of the lock's holder.
            lock.truncate(0)
            self._process = subprocess.Popen(
                [binary, str(config)],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # A locale that is named but not installed would stop the server.
                env={**os.environ, "LC_ALL": "C"},
                # The server keeps `lock` for as long as it lives.
                pass_fds=[lock.fileno()],
                # Ctrl-C is for the supervisor, which stops the broker last.
                start_new_session=True,
                umask=private_files.OTHERS,
            )
            lock.write(f"{self._process.pid}\n")
        self._wait_until_it_answers(self._process, log_start)

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], log_start: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        logged = False
        while (answer := valkey.ask(self.socket_path, "PING")) != "+PONG":
            if process.poll() is not None:
                raise EmbeddedBrokerError(
                    f"The embedded broker stopped at once (exit code {process.returncode}). Its "
                    f"data in {self.directory} is untouched. Its log ends:\n"
                    f"{self._log_end(log_start)}"
                )
            if answer is not None and answer.startswith("-LOADING"):
                deadline = time.monotonic() + _START_SECONDS
                if not logged:
                    self._say("The embedded broker is loading its data…")
                logged = True
            if time.monotonic() > deadline:
                raise EmbeddedBrokerError(
                    f"The embedded broker did not answer within {_START_SECONDS:.0f} s and was "
                    f"stopped. Its data in {self.directory} is kept; start again. Its log ends:\n"
                    f"{self._log_end(log_start)}"
                )
            time.sleep(0.01)

    def _stop_orphan(self, lock: IO[str]) -> None:
        """Stop a server whose supervisor was killed; `lock` is ours afterwards."""
        lock.seek(0)
        text = lock.read().strip()
        self._say(f"Stopping the broker that a killed run left behind (process {text})…")
        # Through its socket, if that still leads to it: a pid in a file may be somebody else's.
        if valkey.ask(self.socket_path, "PING"):
            valkey.ask(self.socket_path, "SHUTDOWN NOSAVE", timeout=_STOP_SECONDS)
            if _locks(lock, _STOP_SECONDS):
                return
        # The lock is held by that server or a child of it, so the group still bears its number.
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ValueError, ProcessLookupError):
                os.killpg(int(text), number)
            if _locks(lock, _STOP_SECONDS):
                return
        raise EmbeddedBrokerError(
            f"A broker that a killed run left behind (process {text}) does not stop. Its data in "
            f"{self.directory} is kept. Stop that process, then start again."
        )

    def _log_size(self) -> int:
        log = self.directory / "valkey.log"
        return log.stat().st_size if log.exists() else 0

    def _shorten_log(self) -> None:
        if self._log_size() > _LOG_LIMIT:
            log = self.directory / "valkey.log"
            log.replace(log.with_suffix(".log.1"))

    def _log_end(self, start: int) -> str:
        log = self.directory / "valkey.log"
        if not log.exists():
            return "    (nothing was logged)"
        with log.open("rb") as file:
            file.seek(start)
            lines = file.read().decode("utf-8", "replace").splitlines()
        return "\n".join("    " + line for line in lines[-10:])


def _locks(file: IO[str], seconds: float) -> bool:
    """Whether the file could be locked within this time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
