"""`manage.py up`: all of Bus on one machine, from the first start to the last signal."""

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.embedded.broker import EmbeddedBroker
from tests.support.manage_up import ROOT, Up, environment, free_port, running_over
from tests.support.wait import until

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")


def _directory() -> Iterator[Path]:
    # Short, since the broker's socket lies in it.
    with tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path:
        directory = Path(path)
        yield directory
        until(lambda: not running_over(directory), f"an end of {running_over(directory)}", 40)


@pytest.fixture
def directory() -> Iterator[Path]:
    yield from _directory()


@pytest.fixture(scope="module")
def shared() -> Iterator[Up]:
    """One run that several tests look at; each leaves it running."""
    for directory in _directory():
        up = Up(directory)
        try:
            up.wait_until_ready()
            yield up
        finally:
            up.stop()


def test_it_prints_the_address_and_the_demo_logins(shared: Up) -> None:
    welcome = shared.text()[shared.text().index("Bus is running at") :]
    assert f"http://127.0.0.1:{shared.port}/" in welcome
    assert re.search(r"^ +demo / \S+$", welcome, re.M)
    assert re.search(r"^ +mod / \S+$", welcome, re.M)
    assert shared.get("/readyz") == 200
    assert shared.get("/chat/lobby/") == 200


def test_on_servers_that_are_named_it_makes_no_users_and_prints_no_passwords(
    directory: Path,
) -> None:
    broker = EmbeddedBroker(directory / "elsewhere")
    broker.start()
    named = directory / "named.sqlite3"
    key = "for this test only; nothing real is signed with it"
    up = Up(directory, REDIS_URL=broker.url, DATABASE_URL=f"sqlite:///{named}", SECRET_KEY=key)
    try:
        up.wait_until_ready()
        until(lambda: up.get("/readyz") == 200, "ready", 30)
        assert not re.search(r"^.*\S+ / \S+$", up.text(), re.M)
        assert "createsuperuser" in up.text()
        with contextlib.closing(sqlite3.connect(named)) as database:
            for table in ("auth_user", "bus_room"):
                assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert not (directory / "demo.json").exists()
    finally:
        up.stop()
        broker.stop()


def test_it_listens_on_this_machine_only(shared: Up) -> None:
    with socket.socket() as probe:
        # Free on another address of the loopback: nobody listens on 0.0.0.0.
        probe.bind(("127.0.0.2", shared.port))
        assert probe.getsockname() == ("127.0.0.2", shared.port)


def test_a_second_one_is_refused_and_names_the_first(shared: Up) -> None:
    second = _run(shared.directory, free_port())
    assert second.returncode != 0
    assert f"already runs on {shared.directory} (process {shared.process.pid})" in second.stderr
    assert "Traceback" not in second.stderr
    assert shared.get("/readyz") == 200


@pytest.mark.parametrize("name", ["worker", "web"])
def test_a_killed_service_is_started_again(shared: Up, name: str) -> None:
    os.kill(shared.pid_of(name), signal.SIGKILL)
    shared.wait_for(rf"{name}.*was killed \(SIGKILL\) by itself; starting it again in 0\.5 s")
    assert shared.pid_of(name, nth=2) != shared.pid_of(name)
    until(lambda: shared.get("/readyz") == 200, "ready again", 30)


def test_a_killed_broker_is_started_again(shared: Up) -> None:
    pid = int((shared.directory / "valkey" / "server.lock").read_text())
    os.kill(pid, signal.SIGKILL)
    shared.wait_for("the broker is back")
    until(lambda: shared.get("/readyz") == 200, "ready again", 30)


def test_it_stops_clean_and_the_next_start_finds_its_data(directory: Path) -> None:
    first = Up(directory)
    first.wait_until_ready()
    assert first.stop(signal.SIGTERM) == 0
    assert "Traceback" not in first.text()
    assert running_over(directory) == []
    logins = re.findall(r"^ +(?:demo|mod) / \S+$", first.text(), re.M)

    second = Up(directory)
    second.wait_until_ready()
    assert re.findall(r"^ +(?:demo|mod) / \S+$", second.text(), re.M) == logins
    for _ in range(3):
        second.process.send_signal(signal.SIGINT)
    assert second.process.wait(30) == 0
    assert "Traceback" not in second.text()
    assert running_over(directory) == []


def test_a_stop_during_the_start_is_clean_too(directory: Path) -> None:
    up = Up(directory)
    up.wait_for("Starting the embedded broker")
    assert up.stop(signal.SIGINT) == 0
    assert "Traceback" not in up.text()
    assert running_over(directory) == []


def test_a_killed_up_leaves_nothing_and_can_be_started_again(directory: Path) -> None:
    up = Up(directory)
    up.wait_until_ready()
    up.stop(signal.SIGKILL)
    until(lambda: not running_over(directory), "an end of all processes", 30)
    again = Up(directory, up.port)
    again.wait_until_ready()
    assert again.stop() == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_said_before_anything_starts(directory: Path, address: str) -> None:
    with socket.socket() as other:
        other.bind((address, 0))
        other.listen()
        port = other.getsockname()[1]
        done = _run(directory, port)
    assert done.returncode != 0
    assert f"Port {port} on 127.0.0.1 is in use" in done.stderr
    assert f"PORT={port + 1} make run" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (directory / "valkey" / "valkey.conf").exists()


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1"])
def test_a_port_that_is_none_is_refused(directory: Path, port: str) -> None:
    done = _run(directory, port)
    assert done.returncode != 0
    assert f"PORT={port!r} is not a port" in done.stderr


def _run(directory: Path, port: int | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env={**environment(directory, 0), "PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
