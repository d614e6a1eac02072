"""The Procfile under `honcho start`: the same processes, on servers that the environment names."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.embedded.broker import EmbeddedBroker
from tests.support.manage_up import Up, running_over
from tests.support.wait import until

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture
def broker(directory: Path) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(directory / "elsewhere")
    broker.start()
    yield broker
    broker.stop()


def test_honcho_start_runs_all_and_stops_all(directory: Path, broker: EmbeddedBroker) -> None:
    tools = Path(sys.executable).parent
    honcho = Up(
        directory,
        None,
        sys.executable,
        "-m",
        "honcho",
        "start",
        PATH=f"{tools}{os.pathsep}{os.environ['PATH']}",
        HOST="127.0.0.1",
        REDIS_URL=broker.url,
        DATABASE_URL=f"sqlite:///{directory}/named.sqlite3",
        SECRET_KEY="for this test only; nothing real is signed with it",
        ALLOWED_HOSTS="127.0.0.1",
    )
    try:
        until(lambda: honcho.get("/readyz") == 200, f"ready:\n{honcho.text()}", 60)
        until(
            lambda: "The database is ready for this version" in honcho.text(), "word of the release"
        )
        assert (directory / "named.sqlite3").exists()
        # Nothing of the embedded default: both servers are named.
        assert not (directory / "valkey").exists()
    finally:
        honcho.stop()
    until(lambda: not running_over(directory), "an end of all processes")
