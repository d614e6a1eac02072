"""A database as an older version left it, on the server that the tests run on."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from scripts.old_databases import Version
from tests.support.manage_up import ROOT

Row = dict[str, Any]


class OldDatabase:
    """A database with its rows, which `manage.py` works on."""

    def __init__(self, url: str, kind: str) -> None:
        self.url = url
        self.kind = kind

    def manage(self, *arguments: str) -> str:
        """Run a command of this checkout on it; what it prints."""
        command = [sys.executable, "manage.py", *arguments]
        environment = os.environ | {
            "DATABASE_URL": self.url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tables(self) -> dict[str, list[Row]]:
        """Every table with its rows, by their ids."""
        with closing(self._connect()) as connection:
            cursor = connection.cursor()
            return {name: _rows(cursor, name) for name in self._names(cursor)}

    def load(self, text: str) -> None:
        """Run a dump in it."""
        with closing(self._connect()) as connection:
            if isinstance(connection, sqlite3.Connection):
                connection.executescript(text)
            else:
                connection.execute(text)  # type: ignore[call-overload]
                connection.commit()

    def _connect(self) -> sqlite3.Connection | psycopg.Connection[Any]:
        if self.kind == "sqlite":
            return sqlite3.connect(self.url.removeprefix("sqlite:///"))
        return psycopg.connect(self.url)

    def _names(self, cursor: Any) -> list[str]:
        listed = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            if self.kind == "sqlite"
            else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        cursor.execute(listed)
        return [name for (name,) in cursor.fetchall()]


def _rows(cursor: Any, table: str) -> list[Row]:
    cursor.execute(f'SELECT * FROM "{table}"')
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def old_database(version: Version, directory: Path) -> Iterator[OldDatabase]:
    """The database of a version, on SQLite or on the tests' PostgreSQL; gone in the end."""
    config = settings.DATABASES["default"]
    if "sqlite" in config["ENGINE"]:
        database = OldDatabase(f"sqlite:///{directory / 'old.sqlite3'}", "sqlite")
        database.load(version.dump("sqlite").read_text("utf-8"))
        yield database
        return
    name = f"old_{os.getpid()}"
    url = os.environ["DATABASE_URL"].rpartition("/")[0]
    # The one that is named may not be there; Django's tests make theirs beside it, too.
    with psycopg.connect(f"{url}/postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            database = OldDatabase(f"{url}/{name}", "postgres")
            database.load(version.dump("postgres").read_text("utf-8"))
            yield database
        finally:
            server.execute(f"DROP DATABASE {name}")
