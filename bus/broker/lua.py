"""The Lua scripts that run in the broker: their sources, and how it knows them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"
# Those that were asked for, by their SHA-1: a broker that has just started knows none.
sources: dict[str, str] = {}


@cache
def script(name: str, directory: Path = SCRIPTS) -> tuple[str, str]:
    """A Lua script's source and its SHA-1, which is how the broker knows it.

    What builds on the broker has scripts of its own, in a directory of its own.
    """
    source = (directory / f"{name}.lua").read_text("utf-8")
    # The first line may be one that the broker reads.
    first, flags, rest = source.rpartition("flags=allow-oom\n")
    source = first + flags + (SCRIPTS / "prelude.lua").read_text("utf-8") + rest
    sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    sources[sha] = source
    return source, sha
