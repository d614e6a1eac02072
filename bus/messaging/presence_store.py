"""Who is in a room across processes, in the broker; what nobody renews expires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from bus.broker.redis_client import RedisClient
from bus.conf import conf
from bus.messaging import default_layer
from bus.messaging.errors import with_protocol_errors
from bus.messaging.lua import SCRIPTS
from bus.protocol.objects import Author

# Few enough that one script does not hold up the broker.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Attendance:
    """Who is in a room: how many, who where they are few, and how many changes are unpublished."""

    count: int
    members: list[Author]
    unpublished: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Who came and went since they were published last; who has another name came, too."""

    count: int
    joined: list[Author]
    left: list[Author]


class PresenceStore:
    """The people in one room; somebody in several processes is one person."""

    # Somebody whose process was killed is gone after this; processes renew every 6 s. In ms.
    ttl = 15_000
    # A room hears of changes at most this often, in ms.
    change_interval = 1000
    # Of more people than this the count alone is published.
    named_people = 100

    def __init__(self, connection: RedisClient, prefix: str, room: int) -> None:
        # All keys of a room share one hash tag, so that one script may touch them all.
        self._base = f"{{{prefix}:roster.{room}}}"
        self._connection = connection

    async def attend(self, process: str, people: Mapping[str, Author]) -> Attendance:
        """Note, or renew, that a process has these people in the room; raises Unavailable."""
        flat = [part for key, author in people.items() for part in (key, author.model_dump_json())]
        answer: Sequence[Any] = ()
        for start in range(0, len(flat), 2 * _CHUNK):
            answer = await self._run("attend", process, self.ttl, *flat[start : start + 2 * _CHUNK])
        return _attendance(answer or await self._run("attend", process, self.ttl))

    async def depart(self, process: str, keys: Iterable[str]) -> Attendance:
        """Note that a process has these people no more; raises Unavailable.

        They are gone after the grace of BUS_PRESENCE_GRACE, unless they are back by then.
        """
        grace = int(conf.presence_grace * 1000)
        flat = list(keys)
        answer: Sequence[Any] = ()
        for start in range(0, max(1, len(flat)), _CHUNK):
            answer = await self._run("depart", process, grace, *flat[start : start + _CHUNK])
        return _attendance(answer)

    async def changes(self) -> Changes | float:
        """Take the changes that are not published, or the seconds to wait before asking again."""
        wait, *rest = await self._run("take_changes", self.change_interval)
        if wait:
            return float(wait) / 1000
        count, *signed = rest
        return Changes(
            count,
            _authors(change[1:] for change in signed if change[:1] in (b"+", b"=")),
            _authors(change[1:] for change in signed if change[:1] == b"-"),
        )

    @with_protocol_errors
    async def _run(self, operation: str, *args: Any) -> Sequence[Any]:
        answer: Sequence[Any] = await self._connection.run(
            "presence", self._base, operation, *args, directory=SCRIPTS
        )
        return answer


def of(room: int) -> PresenceStore:
    """Who is in a room, across processes."""
    layer = default_layer.get()
    return PresenceStore(layer.connection(f"roster.{room}"), layer.prefix, room)


def _attendance(answer: Sequence[Any]) -> Attendance:
    count, unpublished, *members = answer
    return Attendance(count, _authors(member for member in members if member), unpublished)


def _authors(packed: Iterable[bytes]) -> list[Author]:
    """Those that are authors: anybody may write into the broker."""
    return [author for author in map(_author, packed) if author is not None]


@lru_cache(10_000)
def _author(json: bytes) -> Author | None:
    try:
        return Author.model_validate_json(json)
    except ValidationError:
        return None
