"""Runs the Procfile's processes for `manage.py up`: one that dies by itself is started again.

Built on honcho's Manager, Process and Printer, with two differences. Each process is tended by a
thread instead of a forked copy of this one, so nothing but the processes themselves can be left.
And where honcho stops all when one stops, this restarts that one, after a pause that doubles.

Read: honcho 2.0.0 (manager.py, process.py, printer.py).
Relies on:
    honcho.manager.Manager:
        events, add_process, terminate, kill, _all_stopped, _clock, _killall, _printer,
        _process_ctor, _processes, _system_print
    honcho.manager.Manager.add_process: `self._process_ctor(cmd,`, `['obj'] = proc`
    honcho.manager.Manager._all_stopped: `.get('returncode') is not None`
    honcho.process.Process: run, _child, _child_ctor, _events, _send_message
    honcho.process.Popen: `start_new_session=True`
    honcho.printer.Printer: width, output, write
"""

from __future__ import annotations

import contextlib
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from bus.conf.extras import brought_by
from bus.embedded.guardian import DRAIN_SECONDS, Guardian, end_groups, signal_group

with brought_by("embedded"):
    from honcho.manager import Manager
    from honcho.printer import Message, Printer
    from honcho.process import Popen, Process

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
# One that ran this long was well: its next restart is quick again.
STEADY_SECONDS = 30.0


class Service(Process):
    """One process of the Procfile, kept running until the supervisor stops."""

    def __init__(
        self, *args: Any, stopping: threading.Event, guardian: Guardian, **kw: Any
    ) -> None:
        super().__init__(*args, **kw)
        self._stopping = stopping
        self._guardian = guardian
        self._lock = threading.Lock()

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Start it, pass its output on, and start it again when it dies by itself."""
        self._events = events
        pause = FIRST_PAUSE
        while (child := self._spawn()) is not None:
            started = time.monotonic()
            code = self._follow(child)
            if self._stopping.is_set():
                break
            if time.monotonic() - started >= STEADY_SECONDS:
                pause = FIRST_PAUSE
            self._send_message(f"{_ended(code)} by itself; starting it again in {pause:g} s\n")
            if self._stopping.wait(pause):
                break
            pause = min(pause * 2, LONGEST_PAUSE)
        self._send_message({"returncode": 0}, type="stop")

    def stop(self, force: bool = False) -> None:
        """Pass SIGTERM (or SIGKILL) on to the process and all that it started."""
        with self._lock:
            child = self._child
            if child is not None and child.returncode is None:
                signal_group(child.pid, signal.SIGKILL if force else signal.SIGTERM)

    def _spawn(self) -> Any:
        # `stop` takes the same lock after `stopping` is set: it sees the child, or none comes.
        with self._lock:
            if self._stopping.is_set():
                return None
            self._child = self._child_ctor(self.cmd, env=self.env, cwd=self.cwd)
            self._guardian.watch("service", self._child.pid)
        self._send_message({"pid": self._child.pid}, type="start")
        return self._child

    def _follow(self, child: Any) -> int:
        # The output may be held open by grandchildren, so its end is not the end of the process.
        relay = threading.Thread(target=self._relay, args=(child.stdout,), daemon=True)
        relay.start()
        code: int = child.wait()
        end_groups([child.pid])
        self._guardian.forget(child.pid)
        relay.join()
        return code

    def _relay(self, stdout: Any) -> None:
        with contextlib.closing(stdout):
            for line in iter(stdout.readline, b""):
                self._send_message(line)


class Supervisor(Manager):
    """Runs services until a signal asks it to stop; use it as a context manager."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(Printer(_Output(self._stop_on_broken_output)))
        self.events: queue.Queue[Message] = queue.Queue()
        # A bare flag, set by signal handlers: an Event's lock could be held by what they interrupt.
        self.stop_requested = False
        self.stopping = threading.Event()
        self.guardian = Guardian()
        self._environment = dict(environment)
        self._process_ctor = self._service

    def __enter__(self) -> Supervisor:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        # A closed terminal stops all, unless `nohup` asked for the contrary.
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._on_signal)
        return self

    def __exit__(self, *exc: object) -> None:
        self.guardian.close()

    def add(self, name: str, command: str) -> None:
        """Run this line of the Procfile, and keep it running."""
        self.add_process(name, command, env=self._environment)

    def say(self, text: str) -> None:
        """Print a line of our own among those of the processes."""
        self.events.put(Message("line", text + "\n", self._clock.now(), "system", None))

    def announce(self, text: str) -> None:
        """Print to the user as it is, without time and name."""
        print(text, file=self._printer.output, flush=True)

    def post(self, call: Callable[[], None]) -> None:
        """Have the main loop call this; any thread may ask."""
        self.events.put(Message("call", call, self._clock.now(), None, None))

    def run_once(self, name: str, command: str) -> tuple[int, list[str]]:
        """Run a command to its end; its exit code and what it printed."""
        self._printer.width = max(self._printer.width, len(name))
        child = Popen(command, env=self._environment)
        self.guardian.watch("service", child.pid)
        lines: list[str] = []

        def relay() -> None:
            for line in iter(child.stdout.readline, b""):
                lines.append(line.decode("utf-8", "replace").rstrip())
                self.events.put(Message("line", line, self._clock.now(), name, None))

        reader = threading.Thread(target=relay, daemon=True)
        reader.start()
        asked = False
        while child.poll() is None:
            self._take_event(0.05)
            if self.stop_requested and not asked:
                asked = signal_group(child.pid, signal.SIGTERM)
        end_groups([child.pid])
        self.guardian.forget(child.pid)
        reader.join()
        self._take_all()
        return child.returncode, lines

    def start(self) -> None:
        """Start the services; `run_once` and `loop` pass on what they print."""
        for name, process in self._processes.items():
            run = process["obj"].run
            threading.Thread(target=run, args=(self.events,), name=name, daemon=True).start()

    def loop(self) -> None:
        """Tend the services until a stop is asked for and all have stopped."""
        deadline = None
        while not self._all_stopped():
            self._take_event(0.1)
            if self.stop_requested and deadline is None:
                deadline = time.monotonic() + DRAIN_SECONDS
                self.stopping.set()
                self.terminate()
            elif deadline is not None and time.monotonic() > deadline:
                deadline = float("inf")
                self.kill()
        self._take_all()

    def _service(self, *args: Any, **kw: Any) -> Service:
        return Service(*args, stopping=self.stopping, guardian=self.guardian, **kw)

    def _killall(self, force: bool = False) -> None:
        for name, process in self._processes.items():
            if "returncode" not in process:
                self._system_print(f"{'killing' if force else 'stopping'} {name}\n")
                process["obj"].stop(force)

    def _take_event(self, timeout: float) -> None:
        try:
            message = self.events.get(timeout=timeout)
        except queue.Empty:
            return
        if message.type == "line":
            self._printer.write(message)
        elif message.type == "call":
            message.data()
        elif message.type == "start":
            self._system_print(f"{message.name} started (pid={message.data['pid']})\n")
        elif message.type == "stop":
            self._processes[message.name]["returncode"] = message.data["returncode"]
            self._system_print(f"{message.name} stopped\n")

    def _take_all(self) -> None:
        # What is there now; a service that never falls silent must not hold this up.
        for _ in range(self.events.qsize()):
            self._take_event(0)

    def _on_signal(self, number: int, frame: object) -> None:
        self.stop_requested = True

    def _stop_on_broken_output(self) -> None:
        self.stop_requested = True


class _Output:
    """Standard output that outlives its reader: a closed terminal or pipe asks for a stop."""

    def __init__(self, on_broken: Callable[[], None]) -> None:
        self._on_broken = on_broken
        self._broken = False

    def isatty(self) -> bool:
        return sys.stdout.isatty()

    def write(self, text: str) -> None:
        self._try(lambda: sys.stdout.write(text))

    def flush(self) -> None:
        self._try(sys.stdout.flush)

    def _try(self, call: Callable[[], object]) -> None:
        if self._broken:
            return
        try:
            call()
        except OSError:
            self._broken = True
            self._on_broken()


def _ended(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was killed ({signal.Signals(-code).name})"
    return f"ended (exit code {code})"
