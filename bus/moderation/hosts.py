"""Hosts that the rule on links knows by name, from their list."""

from functools import lru_cache
from pathlib import Path
from typing import Final

_LIST: Final = Path(__file__).parent / "lists" / "hosts.txt"


@lru_cache(maxsize=8)
def hosts(kind: str) -> frozenset[str]:
    """The names of one kind: suffix, shortener, invite or brand."""
    names: list[str] = []
    for line in _LIST.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{kind}\t"):
            names.extend(line.split("\t")[1].split())
    return frozenset(names)
