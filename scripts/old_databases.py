"""Make the databases that CHANGELOG.md's versions had, for tests that migrate them to now.

Each is a file of SQL in tests/vectors/databases, made once and kept: a checkout of the version's
commit, its own migrations, and rows that its own code wrote (`old_rows.py`).

    python -m scripts.old_databases postgres://postgres@127.0.0.1:5432/an_empty_database

makes those that are missing. The database is emptied for each.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DUMPS = ROOT / "tests" / "vectors" / "databases"
KINDS = ("sqlite", "postgres")
# "## 0.1.4 — 2026-11-28, bdf9a88"
_HEADING = re.compile(r"^## (\S+) — (\d{4}-\d\d-\d\d), ([0-9a-f]{7,40})$", re.M)


class Version(NamedTuple):
    """A version that the changelog names with its commit."""

    name: str
    date: str
    commit: str

    def dump(self, kind: str) -> Path:
        """The file with its database, as `kind` has it."""
        return DUMPS / f"{self.name}.{kind}.sql"


def versions() -> list[Version]:
    """All that the changelog names with their commits, the newest first."""
    return [Version(*found) for found in _HEADING.findall((ROOT / "CHANGELOG.md").read_text())]


def main(postgres: str) -> None:
    """Make what is missing."""
    for version in versions():
        missing = [kind for kind in KINDS if not version.dump(kind).exists()]
        if missing:
            with tempfile.TemporaryDirectory(prefix="bus-old-") as directory:
                _make(version, missing, Path(directory), postgres)


def _make(version: Version, kinds: list[str], directory: Path, postgres: str) -> None:
    checkout = directory / "checkout"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", checkout, version.commit], check=True)
    try:
        for kind in kinds:
            file = directory / "bus.sqlite3"
            if kind == "postgres":
                empty = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
                subprocess.run(
                    ["psql", "-qc", empty, postgres], check=True, stderr=subprocess.DEVNULL
                )
            url = postgres if kind == "postgres" else f"sqlite:///{file}"
            fill(checkout, directory, url)
            lines = _of_postgres(postgres) if kind == "postgres" else _of_sqlite(file)
            version.dump(kind).write_text("\n".join(lines) + "\n", "utf-8")
            print(f"Made {version.dump(kind).relative_to(ROOT)}")
    finally:
        subprocess.run([*git, "remove", "--force", checkout], check=True)


def fill(checkout: Path, directory: Path, url: str) -> None:
    """Migrate an empty database by the code of a checkout, and have it write rows of every table.

    What it keeps beside is in `directory`. Raises CalledProcessError, after what went wrong.
    """
    environment = os.environ | {
        "DATABASE_URL": url,
        # Nothing listens there, so a send that waits for the broker stays where it is.
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "BUS_VAR_DIR": str(directory),
        "SECRET_KEY": "for databases of tests; nothing real is signed with it, ever",
    }
    # Each version has its own.
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    rows = str(Path(__file__).with_name("old_rows.py"))
    for command in (["migrate", "-v0"], ["shell", "-c", f"import runpy; runpy.run_path({rows!r})"]):
        command = [sys.executable, "manage.py", *command]
        subprocess.run(command, cwd=checkout, env=environment, check=True)


def _of_postgres(url: str) -> Iterator[str]:
    options = ("--inserts", "--no-owner", "--no-privileges", "--no-comments")
    text = subprocess.run(["pg_dump", *options, url], check=True, capture_output=True, text=True)
    for line in text.stdout.splitlines():
        # What psql alone reads, remarks, and settings that an older server does not know.
        if not line.startswith(
            ("\\", "--", "SET ", "SELECT pg_catalog.set_config", "CREATE SCHEMA")
        ):
            yield line


def _of_sqlite(file: Path) -> Iterator[str]:
    with sqlite3.connect(file) as database:
        things = database.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql NOT NULL"
            " AND name NOT LIKE 'sqlite_%' ORDER BY type <> 'table'"
        ).fetchall()
        yield "BEGIN;"
        for kind, name, sql in things:
            yield f"{sql};"
            if kind == "table":
                for row in database.execute(f'SELECT * FROM "{name}"'):
                    yield f'INSERT INTO "{name}" VALUES ({", ".join(map(_literal, row))});'
        yield "COMMIT;"


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, str) and "\0" in value:
        return f"CAST(X'{value.encode().hex()}' AS TEXT)"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    main(sys.argv[1])
