"""The supervisor behind `manage.py up`, with small shell commands for services."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wait import until

# Stands in for `manage.py up`: argv holds a line per service, and the seconds given to a drain.
UP = """
import os, sys
from bus.embedded import supervisor
supervisor.DRAIN_SECONDS = float(sys.argv[1])
with supervisor.Supervisor(os.environ) as up:
    for number, command in enumerate(sys.argv[2:]):
        up.add(f"service{number}", command)
    up.start()
    up.loop()
    up.announce("all stopped")
"""


class Up:
    """A running supervisor, its output in a file."""

    def __init__(self, directory: Path, *commands: str, drain: float = 10.0) -> None:
        self.directory = directory
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", UP, str(drain), *commands],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def text(self) -> str:
        return self.log.read_text()

    def waits_for(self, text: str, times: int = 1) -> None:
        until(lambda: self.text().count(text) >= times, f"{times}x {text!r} in:\n{self.text()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)

    def pid_of(self, name: str) -> int:
        """What a service wrote into a file of this name: its own pid."""
        path = self.directory / name
        return int(until(lambda: path.exists() and path.read_text().strip(), f"{path}"))


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Up]]:
    ups: list[Up] = []
    yield ups
    for up in ups:
        if up.process.poll() is None:
            up.process.kill()
            up.process.wait()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_output_is_passed_on_and_a_signal_stops_all(tmp_path: Path, started: list[Up]) -> None:
    up = Up(tmp_path, "echo one; exec sleep 1000", "echo two; exec sleep 1000")
    started.append(up)
    up.waits_for("service0 | one")
    up.waits_for("service1 | two")
    assert up.stop(signal.SIGINT) == 0
    assert up.text().endswith("all stopped\n")
    assert "Traceback" not in up.text()


def test_one_that_dies_is_started_again_and_the_other_stays(
    tmp_path: Path, started: list[Up]
) -> None:
    up = Up(tmp_path, f"echo $$ > {tmp_path}/pid; echo up; exec sleep 1000", "exec sleep 1000")
    started.append(up)
    up.waits_for("| up")
    os.kill(up.pid_of("pid"), signal.SIGKILL)
    up.waits_for("was killed (SIGKILL) by itself; starting it again in 0.5 s")
    up.waits_for("| up", times=2)
    assert up.text().count("service1 started") == 1
    assert up.stop() == 0


def test_the_pause_doubles_and_a_stop_ends_it(tmp_path: Path, started: list[Up]) -> None:
    up = Up(tmp_path, "exit 3")
    started.append(up)
    up.waits_for("ended (exit code 3) by itself; starting it again in 0.5 s")
    up.waits_for("again in 1 s")
    up.waits_for("again in 2 s")
    asked = time.monotonic()
    assert up.stop() == 0
    assert time.monotonic() - asked < 1.5


def test_repeated_signals_are_one(tmp_path: Path, started: list[Up]) -> None:
    slow = (
        "trap 'echo draining; sleep 1; echo drained; exit 0' TERM; "
        "echo up; while :; do sleep 0.05; done"
    )
    up = Up(tmp_path, slow)
    started.append(up)
    up.waits_for("| up")
    up.process.send_signal(signal.SIGINT)
    up.waits_for("draining")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        up.process.send_signal(number)
    assert up.process.wait(20) == 0
    assert "drained" in up.text()
    assert "Traceback" not in up.text()


def test_one_that_does_not_stop_is_killed(tmp_path: Path, started: list[Up]) -> None:
    stubborn = f"trap '' TERM; echo $$ > {tmp_path}/pid; echo up; while :; do sleep 0.05; done"
    up = Up(tmp_path, stubborn, drain=0.5)
    started.append(up)
    up.waits_for("| up")
    assert up.stop() == 0
    assert gone(up.pid_of("pid"))
    assert "killing service0" in up.text()


def test_what_a_dead_service_started_goes_with_it(tmp_path: Path, started: list[Up]) -> None:
    up = Up(tmp_path, f"sleep 1000 & echo $! > {tmp_path}/child; echo $$ > {tmp_path}/pid; wait")
    started.append(up)
    child = up.pid_of("child")
    os.kill(up.pid_of("pid"), signal.SIGKILL)
    until(lambda: gone(child), "the grandchild's end")
    assert up.stop() == 0


def test_a_killed_supervisor_leaves_nothing_running(tmp_path: Path, started: list[Up]) -> None:
    drained = tmp_path / "drained"
    # Its output has no reader any more, so it must not write.
    polite = (
        f"exec 2>/dev/null; trap 'touch {drained}; exit 0' TERM; echo $$ > {tmp_path}/pid; "
        "while :; do sleep 0.05; done"
    )
    up = Up(tmp_path, polite)
    started.append(up)
    service = up.pid_of("pid")
    up.process.kill()
    up.process.wait()
    until(lambda: gone(service), "the service's end")
    assert drained.exists()


def test_a_reader_that_goes_away_stops_all(tmp_path: Path, started: list[Up]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", UP, "10", "while :; do echo more; sleep 0.05; done"],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 0
