"""Keeps what this machine stores to its owner: databases hold private talk, `var/` secrets."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

# What others might do; none of it is theirs.
OTHERS = 0o077
# What lies in a data directory.
_KEPT = ("*.sqlite3*", "secret_key*", "demo*", "moderation", "valkey")
# What SQLite writes beside a database, with the rights that the database has.
_BESIDE = ("", "-wal", "-shm", "-journal")


def opener(path: str, flags: int) -> int:
    """Make a file that is its owner's alone, as `open(…, opener=opener)`."""
    return os.open(path, flags, 0o600)


def make_directory(path: Path) -> None:
    """Make a directory that is its owner's alone, where there is none."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_database(path: Path) -> None:
    """Make an empty SQLite database where there is none, and take an older one from others."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    _tighten(path.with_name(path.name + end) for end in _BESIDE)


def tighten(directory: Path) -> None:
    """Take a data directory, and what Bus keeps in it, from others."""
    _tighten([directory])
    # It may be a directory of many uses, such as a home.
    for pattern in _KEPT:
        for path in directory.glob(pattern):
            _tighten([path])
            for parent, names, files in os.walk(path):
                _tighten(Path(parent, name) for name in (*names, *files))


def _tighten(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            mode = path.lstat().st_mode
            # What leads elsewhere, and what is shared by design, as /tmp is, is not ours.
            if mode & OTHERS and not stat.S_ISLNK(mode) and not mode & stat.S_ISVTX:
                path.chmod(stat.S_IMODE(mode) & ~OTHERS)
        except OSError:
            continue  # It is gone, or belongs to somebody else.
