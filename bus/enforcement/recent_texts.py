"""What one author said lately, as the broker keeps it: when, in which room, and its fingerprint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bus.moderation import fingerprint


class PreviousTexts(NamedTuple):
    """Fingerprints of an author's last texts, and how long ago one room heard some, in seconds."""

    recent: tuple[str, ...]
    ages: tuple[float, ...]


class RecentTexts:
    """The last few messages of one author, oldest first."""

    def __init__(self, lines: Iterable[str]) -> None:
        # Each as it is kept: at (ms since 1970), room, fingerprint.
        self._lines = list(lines)
        self._fingerprints = [line[line.rfind(" ") + 1 :] for line in self._lines]

    @staticmethod
    def line(at: int, room: str, body: str) -> str:
        """One message as the broker keeps it; no name of a room and no fingerprint has spaces."""
        return f"{at} {room} {fingerprint(body)}"

    def add(self, at: int, room: str, body: str) -> str:
        """Note one more; returns its line."""
        line = self.line(at, room, body)
        self._lines.append(line)
        self._fingerprints.append(line[line.rfind(" ") + 1 :])
        return line

    def at(self, room: str, now: int, *, timed: bool) -> PreviousTexts:
        """What counts when this author writes in a room `now` (ms since 1970); ages if `timed`."""
        ages: list[float] = []
        if timed:
            for at, where, _ in (line.split(" ", 2) for line in self._lines):
                if where == room:
                    ages.append(max(0, now - int(at)) / 1000)
        return PreviousTexts(tuple(self._fingerprints), tuple(ages))
