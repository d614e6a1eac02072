"""Reads the lists that moderation goes by: lines of tab-separated columns, and `#` for comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn


class ListError(ValueError):
    """A line of a list that cannot be read; its message says which, and why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list: its columns, and where it stands."""

    path: Path
    number: int
    columns: tuple[str, ...]

    def refuse(self, why: str) -> NoReturn:
        """Raise ListError with file and line."""
        raise ListError(f"{self.path.name}, line {self.number}: {why}")

    def choice(self, column: int, name: str, among: tuple[str, ...]) -> str:
        """A column that has one of these values; raises ListError."""
        value = self.columns[column]
        if value not in among:
            self.refuse(f"no {name} {value!r}; there are {', '.join(among)}")
        return value

    def whole(self, column: int, name: str, least: int, most: int) -> int:
        """A column that has a whole number; raises ListError."""
        value = self.columns[column]
        if not (value.isascii() and value.isdecimal() and least <= int(value) <= most):
            self.refuse(f"{name} {value!r} is no whole number from {least} to {most}")
        return int(value)

    def items(self, column: int, separator: str = ", ") -> list[str]:
        """What a column lists; raises ListError for an empty piece."""
        found = self.columns[column].split(separator)
        if not all(item and item == item.strip() for item in found):
            self.refuse(f"{self.columns[column]!r} is no list with {separator!r} between")
        return found


def lines(path: Path, least: int, most: int) -> Iterator[Line]:
    """The lines of a list with so many columns; raises ListError."""
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not text or text.startswith("#"):
            continue
        line = Line(path, number, tuple(text.split("\t")))
        if not least <= len(line.columns) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            line.refuse(f"{wanted} tab-separated columns are wanted, {len(line.columns)} are there")
        yield line


def by_kind(
    path: Path, kinds: tuple[str, ...], separator: str = ", ", *, partial: bool = False
) -> Mapping[str, tuple[str, ...]]:
    """What a list of two columns, kind and items, has of each kind; raises ListError.

    Each of the kinds is there, unless some may be left out (`partial`), and no other.
    """
    found: dict[str, list[str]] = {} if partial else {kind: [] for kind in kinds}
    for line in lines(path, 2, 2):
        found.setdefault(line.choice(0, "kind", kinds), []).extend(line.items(1, separator))
    missing = [kind for kind, items in found.items() if not items]
    if missing:
        raise ListError(f"{path.name}: nothing of the kind {missing[0]!r}")
    return MappingProxyType({kind: tuple(items) for kind, items in found.items()})
