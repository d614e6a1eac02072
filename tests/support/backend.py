"""A broker that may be killed and a database to look into: what ships, or real servers."""

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import redis

from bus.embedded.broker import EmbeddedBroker
from tests.support.manage_up import free_port
from tests.support.wait import until


class Backend(Protocol):
    """One broker and one database, for processes of a test."""

    name: str
    directory: Path

    @property
    def url(self) -> str:
        """The broker's address."""

    @property
    def environment(self) -> dict[str, str]:
        """What processes need to find both."""

    def start_broker(self) -> None:
        """Start it, or start it again over what it wrote."""

    def kill_broker(self) -> None:
        """End it with SIGKILL."""

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database."""


class Embedded:
    """Valkey over an append-only file, and SQLite, as Bus starts them with nothing set."""

    name = "SQLite+Valkey"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment: dict[str, str] = {}
        self._broker = EmbeddedBroker(directory / "valkey")

    @property
    def url(self) -> str:
        """The broker's socket."""
        return self._broker.url

    def start_broker(self) -> None:
        """Start it, or start it again."""
        self._broker.start()

    def kill_broker(self) -> None:
        """End it with SIGKILL."""
        pid = self._broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: self._broker.pid is None, "the broker's end")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask SQLite."""
        with closing(sqlite3.connect(self.directory / "bus.sqlite3", timeout=20)) as database:
            return database.execute(sql).fetchall()

    def close(self) -> None:
        """Stop the broker."""
        self._broker.stop()


class Servers:
    """A redis-server of the test's own, and a database of its own on a PostgreSQL server."""

    name = "PostgreSQL+Redis"

    def __init__(self, directory: Path, database_url: str) -> None:
        self.directory = directory
        self._admin_url = database_url
        self._database = f"bus_chaos_{uuid.uuid4().hex[:12]}"
        parts = urlsplit(database_url)
        self._database_url = urlunsplit(parts._replace(path=f"/{self._database}"))
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._administer(f"CREATE DATABASE {self._database}")

    @property
    def url(self) -> str:
        """The broker's address."""
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def environment(self) -> dict[str, str]:
        """What processes need to find both."""
        return {
            "REDIS_URL": self.url,
            "DATABASE_URL": self._database_url,
            "SECRET_KEY": "for tests only; nothing real is signed with it, ever",
            "ALLOWED_HOSTS": "127.0.0.1",
            "BUS_OPEN_ROOMS": "1",
            "BUS_ADDRESS_ROOM_RATE": "0",
        }

    def start_broker(self) -> None:
        """Start it, or start it again over what it wrote."""
        options = f"--port {self._port} --bind 127.0.0.1 --appendonly yes --appendfsync everysec"
        self._process = subprocess.Popen(
            ["redis-server", *options.split(), "--save", "", "--dir", str(self.directory)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, "redis-server's answer")

    def kill_broker(self) -> None:
        """End it with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask PostgreSQL."""
        with psycopg.connect(self._database_url) as connection:
            return connection.execute(sql.encode()).fetchall()

    def close(self) -> None:
        """Stop the broker and drop the database."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
        self._administer(f"DROP DATABASE IF EXISTS {self._database} WITH (FORCE)")

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _administer(self, sql: str) -> None:
        url = urlunsplit(urlsplit(self._admin_url)._replace(path="/postgres"))
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            connection.execute(sql.encode())


@contextmanager
def backend() -> Iterator[Backend]:
    """Real servers where DATABASE_URL names one (as .ci/run does), else what ships."""
    # Short, since the broker's socket lies in it.
    with tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path:
        found = _servers(Path(path)) if os.environ.get("DATABASE_URL") else Embedded(Path(path))
        with closing(found):
            found.start_broker()
            yield found


def _servers(directory: Path) -> Servers:
    url = os.environ["DATABASE_URL"]
    if shutil.which("redis-server") is None:
        _missing("there is no redis-server on the PATH; chaos tests start and kill one")
    try:
        return Servers(directory, url)
    except psycopg.OperationalError as error:
        _missing(f"DATABASE_URL's server does not answer: {error}")
    raise AssertionError


def _missing(what: str) -> None:
    # pytest's own exceptions: a developer goes without, a merge does not.
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)
