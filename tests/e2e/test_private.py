"""What this machine stores is its owner's alone, also where it had other rights before."""

import os
import secrets
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.embedded.broker import EmbeddedBroker
from tests.support.manage_up import ROOT, Up, environment


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path:
        found = Path(path) / "var"
        found.mkdir(mode=0o755)
        yield found


@pytest.fixture(autouse=True)
def careless_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(*directories: Path) -> dict[str, str]:
    """All in there, links aside, that others have any right to."""
    return {
        str(path): oct(mode)
        for directory in directories
        for path in (directory, *directory.rglob("*"))
        if path.name != "up.log"  # the test's own
        and (mode := path.lstat().st_mode) & 0o077
        and not stat.S_ISLNK(mode)
    }


def everything(directory: Path) -> list[Path]:
    return [path for path in (directory, *directory.rglob("*")) if not path.is_socket()]


def manage(directory: Path, *args: str, **environ: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=ROOT,
        env=environment(directory, 0, **environ),
        check=True,
        stdout=subprocess.DEVNULL,
    )


def test_what_make_run_keeps_is_its_owners_alone(directory: Path) -> None:
    # As an older version may have left it.
    for name in ("bus.sqlite3", "valkey/appendonlydir/old.aof", "moderation/weights.npz.old"):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o644)
    for _again in range(2):
        bus = Up(directory)
        try:
            bus.wait_until_ready()
            assert (directory / "bus.sqlite3-wal").exists()
            assert (directory / "valkey" / "valkey.log").exists()
            assert not open_to_others(directory)
        finally:
            assert bus.stop() == 0
        assert not open_to_others(directory)
        for path in everything(directory):
            path.chmod(path.stat().st_mode | 0o055)


def test_a_database_elsewhere_is_its_owners_alone(directory: Path) -> None:
    place = directory.parent / "elsewhere"
    named = place / "named.sqlite3"
    url = {"DATABASE_URL": f"sqlite:///{named}"}
    manage(directory, "migrate", "--noinput", **url)
    assert not open_to_others(place)
    named.chmod(0o664)
    manage(directory, "check", **url)
    assert not open_to_others(place)


def test_a_database_in_a_shared_place_leaves_that_as_it_is(directory: Path) -> None:
    directory.parent.chmod(0o755)
    other = directory.parent / "other"
    other.touch(mode=0o644)
    named = directory.parent / "named.sqlite3"
    manage(directory, "check", DATABASE_URL=f"sqlite:///{named}")
    assert stat.S_IMODE(named.stat().st_mode) == 0o600
    assert stat.S_IMODE(other.stat().st_mode) == 0o644
    assert stat.S_IMODE(directory.parent.stat().st_mode) == 0o755


def test_the_brokers_files_are_made_private(directory: Path) -> None:
    broker = EmbeddedBroker(directory / "valkey")
    broker.start()
    try:
        assert not open_to_others(directory / "valkey")
    finally:
        broker.stop()
    assert not open_to_others(directory / "valkey")


def test_tests_run_over_a_sqlite_url_where_there_is_no_var(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(
        "from django.test import TestCase\n"
        "class One(TestCase):\n"
        "    def test_one(self):\n"
        "        from bus.models import Room\n"
        "        Room.objects.create(name='lobby')\n"
    )
    url = f"sqlite:///{tmp_path}/named.sqlite3"
    where = str(tmp_path)
    # With a key of its own, nothing else makes the directory, either.
    environ = {"DATABASE_URL": url, "SECRET_KEY": secrets.token_urlsafe(50)}
    manage(tmp_path / "var", "test", "--noinput", "-t", where, where, **environ)
