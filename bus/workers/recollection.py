"""What one author said lately, as the broker keeps it: when, in which room, and the words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

# Bodies that a new one is compared with, here and elsewhere; of the others only the times count.
_COMPARED = 8


class Known(NamedTuple):
    """Bodies in the room and in others, oldest first, and the ages of the former, in seconds."""

    recent: tuple[str, ...]
    elsewhere: tuple[str, ...]
    ages: tuple[float, ...]


class Recollection:
    """The last few messages of one author, oldest first."""

    def __init__(self, entries: Iterable[str]) -> None:
        # Each as it is kept: at (ms since 1970), room, body.
        self._said = [entry.split(" ", 2) for entry in entries]

    @staticmethod
    def entry(at: int, room: str, body: str) -> str:
        """One message as the broker keeps it; a room's name has no spaces."""
        return f"{at} {room} {body}"

    def add(self, at: int, room: str, body: str) -> None:
        """Note one more."""
        self._said.append([str(at), room, body])

    def at(self, room: str, now: int, *, timed: bool) -> Known:
        """What counts when this author writes in a room `now` (ms since 1970); ages if `timed`."""
        here: list[str] = []
        elsewhere: list[str] = []
        ages: list[float] = []
        for at, where, body in self._said:
            if where == room:
                here.append(body)
                if timed:
                    ages.append(max(0, now - int(at)) / 1000)
            else:
                elsewhere.append(body)
        return Known(tuple(here[-_COMPARED:]), tuple(elsewhere[-_COMPARED:]), tuple(ages))
